package memstore

import (
	"context"
	"sync"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/store"
)

// Contains is [store.Store]'s.
func (s *Store) Contains(ctx context.Context, key string) (bool, error) {
	_, err := s.read(ctx, "contains", key, false)
	if err == store.ErrNotFound {
		return false, nil
	}
	return err == nil, err
}

// Get is [store.Store]'s. It is one round trip, which also records the use.
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	r, err := s.read(ctx, "get", key, true)
	return r.Value, err
}

// Touch is [store.Toucher]'s. The value is read and thrown away: memcached's own touch would tell neither that the deadline has passed
// nor that the record is another's.
func (s *Store) Touch(ctx context.Context, key string) error {
	_, err := s.read(ctx, "touch", key, true)
	return err
}

// Load is [store.Swapper]'s. memcached does not tell the atime, so Item.Atime is zero.
func (s *Store) Load(ctx context.Context, key string) (*store.Item, error) {
	return s.load(ctx, "load", key, true)
}

// Peek is [store.Swapper]'s. Item.Atime is zero.
func (s *Store) Peek(ctx context.Context, key string) (*store.Item, error) {
	return s.load(ctx, "peek", key, false)
}

func (s *Store) load(ctx context.Context, op, key string, use bool) (*store.Item, error) {
	r, err := s.read(ctx, op, key, use)
	if err != nil {
		return nil, err
	}
	return &store.Item{Value: r.Value, Expires: r.Expires, Version: r.Version.Text()}, nil
}

// read finds the live entry under key, and records the use if that is asked for and counts.
func (s *Store) read(ctx context.Context, op, key string, use bool) (record.Record, error) {
	if err := s.begin(ctx, op, key); err != nil {
		return record.Record{}, err
	}
	request := reqGet
	if use && s.idleOf(key) > 0 {
		request = reqGetAndTouch
	}
	r, _, err := s.fetch(ctx, request, key)
	if err == nil && expired(&r) {
		if request == reqGetAndTouch {
			s.letGo(ctx, key, r.Version)
		}
		err = memcache.ErrCacheMiss
	}
	if err != nil {
		return record.Record{}, store.Wrap("memstore", op, cause(err))
	}
	return r, nil
}

func expired(r *record.Record) bool { return !r.Expires.IsZero() && !time.Now().Before(r.Expires) }

// letGo removes an entry that is absent by its deadline and that gat has just put off, or who asks again and again would keep it in the server's
// memory for ever. It removes that version and no other, so what somebody writes there meanwhile stays. Whether it succeeds is of no interest.
//
// The time of a live one, which gat has put off beyond its deadline, is not set back: memcached knows no touch on a condition, and a plain one could
// meet an entry that was written meanwhile, and end it early.
func (s *Store) letGo(ctx context.Context, key string, version record.Version) {
	if r, cas, err := s.fetch(ctx, reqGet, key); err == nil && r.Version == version {
		s.write(ctx, reqCompareAndSwap, key, memcache.Item{Key: s.name(key), Expiration: gone, CasID: cas}, record.Version{})
	}
}

// attempts is how often a read is tried on connections that break. After the first the idle ones are gone, so the second gets a new one, or one
// that another has just used; the third is for those that this other one had from before the server went away.
const attempts = 3

// fetch reads what stands under key, absent by its deadline or not, with its CAS id. Errors are the client's, ctx's or
// ErrCorrupt.
func (s *Store) fetch(ctx context.Context, request request, key string) (record.Record, uint64, error) {
	item := memcache.Item{Key: s.name(key)}
	if request == reqGetAndTouch {
		item.Expiration = s.useExptime()
	}
	known := s.others.has(item.Key)
	asked := request
	if known {
		request = reqGet // a use of what is not ours is none
	}
	suspect := false
	for attempt := 1; ; attempt++ {
		age := s.idlers.age()
		found, err := s.send(ctx, request, item)
		if err == nil {
			r, foreign, err := decode(found, item.Key, key)
			switch {
			case err == nil && known:
				s.others.remove(item.Key)
				known, request = false, asked
				if asked == reqGetAndTouch {
					continue
				}
			case foreign && !known && !suspect:
				s.idlers.drop(s.client, age) // among them the connection that answered what somebody else had asked, if that is why
				suspect, request = true, reqGet
				continue
			case err != nil && !known: // it stands there, and will the next time
				s.others.add(item.Key)
			}
			return r, found.CasID, err
		}
		if kindOf(err) != broken || !s.again(item.Key, attempt) {
			return record.Record{}, 0, err
		}
		s.idlers.drop(s.client, age)
	}
}

// again tells whether a request that met a broken connection is tried once more. A server that breaks new connections too is asked once only,
// or every read would open three and close those to other servers.
func (s *Store) again(name string, attempt int) bool {
	server, err := s.pick(name)
	if err != nil || server.hopeless.Load() {
		return false
	}
	if attempt == attempts {
		server.hopeless.Store(true)
		return false
	}
	return true
}

// decode reads the record; foreign tells that it is whole and somebody else's.
func decode(found *memcache.Item, name, key string) (_ record.Record, foreign bool, _ error) {
	r, err := record.Decode(found.Value, key)
	if err != nil {
		_, other := record.Decode(found.Value, "")
		return record.Record{}, other == nil || found.Key != name, err
	}
	return r, false, nil
}

// idlers lets go of idle connections, since some of them are broken: a server that went away has left one in each, and the client
// would find out about them one request at a time.
type idlers struct {
	mu    sync.Mutex
	drops int
}

// age is told to drop by those who meet a broken connection: it was taken after that many drops.
func (d *idlers) age() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.drops
}

func (d *idlers) drop(client *memcache.Client, age int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.drops == age { // or somebody has done it meanwhile
		client.Close() // closes what is idle; the client goes on
		d.drops++
	}
}

package memstore

import (
	"context"
	"fmt"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/store"
)

// Set is [store.Store]'s.
func (s *Store) Set(ctx context.Context, key string, value []byte) error {
	if err := s.begin(ctx, "set", key); err != nil {
		return err
	}
	item, version, err := s.encode(key, &store.Item{Value: value})
	if err == nil {
		err = s.put(ctx, key, item, version)
	}
	return store.Wrap("memstore", "set", cause(err))
}

// Delete is [store.Store]'s.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := s.begin(ctx, "delete", key); err != nil {
		return err
	}
	return store.Wrap("memstore", "delete", cause(s.remove(ctx, key)))
}

// Swap is [store.Swapper]'s. A create is one round trip, any other two.
func (s *Store) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	if err := s.begin(ctx, "swap", key); err != nil {
		return "", err
	}
	if item == nil {
		return "", store.Wrap("memstore", "swap", cause(s.swapAway(ctx, key, old)))
	}
	stored, version, err := s.encode(key, item)
	switch {
	case err != nil:
	case old == store.AnyVersion:
		err = s.put(ctx, key, stored, version)
	case old == "":
		err = s.create(ctx, key, stored, version)
	default:
		if stored.CasID, err = s.claim(ctx, key, old); err == nil {
			err = s.write(ctx, reqCompareAndSwap, key, stored, version)
		}
		if err == memcache.ErrCacheMiss {
			err = store.ErrConflict
		}
	}
	if err != nil {
		return "", store.Wrap("memstore", "swap", cause(err))
	}
	return version.Text(), nil
}

// encode makes a copy of the value: the call may still send it when the caller has left.
func (s *Store) encode(key string, item *store.Item) (memcache.Item, record.Version, error) {
	if len(item.Value) > s.maxValue {
		// memcached would remove the old value before it says so.
		return memcache.Item{}, record.Version{}, fmt.Errorf("%w: %d bytes, the limit is %d", store.ErrTooLarge, len(item.Value), s.maxValue)
	}
	written := time.Now()
	if !item.Atime.IsZero() && item.Atime.Before(written) {
		written = item.Atime
	}
	r := record.Record{Key: key, Value: item.Value, Version: record.NewVersion(), Expires: item.Expires, Written: written}
	return memcache.Item{
		Key:        s.name(key),
		Value:      r.Append(nil),
		Expiration: s.writeExptime(key, item.Atime, item.Expires),
	}, r.Version, nil
}

// large is from what size on a record may be more than a server takes. memcached's set removes the old value when it refuses the new one,
// its replace does not, but needs an old value. So a large one is replaced, or else, since the server has refused it for that reason only, set.
const large = 16 << 10

// put writes whatever stands there.
func (s *Store) put(ctx context.Context, key string, item memcache.Item, version record.Version) error {
	if len(item.Value) >= large {
		if err := s.write(ctx, reqReplace, key, item, version); err != memcache.ErrNotStored {
			return err
		}
	}
	return s.write(ctx, reqSet, key, item, version)
}

// create writes where nothing stands, or something that is absent by its deadline.
func (s *Store) create(ctx context.Context, key string, item memcache.Item, version record.Version) error {
	const patience = 10 // entries that come and go between two requests
	for range patience {
		if err := s.write(ctx, reqAdd, key, item, version); err != memcache.ErrNotStored {
			return err
		}
		r, cas, err := s.fetch(ctx, reqGet, key)
		switch {
		case err == memcache.ErrCacheMiss:
			continue
		case err != nil:
			return err
		case !expired(&r):
			return store.ErrConflict
		}
		item.CasID = cas
		if err := s.write(ctx, reqCompareAndSwap, key, item, version); err != memcache.ErrCacheMiss {
			return err
		}
	}
	return store.ErrConflict
}

// claim returns the CAS id under which the version old stands, or ErrConflict. The id alone would not do: after a restart, the server gives
// the same ones again.
func (s *Store) claim(ctx context.Context, key string, old store.Version) (uint64, error) {
	r, cas, err := s.fetch(ctx, reqGet, key)
	switch {
	case err == memcache.ErrCacheMiss:
		return 0, store.ErrConflict
	case err != nil:
		return 0, err
	case r.Version.Text() != old || expired(&r):
		return 0, store.ErrConflict
	}
	return cas, nil
}

// swapAway is Swap to nil.
func (s *Store) swapAway(ctx context.Context, key string, old store.Version) error {
	switch old {
	case store.AnyVersion:
		return s.remove(ctx, key)
	case "":
		r, _, err := s.fetch(ctx, reqGet, key)
		if err == memcache.ErrCacheMiss || err == nil && expired(&r) {
			return nil
		} else if err == nil {
			err = store.ErrConflict
		}
		return err
	}
	cas, err := s.claim(ctx, key, old)
	if err != nil {
		return err
	}
	// memcached cannot delete on a condition, but store what expires at once.
	err = s.write(ctx, reqCompareAndSwap, key, memcache.Item{Key: s.name(key), Expiration: gone, CasID: cas}, record.Version{})
	if err == memcache.ErrCacheMiss {
		err = store.ErrConflict
	}
	return err
}

func (s *Store) remove(ctx context.Context, key string) error {
	err := s.write(ctx, reqDelete, key, memcache.Item{Key: s.name(key)}, record.Version{})
	if err == memcache.ErrCacheMiss {
		return nil
	}
	return err
}

// write sends a write, once: what was sent on a connection that broke may have been done, and then somebody else may have changed or
// deleted it; to do it again would undo that. Where the answer is lost, it looks whether its own version stands: then all is well. Where
// it does not, nobody knows. A removal has no version to look for.
func (s *Store) write(ctx context.Context, request request, key string, item memcache.Item, version record.Version) error {
	age := s.idlers.age()
	_, err := s.send(ctx, request, item)
	kind := kindOf(err)
	if kind == broken {
		if server, picked := s.pick(item.Key); picked == nil && !server.hopeless.Load() {
			s.idlers.drop(s.client, age)
		}
	}
	if kind != broken && kind != late {
		return err
	}
	if version != (record.Version{}) {
		r, _, lost := s.fetch(ctx, reqGet, key)
		switch {
		case lost == nil && r.Version == version:
			return nil
		case lost != nil && kindOf(lost) == left:
			return lost
		}
	}
	return fmt.Errorf("%w: %w", errUnknown, err)
}

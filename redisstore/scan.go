package redisstore

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/maphash"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/store"
)

const (
	scanCount  = 512     // keys that one SCAN looks at, about
	scanRecent = 1 << 16 // keys that are recognised if SCAN repeats them
)

// scanner finds the store's keys with a prefix, page by page, one server after the other.
type scanner struct {
	s      *Store
	prefix string // of the keys as the caller knows them
	match  string // for SCAN
	nodes  []redis.Cmdable
	cursor uint64
	seen   recent
}

func (s *Store) scan(ctx context.Context, prefix string) (*scanner, error) {
	nodes, err := s.masters(ctx)
	if err != nil {
		return nil, err
	}
	return &scanner{s: s, prefix: prefix, match: globEscape(s.prefix+prefix) + "*", nodes: nodes}, nil
}

// masters returns those that must be scanned.
func (l *link) masters(ctx context.Context) ([]redis.Cmdable, error) {
	if l.nodes == nil {
		return []redis.Cmdable{l.client}, nil
	}
	nodes, err := within(ctx, func() (nodes []redis.Cmdable, err error) {
		var mu sync.Mutex
		err = l.nodes.client.ForEachMaster(ctx, func(_ context.Context, c *redis.Client) error {
			mu.Lock()
			defer mu.Unlock()
			nodes = append(nodes, c)
			return nil
		})
		return nodes, err
	})
	if err != nil {
		return nil, l.failed(ctx, err)
	}
	return nodes, nil
}

// found is a key and what stands under it, as far as one sees without its value.
type found struct {
	key      string
	atime    int64 // µs
	deadline int64 // µs; 0: none
	record   listed
	err      error // wraps ErrCorrupt
}

// listed is what a record's header says.
type listed struct {
	size    int64
	expires int64 // ns; 0: none
}

// page returns the next keys, and false after the last. It holds nothing between two calls.
func (c *scanner) page(ctx context.Context) (entries []found, more bool, err error) {
	if len(c.nodes) == 0 {
		return nil, false, nil
	}
	keys, err := c.keys(ctx)
	if err != nil {
		return nil, false, err
	}
	entries, err = c.look(ctx, keys)
	return entries, len(c.nodes) > 0, err
}

// keys asks one SCAN, and again if the connection broke: a cursor is no state of the server's.
func (c *scanner) keys(ctx context.Context) ([]string, error) {
	type page struct {
		names  []string
		cursor uint64
	}
	var p page
	err := c.s.twice(ctx, func() (err error) {
		p, err = within(ctx, func() (p page, err error) {
			p.names, p.cursor, err = c.nodes[0].Scan(ctx, c.cursor, c.match, scanCount).Result()
			return p, err
		})
		return err
	})
	if err != nil {
		return nil, c.s.failed(ctx, err)
	}
	if c.cursor = p.cursor; c.cursor == 0 {
		c.nodes = c.nodes[1:]
	}
	keys := p.names[:0]
	for _, name := range p.names {
		key, ok := strings.CutPrefix(name, c.s.prefix)
		if ok && strings.HasPrefix(key, c.prefix) && store.CheckKey(key) == nil && c.seen.add(key) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// look reads the head, the record's header and its key of each.
func (c *scanner) look(ctx context.Context, keys []string) ([]found, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	type reply struct {
		head *redis.StringCmd
		size *redis.IntCmd
	}
	ask := func() ([]reply, error) {
		pipe := c.s.client.Pipeline()
		replies := make([]reply, len(keys))
		for i, key := range keys {
			name := c.s.prefix + key
			replies[i].head = pipe.GetRange(ctx, name, 0, int64(headSize+record.HeaderSize+len(key)-1))
			replies[i].size = pipe.StrLen(ctx, name)
		}
		_, err := pipe.Exec(ctx)
		if isAnswer(err) {
			err = nil // of one of them
		}
		return replies, err
	}
	var replies []reply
	err := c.s.twice(ctx, func() (err error) {
		replies, err = within(ctx, ask)
		return err
	})
	if err != nil {
		return nil, c.s.failed(ctx, err)
	}
	entries := make([]found, 0, len(keys))
	for i, r := range replies {
		head, err := r.head.Bytes()
		if err == nil {
			err = r.size.Err()
		}
		if err != nil {
			if err = c.s.failed(ctx, err); !errors.Is(err, store.ErrCorrupt) {
				return nil, err
			}
			entries = append(entries, found{key: keys[i], err: err})
			continue
		}
		if r.size.Val() == 0 && len(head) == 0 {
			continue // gone since, or an empty string of somebody else
		}
		if f, mine := readHead(keys[i], head, r.size.Val()); mine {
			entries = append(entries, f)
		}
	}
	return entries, nil
}

// readHead reads what look has fetched. A record that belongs to another key is another store's, whose prefix begins with ours.
func readHead(key string, head []byte, size int64) (f found, mine bool) {
	f = found{key: key}
	if len(head) < headSize {
		f.err = errDamaged
		return f, true
	}
	header := head[headSize:]
	length, err := record.Length(header)
	switch {
	case err != nil:
		f.err = err
		return f, true
	case string(header[record.HeaderSize:]) != key:
		if k := int(binary.BigEndian.Uint16(header[6:])); k < len(key) && strings.HasSuffix(key, string(header[record.HeaderSize:record.HeaderSize+k])) {
			return f, false
		}
		f.err = errDamaged
		return f, true
	case int64(headSize+length) != size:
		f.err = errDamaged
	}
	f.atime = int64(binary.BigEndian.Uint64(head))
	f.deadline = int64(binary.BigEndian.Uint64(head[8:]))
	f.record = listed{size: int64(binary.BigEndian.Uint32(header[8:])), expires: int64(binary.BigEndian.Uint64(header[12:]))}
	return f, true
}

// isAnswer tells an error that the server gave from one of the wire.
func isAnswer(err error) bool {
	var answer redis.Error
	return errors.As(err, &answer)
}

// globEscape makes a pattern that matches s and nothing else.
func globEscape(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(s)
}

// recent recognises keys that were there lately. SCAN repeats keys where the server's table shrinks meanwhile: those of buckets that it had just
// begun to go through, for it takes the buckets that will be merged one after the other. So few hashes tell; all would take memory without a bound.
type recent struct {
	seed   maphash.Seed
	hashes map[uint64]struct{}
	ring   []uint64
	next   int
}

// add reports whether the key is new.
func (r *recent) add(key string) bool {
	if r.hashes == nil {
		r.seed, r.hashes = maphash.MakeSeed(), make(map[uint64]struct{})
	}
	h := maphash.String(r.seed, key)
	if _, ok := r.hashes[h]; ok {
		return false
	}
	r.hashes[h] = struct{}{}
	if len(r.ring) < scanRecent {
		r.ring = append(r.ring, h)
		return true
	}
	delete(r.hashes, r.ring[r.next])
	r.ring[r.next] = h
	r.next = (r.next + 1) % scanRecent
	return true
}

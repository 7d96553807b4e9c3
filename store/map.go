package store

import (
	"context"
	"fmt"
	"hash/maphash"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// MapOptions are the options of [NewMap]. nil means the zero value.
type MapOptions struct {
	Expiry // a negative Timeout counts as none

	// MaxValue is the largest value that is taken, in bytes; over it, [ErrTooLarge]. ≤ 0: no limit.
	MaxValue int
}

// Map keeps entries in the memory of this process. It is the reference store: its code is the shortest that keeps every
// rule. It forgets everything when the process ends, and grows until somebody cleans up: run cleanup.Loop beside it.
//
// The entries are spread over shards by hash. Whatever walks over all of them, List or Sweep, holds the lock of one shard
// at a time and never for long, so that a million dead entries stall no reader.
type Map struct {
	expiry   Expiry
	maxValue int
	seed     maphash.Seed
	closed   atomic.Bool
	shards   [mapShards]mapShard
}

// mapShards makes a shard of a million entries a few thousand: what is copied under one lock when listing.
const mapShards = 256

type mapShard struct {
	mu      sync.RWMutex
	entries map[string]*mapEntry
	orders  [2]mapOrder // indexed by byAtime and byDeadline
}

// mapEntry is one entry. The bytes of value never change, so readers may copy them after they let go of the lock.
type mapEntry struct {
	key     string
	value   []byte
	version Version
	when    [2]time.Time // atime; deadline, zero: none
	pos     [2]int       // index in the heap of each order
}

var (
	_ Toucher   = (*Map)(nil)
	_ Lister    = (*Map)(nil)
	_ Resumer   = (*Map)(nil)
	_ Swapper   = (*Map)(nil)
	_ Sweeper   = (*Map)(nil)
	_ Inspector = (*Map)(nil)
	_ Expirer   = (*Map)(nil)
	_ io.Closer = (*Map)(nil)
)

// NewMap returns an empty Map.
func NewMap(o *MapOptions) *Map {
	if o == nil {
		o = &MapOptions{}
	}
	m := &Map{expiry: o.Expiry, maxValue: o.MaxValue, seed: maphash.MakeSeed()}
	for i := range m.shards {
		s := &m.shards[i]
		s.entries = make(map[string]*mapEntry)
		s.orders = [2]mapOrder{{by: byAtime}, {by: byDeadline}}
	}
	return m
}

// OpenMap is the [Opener] of "map:" URLs, with x-timeout, x-touch-after and x-max-value.
func OpenMap(_ context.Context, u *url.URL) (Closer, error) {
	p := NewParams(u)
	o := &MapOptions{Expiry: p.Expiry(), MaxValue: p.Int("x-max-value")}
	if u.Host != "" || u.Path != "" || u.Opaque != "" {
		p.fail("it names a place, but the map is in this process; write map:")
	}
	if err := p.Done(); err != nil {
		return nil, Wrap("store", "open", err)
	}
	return NewMap(o), nil
}

// Expiry returns that of the [MapOptions], with 0 for a negative Timeout.
func (m *Map) Expiry() (Expiry, error) {
	e := m.expiry
	e.Timeout = max(e.Timeout, 0)
	return e, nil
}

// Close drops all entries. Whatever is called afterwards fails with an error that wraps [os.ErrClosed].
func (m *Map) Close() error {
	m.closed.Store(true)
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.Lock()
		s.entries = nil
		s.orders = [2]mapOrder{{by: byAtime}, {by: byDeadline}}
		s.mu.Unlock()
	}
	return nil
}

// ready tells whether op may begin: the store is open and ctx has not ended.
func (m *Map) ready(ctx context.Context, op string) error {
	if m.closed.Load() {
		return Wrap("store", op, os.ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		return Wrap("store", op, err)
	}
	return nil
}

// shard checks what every operation on one key checks, and finds the key's shard.
func (m *Map) shard(ctx context.Context, op, key string) (*mapShard, error) {
	if err := CheckKey(key); err != nil {
		return nil, Wrap("store", op, err)
	}
	if err := m.ready(ctx, op); err != nil {
		return nil, err
	}
	return &m.shards[m.shardOf(key)], nil
}

// mapNow is the wall clock without its monotonic part: deadlines have none, and all times of an order must compare alike.
func mapNow() time.Time { return time.Now().Round(0) }

// live returns the entry under key, unless it is absent at now or the store was closed since the call began. The caller holds
// s.mu, for reading at least.
func (m *Map) live(s *mapShard, key string, now time.Time) (*mapEntry, error) {
	if s.entries == nil {
		return nil, os.ErrClosed
	}
	e := s.entries[key]
	if e == nil || m.absent(e, now) {
		return nil, ErrNotFound
	}
	return e, nil
}

func (m *Map) absent(e *mapEntry, now time.Time) bool {
	return m.expiry.For(e.key).Absent(now, e.when[byAtime], e.when[byDeadline])
}

// read returns the entry under key as an Item whose Value is still the store's, and records the use if that is asked for
// and due.
func (m *Map) read(ctx context.Context, op, key string, use bool) (Item, error) {
	s, err := m.shard(ctx, op, key)
	if err != nil {
		return Item{}, err
	}
	now := mapNow()
	s.mu.RLock()
	e, err := m.live(s, key, now)
	if err != nil {
		s.mu.RUnlock()
		return Item{}, Wrap("store", op, err)
	}
	item := e.item()
	s.mu.RUnlock()
	if !use || Reserved(key) || !m.expiry.Stale(now, item.Atime) {
		return item, nil
	}

	// The entry may be another by now, or gone: the use is recorded on what is there, and the answer is what is there.
	// The clock is read again under the lock, or an entry that someone saw absent meanwhile would come back.
	s.mu.Lock()
	defer s.mu.Unlock()
	now = mapNow()
	if e, err = m.live(s, key, now); err != nil {
		return Item{}, Wrap("store", op, err)
	}
	if e.when[byAtime].Before(now) {
		s.orders[byAtime].set(e, now)
	}
	return e.item(), nil
}

func (e *mapEntry) item() Item {
	return Item{Value: e.value, Expires: e.when[byDeadline], Atime: e.when[byAtime], Version: e.version}
}

func (m *Map) Contains(ctx context.Context, key string) (bool, error) {
	_, err := m.read(ctx, "contains", key, false)
	if err == ErrNotFound {
		return false, nil
	}
	return err == nil, err
}

func (m *Map) Get(ctx context.Context, key string) ([]byte, error) {
	item, err := m.read(ctx, "get", key, true)
	return slices.Clone(item.Value), err
}

func (m *Map) Touch(ctx context.Context, key string) error {
	_, err := m.read(ctx, "touch", key, true)
	return err
}

func (m *Map) Load(ctx context.Context, key string) (*Item, error) {
	return m.load(ctx, "load", key, true)
}

func (m *Map) Peek(ctx context.Context, key string) (*Item, error) {
	return m.load(ctx, "peek", key, false)
}

func (m *Map) load(ctx context.Context, op, key string, use bool) (*Item, error) {
	item, err := m.read(ctx, op, key, use)
	if err != nil {
		return nil, err
	}
	item.Value = slices.Clone(item.Value)
	return &item, nil
}

func (m *Map) Set(ctx context.Context, key string, value []byte) error {
	_, err := m.write(ctx, "set", key, AnyVersion, &Item{Value: value})
	return err
}

func (m *Map) Delete(ctx context.Context, key string) error {
	_, err := m.write(ctx, "delete", key, AnyVersion, nil)
	return err
}

func (m *Map) Swap(ctx context.Context, key string, old Version, item *Item) (Version, error) {
	return m.write(ctx, "swap", key, old, item)
}

// write is Swap, and with AnyVersion also Set and Delete.
func (m *Map) write(ctx context.Context, op, key string, old Version, item *Item) (Version, error) {
	s, err := m.shard(ctx, op, key)
	if err != nil {
		return "", err
	}
	var fresh *mapEntry
	if item != nil {
		if m.maxValue > 0 && len(item.Value) > m.maxValue {
			return "", Wrap("store", op, fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooLarge, len(item.Value), m.maxValue))
		}
		fresh = newMapEntry(key, item)
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	now := mapNow() // under the lock, for the reason given in read
	e, err := m.live(s, key, now)
	switch {
	case err != nil && err != ErrNotFound:
		return "", Wrap("store", op, err)
	case old == AnyVersion:
	case err == nil && e.version != old, err != nil && old != "":
		return "", Wrap("store", op, ErrConflict)
	}
	if e := s.entries[key]; e != nil {
		s.remove(e)
	}
	if fresh == nil {
		return "", nil
	}
	if atime := fresh.when[byAtime]; atime.IsZero() || atime.After(now) {
		fresh.when[byAtime] = now
	}
	s.insert(fresh)
	return fresh.version, nil
}

func newMapEntry(key string, item *Item) *mapEntry {
	value := make([]byte, len(item.Value)) // never nil: an empty value is a value
	copy(value, item.Value)
	return &mapEntry{
		key:     strings.Clone(key), // the caller's key may be a piece of something large
		value:   value,
		version: NewVersion(),
		when:    [2]time.Time{byAtime: item.Atime.Round(0), byDeadline: item.Expires.Round(0)},
	}
}

package mutants

import (
	"context"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/larder-go/larder/store"
)

// plain is a good store that is simple enough to be broken from inside: a map of items under one lock.
type plain struct {
	x      store.Expiry
	mu     sync.Mutex
	items  map[string]*store.Item
	closed bool
}

func newPlain(x store.Expiry) *plain { return &plain{x: x, items: map[string]*store.Item{}} }

// breakPlain makes a mutant's New out of a plain and the hand that breaks it.
func breakPlain(hand func(b *broken, p *plain)) func(store.Expiry) store.Store {
	return func(e store.Expiry) store.Store {
		p := newPlain(e)
		b := &broken{full: p}
		hand(b, p)
		return b
	}
}

// enter checks what every method checks and takes the lock, which the caller gives back where err is nil.
func (p *plain) enter(ctx context.Context, op, key string) error {
	if err := store.CheckKey(key); err != nil {
		return store.Wrap("plain", op, err)
	}
	if err := ctx.Err(); err != nil {
		return store.Wrap("plain", op, err)
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return store.Wrap("plain", op, os.ErrClosed)
	}
	return nil
}

// live returns the item under key unless it is absent. The caller holds the lock.
func (p *plain) live(key string) *store.Item {
	item := p.items[key]
	if item == nil || p.x.Absent(time.Now(), item.Atime, item.Expires) {
		return nil
	}
	return item
}

func (p *plain) read(ctx context.Context, op, key string, use bool) (*store.Item, error) {
	if err := p.enter(ctx, op, key); err != nil {
		return nil, err
	}
	defer p.mu.Unlock()
	item := p.live(key)
	if item == nil {
		return nil, store.ErrNotFound
	}
	if now := time.Now(); use && p.x.Stale(now, item.Atime) {
		item.Atime = now
	}
	return clone(item), nil
}

func clone(item *store.Item) *store.Item {
	c := *item
	c.Value = slices.Clone(item.Value)
	return &c
}

func (p *plain) Contains(ctx context.Context, key string) (bool, error) {
	_, err := p.read(ctx, "contains", key, false)
	if err == store.ErrNotFound {
		return false, nil
	}
	return err == nil, err
}

func (p *plain) Get(ctx context.Context, key string) ([]byte, error) {
	item, err := p.read(ctx, "get", key, true)
	if err != nil {
		return nil, err
	}
	return item.Value, nil
}

func (p *plain) Touch(ctx context.Context, key string) error {
	_, err := p.read(ctx, "touch", key, true)
	return err
}

func (p *plain) Load(ctx context.Context, key string) (*store.Item, error) {
	return p.read(ctx, "load", key, true)
}

func (p *plain) Peek(ctx context.Context, key string) (*store.Item, error) {
	return p.read(ctx, "peek", key, false)
}

func (p *plain) Set(ctx context.Context, key string, value []byte) error {
	_, err := p.write(ctx, "set", key, store.AnyVersion, &store.Item{Value: value})
	return err
}

func (p *plain) Delete(ctx context.Context, key string) error {
	_, err := p.write(ctx, "delete", key, store.AnyVersion, nil)
	return err
}

func (p *plain) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	return p.write(ctx, "swap", key, old, item)
}

func (p *plain) write(ctx context.Context, op, key string, old store.Version, item *store.Item) (store.Version, error) {
	if err := p.enter(ctx, op, key); err != nil {
		return "", err
	}
	defer p.mu.Unlock()
	version := store.Version("")
	if is := p.live(key); is != nil {
		version = is.Version
	}
	if old != store.AnyVersion && old != version {
		return "", store.Wrap("plain", op, store.ErrConflict)
	}
	if item == nil {
		delete(p.items, key)
		return "", nil
	}
	return p.put(key, item), nil
}

// put writes item. The caller holds the lock.
func (p *plain) put(key string, item *store.Item) store.Version {
	fresh := clone(item)
	fresh.Version = store.NewVersion()
	if now := time.Now(); fresh.Atime.IsZero() || fresh.Atime.After(now) {
		fresh.Atime = now
	}
	p.items[key] = fresh
	return fresh.Version
}

func (p *plain) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		if err := p.enter(ctx, "list", "any"); err != nil {
			yield(store.Info{}, err)
			return
		}
		keys := slices.Collect(maps.Keys(p.items))
		p.mu.Unlock()
		for _, key := range keys {
			if err := ctx.Err(); err != nil {
				yield(store.Info{}, store.Wrap("plain", "list", err))
				return
			}
			info, ok := p.info(key)
			if ok && strings.HasPrefix(key, prefix) && !yield(info, nil) {
				return
			}
		}
	}
}

func (p *plain) info(key string) (store.Info, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	item := p.live(key)
	if item == nil {
		return store.Info{}, false
	}
	return store.Info{Key: key, Size: int64(len(item.Value)), Atime: item.Atime, Expires: item.Expires}, true
}

func (p *plain) Cleanup(ctx context.Context, idle time.Duration) (int, error) {
	r, err := p.Sweep(ctx, store.SweepOptions{Idle: idle})
	return r.Removed, err
}

func (p *plain) Sweep(ctx context.Context, o store.SweepOptions) (r store.SweepReport, err error) {
	if err := p.enter(ctx, "sweep", "any"); err != nil {
		return r, err
	}
	keys := slices.Collect(maps.Keys(p.items))
	p.mu.Unlock()
	for _, key := range keys {
		if !p.sweepOne(key, &o, &r) {
			continue
		}
		if o.Progress != nil {
			o.Progress(r)
		}
		if o.Limit > 0 && r.Removed >= o.Limit {
			return r, nil
		}
		if o.Pause > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(o.Pause):
			}
		}
		if err := ctx.Err(); err != nil {
			return r, store.Wrap("plain", "sweep", err)
		}
	}
	r.Done = true
	return r, nil
}

func (p *plain) sweepOne(key string, o *store.SweepOptions, r *store.SweepReport) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	item := p.items[key]
	r.Scanned++
	if item == nil || !strings.HasPrefix(key, o.Prefix) || o.Prefix == key || !p.due(item, o.Idle) {
		return false
	}
	if !o.DryRun {
		delete(p.items, key)
	}
	r.Removed++
	r.Bytes += int64(len(item.Value))
	if r.Oldest.IsZero() || item.Atime.Before(r.Oldest) {
		r.Oldest = item.Atime
	}
	return true
}

// due tells whether a cleanup removes item.
func (p *plain) due(item *store.Item, idle time.Duration) bool {
	now := time.Now()
	return p.x.Absent(now, item.Atime, item.Expires) || item.Atime.Before(p.x.Cutoff(now, idle))
}

func (p *plain) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed, p.items = true, nil
	return nil
}

package mutants

import (
	"context"
	"iter"
	"time"

	"github.com/larder-go/larder/store"
)

func useMutants() []Mutant {
	// using is a plain to which what should be no use is one.
	using := func(hand func(b *broken, p *plain, use func(key string))) func(store.Expiry) store.Store {
		return breakPlain(func(b *broken, p *plain) { hand(b, p, func(key string) { p.Touch(context.Background(), key) }) })
	}
	return []Mutant{
		{Name: "use-contains", Fault: "counts Contains as a use", Case: "use/not-contains", New: using(func(b *broken, p *plain, use func(string)) {
			b.contains = func(ctx context.Context, key string) (bool, error) { use(key); return p.Contains(ctx, key) }
		})},
		{Name: "use-peek", Fault: "counts Peek as a use", Case: "use/not-peek", New: using(func(b *broken, p *plain, use func(string)) {
			b.peek = func(ctx context.Context, key string) (*store.Item, error) { use(key); return p.Peek(ctx, key) }
		})},
		{Name: "use-list", Fault: "counts being listed as a use", Seen: "stores that go by a file system's own atime", Case: "use/not-list", New: using(func(b *broken, p *plain, use func(string)) {
			b.list = func(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
				return func(yield func(store.Info, error) bool) {
					for info, err := range p.List(ctx, prefix) {
						if use(info.Key); !yield(info, err) {
							return
						}
					}
				}
			}
		})},
		{Name: "use-get-lost", Fault: "reads without recording the use", Seen: "file systems mounted with noatime", Case: "use/get", New: breakMap(func(b *broken) {
			b.get = func(ctx context.Context, key string) ([]byte, error) {
				item, err := b.full.Peek(ctx, key)
				if err != nil {
					return nil, err
				}
				return item.Value, nil
			}
		})},
		{Name: "use-load-lost", Fault: "records the use of Get and not that of Load", Case: "use/load", New: breakMap(func(b *broken) {
			b.load = func(ctx context.Context, key string) (*store.Item, error) { return b.full.Peek(ctx, key) }
		})},
		{Name: "use-touch-lost", Fault: "has a Touch that only looks whether the entry is there", Case: "use/touch", New: breakMap(func(b *broken) {
			b.touch = func(ctx context.Context, key string) error { _, err := b.full.Peek(ctx, key); return err }
		})},
		{Name: "use-swap-lost", Fault: "keeps the old atime when it swaps", Case: "use/swap", New: breakPlain(func(b *broken, p *plain) {
			b.swap = func(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
				if is, err := p.Peek(ctx, key); err == nil && item != nil {
					item = &store.Item{Value: item.Value, Expires: item.Expires, Atime: is.Atime}
				}
				return p.Swap(ctx, key, old, item)
			}
		})},
		{Name: "use-created", Fault: "goes by the time at which the entry was created", Seen: "stores that give a TTL at creation and never again", Case: "use/set", New: breakPlain(func(b *broken, p *plain) {
			b.set = func(ctx context.Context, key string, value []byte) error {
				item := &store.Item{Value: value}
				if is, err := p.Peek(ctx, key); err == nil {
					item.Atime = is.Atime
				}
				_, err := p.Swap(ctx, key, store.AnyVersion, item)
				return err
			}
		})},
		{Name: "use-always", Fault: "writes at every use, whatever TouchAfter says", Case: "use/touch-after", New: breakPlain(func(b *broken, p *plain) {
			b.get = func(ctx context.Context, key string) ([]byte, error) {
				value, err := p.Get(ctx, key)
				p.mu.Lock()
				defer p.mu.Unlock()
				if item := p.items[key]; err == nil && item != nil {
					item.Atime = time.Now()
				}
				return value, err
			}
		})},
		{Name: "use-never", Fault: "takes a negative TouchAfter for the default", Case: "use/every", New: func(e store.Expiry) store.Store {
			e.TouchAfter = max(e.TouchAfter, 0)
			return store.NewMap(&store.MapOptions{Expiry: e})
		}},
		{Name: "use-rewrites", Fault: "records a use by writing back the whole entry that it read", Seen: "session-file-store #55; memcached's replace on every read", Case: "race/use-and-update",
			New: breakMap(func(b *broken) {
				b.get = func(ctx context.Context, key string) ([]byte, error) {
					item, err := b.full.Load(ctx, key)
					if err != nil {
						return nil, err
					}
					time.Sleep(200 * time.Microsecond)
					return item.Value, b.full.Set(ctx, key, item.Value)
				}
			})},
		{Name: "use-resurrects", Fault: "records a use by writing back the entry, also where it was deleted meanwhile", Seen: "rack GHSA-vpfw-47h7-xj4g", Case: "delete/use-race",
			New: breakMap(func(b *broken) {
				b.touch = func(ctx context.Context, key string) error {
					item, err := b.full.Load(ctx, key)
					if err != nil {
						return err
					}
					time.Sleep(20 * time.Microsecond)
					return b.full.Set(ctx, key, item.Value)
				}
			})},
	}
}

func expiryMutants() []Mutant {
	// revives is a plain in which a use of a dead entry comes first and the question whether it is dead second.
	revives := func(p *plain, key string) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if item := p.items[key]; item != nil {
			item.Atime = time.Now()
		}
	}
	return []Mutant{
		{Name: "expiry-told-none", Fault: "tells the zero Expiry, whatever it was opened with", Case: "abilities/expiry",
			New: breakMap(func(b *broken) {
				b.expiry = func() (store.Expiry, error) { return store.Expiry{}, nil }
			})},
		{Name: "expiry-told-late", Fault: "tells as its Timeout when an entry is gone at the latest", Case: "abilities/expiry", New: breakMap(func(b *broken) {
			b.expiry = func() (store.Expiry, error) {
				x, err := store.ExpiryOf(b.full)
				x.Timeout += x.Slack()
				return x, err
			}
		})},
		{Name: "expiry-told-error", Fault: "does not know its Expiry, and does not say so by ErrUnsupported", Case: "abilities/expiry", New: breakMap(func(b *broken) {
			b.expiry = func() (store.Expiry, error) { return store.Expiry{}, store.ErrUnavailable }
		})},
		{Name: "expiry-on-cleanup", Fault: "shows dead entries until a cleanup removes them", Seen: "web.py's DiskStore", Case: "absent/late", New: breakPlain(func(b *broken, p *plain) {
			x := p.x
			p.x = store.Expiry{TouchAfter: x.TouchAfter}
			b.cleanup = func(ctx context.Context, idle time.Duration) (int, error) {
				if x.Timeout > 0 && (idle <= 0 || idle > x.Timeout) {
					idle = x.Timeout
				}
				return p.Cleanup(ctx, idle)
			}
		})},
		{Name: "expiry-listed", Fault: "lists dead entries", Case: "absent/late", New: breakPlain(func(b *broken, p *plain) {
			b.list = func(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
				p.mu.Lock()
				defer p.mu.Unlock()
				other := newPlain(store.Expiry{})
				for key, item := range p.items {
					other.items[key] = clone(item)
				}
				return other.List(ctx, prefix)
			}
		})},
		{Name: "expiry-ignored", Fault: "ignores the Timeout", Seen: "gofiber/storage's bbolt", Case: "abilities/timeout", New: func(e store.Expiry) store.Store {
			e.Timeout = 0
			return store.NewMap(&store.MapOptions{Expiry: e})
		}},
		{Name: "expiry-30-days", Fault: "hands memcached a time of more than 30 days, which it takes for a date in 1970", Seen: "memcached clients", Case: "absent/long",
			New: func(e store.Expiry) store.Store {
				if e.Timeout > 30*24*time.Hour {
					e.Timeout = 1
				}
				return store.NewMap(&store.MapOptions{Expiry: e})
			}},
		{Name: "expiry-overflow", Fault: "adds to a time-out until it is negative", Case: "absent/long", New: breakPlain(func(b *broken, p *plain) {
			timeout := p.x.Timeout
			b.contains = func(ctx context.Context, key string) (bool, error) {
				ok, err := p.Contains(ctx, key)
				return ok && (timeout == 0 || timeout+time.Hour > 0), err
			}
		})},
		{Name: "expiry-without-slack", Fault: "skips the write of a use, and does not allow for that when it judges", Case: "absent/slack", New: breakPlain(func(b *broken, p *plain) {
			b.contains = func(ctx context.Context, key string) (bool, error) {
				item, err := p.Peek(ctx, key)
				if err == store.ErrNotFound {
					return false, nil
				}
				return err == nil && (p.x.Timeout == 0 || time.Since(item.Atime) <= p.x.Timeout), err
			}
		})},
		{Name: "expiry-half", Fault: "removes at half the time-out", Case: "absent/early", New: func(e store.Expiry) store.Store {
			e.Timeout, e.TouchAfter = e.Timeout/2, e.Slack()
			return store.NewMap(&store.MapOptions{Expiry: e})
		}},
		{Name: "expiry-dropped-by-get", Fault: "loses the time-out of an entry when it is read", Seen: "the MemStore of the first tornado-memcached-sessions", Case: "absent/after-use",
			New: breakPlain(func(b *broken, p *plain) {
				b.get = func(ctx context.Context, key string) ([]byte, error) {
					value, err := p.Get(ctx, key)
					p.mu.Lock()
					defer p.mu.Unlock()
					if item := p.items[key]; err == nil && item != nil {
						item.Atime = item.Atime.AddDate(100, 0, 0)
					}
					return value, err
				}
			})},
		{Name: "door-get", Fault: "revives a dead entry by Get", Seen: "stores that touch first and look second", Case: "door/get", New: breakPlain(func(b *broken, p *plain) {
			b.get = func(ctx context.Context, key string) ([]byte, error) {
				value, err := p.Get(ctx, key)
				revives(p, key)
				return value, err
			}
		})},
		{Name: "door-touch", Fault: "revives a dead entry by Touch", Case: "door/touch", New: breakPlain(func(b *broken, p *plain) {
			b.touch = func(ctx context.Context, key string) error { revives(p, key); return p.Touch(ctx, key) }
		})},
		{Name: "door-load", Fault: "returns a dead entry from Load, so that it can be saved again", Case: "door/load", New: breakPlain(func(b *broken, p *plain) {
			b.load = func(ctx context.Context, key string) (*store.Item, error) { revives(p, key); return p.Load(ctx, key) }
		})},
		{Name: "door-swap", Fault: "swaps a dead entry whose version fits", Case: "door/swap", New: breakPlain(func(b *broken, p *plain) {
			b.swap = func(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
				p.mu.Lock()
				is := p.items[key]
				fits := is != nil && is.Version == old
				p.mu.Unlock()
				if fits && ctx.Err() == nil {
					old = store.AnyVersion
				}
				return p.Swap(ctx, key, old, item)
			}
		})},
		{Name: "door-create", Fault: "refuses to create where a dead entry has not been removed", Case: "door/create", New: breakPlain(func(b *broken, p *plain) {
			b.swap = func(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
				p.mu.Lock()
				dead := p.items[key] != nil && p.live(key) == nil
				p.mu.Unlock()
				if dead && old == "" && ctx.Err() == nil {
					return "", store.Wrap("plain", "swap", store.ErrConflict)
				}
				return p.Swap(ctx, key, old, item)
			}
		})},
	}
}

func deadlineMutants() []Mutant {
	// dated is a plain whose Swap keeps another deadline than it is given.
	dated := func(other func(old, given time.Time) time.Time) func(store.Expiry) store.Store {
		return breakPlain(func(b *broken, p *plain) {
			b.swap = func(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
				if item != nil {
					var before time.Time
					if is, err := p.Peek(ctx, key); err == nil {
						before = is.Expires
					}
					item = clone(item)
					item.Expires = other(before, item.Expires)
				}
				return p.Swap(ctx, key, old, item)
			}
		})
	}
	return []Mutant{
		{Name: "deadline-ignored", Fault: "ignores the deadline", Case: "deadline/late", New: dated(func(_, _ time.Time) time.Time { return time.Time{} })},
		{Name: "deadline-seconds", Fault: "takes a second off a deadline, to be safe", Case: "deadline/early", New: dated(func(_, given time.Time) time.Time {
			if given.IsZero() {
				return given
			}
			return given.Add(-time.Second)
		})},
		{Name: "deadline-2038", Fault: "keeps deadlines in 32 bits", Case: "deadline/far", New: dated(func(_, given time.Time) time.Time {
			if given.IsZero() {
				return given
			}
			return time.Unix(int64(int32(given.Unix())), int64(given.Nanosecond()))
		})},
		{Name: "deadline-sticks", Fault: "keeps the old deadline where the new item has none", Case: "deadline/swap-clears", New: dated(func(old, given time.Time) time.Time {
			if given.IsZero() {
				return old
			}
			return given
		})},
		{Name: "deadline-lost", Fault: "keeps a deadline only when the entry is created", Case: "deadline/kept", New: dated(func(old, given time.Time) time.Time {
			if !old.IsZero() {
				return time.Time{}
			}
			return given
		})},
		{Name: "deadline-past", Fault: "takes a deadline that has passed for none", Seen: "caches in which a TTL ≤ 0 means for ever", Case: "deadline/past", New: dated(func(_, given time.Time) time.Time {
			if given.Before(time.Now()) {
				return time.Time{}
			}
			return given
		})},
		{Name: "deadline-slides", Fault: "moves the deadline with every use", Seen: "stores with one TTL for both", Case: "deadline/unmoved", New: breakPlain(func(b *broken, p *plain) {
			b.get = func(ctx context.Context, key string) ([]byte, error) {
				value, err := p.Get(ctx, key)
				p.mu.Lock()
				defer p.mu.Unlock()
				if item := p.items[key]; err == nil && item != nil && !item.Expires.IsZero() {
					item.Expires = item.Expires.Add(time.Millisecond)
				}
				return value, err
			}
		})},
		{Name: "deadline-set-keeps", Fault: "keeps the deadline when the entry is set", Seen: "Redis: SET ... KEEPTTL, HSET", Case: "deadline/set-clears", New: breakPlain(func(b *broken, p *plain) {
			b.set = func(ctx context.Context, key string, value []byte) error {
				item := &store.Item{Value: value}
				if is, err := p.Peek(ctx, key); err == nil {
					item.Expires = is.Expires
				}
				_, err := p.Swap(ctx, key, store.AnyVersion, item)
				return err
			}
		})},
	}
}

package mutants

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime"
	"time"

	"github.com/larder-go/larder/store"
)

type swapFunc = func(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error)

// breakSwap is a Map whose Swap is replaced.
func breakSwap(swap func(m full) swapFunc) func(store.Expiry) store.Store {
	return breakMap(func(b *broken) { b.swap = swap(b.full) })
}

func swapMutants() []Mutant {
	conflict := fmt.Errorf("plain: swap: %w", store.ErrConflict)
	return []Mutant{
		{Name: "swap-upsert", Fault: "saves whatever the version says", Seen: "scs, express-session, Django before #21608", Case: "swap/conflict", New: breakSwap(func(m full) swapFunc {
			return func(ctx context.Context, key string, _ store.Version, item *store.Item) (store.Version, error) {
				return m.Swap(ctx, key, store.AnyVersion, item)
			}
		})},
		{Name: "swap-exists", Fault: "asks only whether the entry is there, not which it is", Seen: "spring-session's hasKey", Case: "swap/set-between", New: breakSwap(func(m full) swapFunc {
			return func(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
				if ok, err := m.Contains(ctx, key); ok && err == nil && old != "" {
					old = store.AnyVersion
				}
				return m.Swap(ctx, key, old, item)
			}
		})},
		{Name: "swap-recreates", Fault: "creates the entry anew where it is gone", Seen: "rack CVE-2025-46336; scs brought back 200 of 200 sessions after a logout", Case: "delete/stays",
			New: breakSwap(func(m full) swapFunc {
				return func(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
					if ok, err := m.Contains(ctx, key); !ok && err == nil && item != nil {
						old = store.AnyVersion
					}
					return m.Swap(ctx, key, old, item)
				}
			})},
		{Name: "swap-create-race", Fault: "looks whether the entry is there, and then creates it", Seen: "go-cloud's fileblob, IfNotExist", Case: "race/create-once",
			New: breakSwap(func(m full) swapFunc { return lookThenWrite(m, func(old store.Version) bool { return old == "" }) })},
		{Name: "swap-write-race", Fault: "compares the version, and then writes", Seen: "nextjs-auth0 #2335, the first mend", Case: "race/one-winner",
			New: breakSwap(func(m full) swapFunc { return lookThenWrite(m, func(old store.Version) bool { return old != "" }) })},
		{Name: "swap-remove-race", Fault: "compares the version, and then removes", Case: "race/remove-once", New: breakSwap(func(m full) swapFunc {
			safe, racy := m.Swap, lookThenWrite(m, func(store.Version) bool { return true })
			return func(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
				if item == nil && old != "" && old != store.AnyVersion {
					return racy(ctx, key, old, item)
				}
				return safe(ctx, key, old, item)
			}
		})},
		{Name: "swap-delete-race", Fault: "compares the version, writes later, and brings back what was deleted between", Seen: "express-session #632, connect-redis #328", Case: "delete/race",
			New: breakSwap(func(m full) swapFunc { return lookThenWrite(m, func(old store.Version) bool { return old != "" }) })},
		{Name: "swap-lost-update", Fault: "loses what others changed while it loaded and saved", Seen: "scs lost 199 of 200 updates", Case: "race/counter",
			New: breakSwap(func(m full) swapFunc { return lookThenWrite(m, func(store.Version) bool { return true }) })},
		{Name: "swap-not-found", Fault: "says not found where the entry of that version is gone", Seen: "gomemcache's CompareAndSwap after an eviction", Case: "swap/conflict",
			New: breakSwap(func(m full) swapFunc {
				return func(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
					if ok, err := m.Contains(ctx, key); !ok && err == nil && old != "" && old != store.AnyVersion {
						return "", store.ErrNotFound
					}
					return m.Swap(ctx, key, old, item)
				}
			})},
		{Name: "swap-create-overwrites", Fault: "takes \"\" for no condition", Case: "swap/create", New: breakSwap(func(m full) swapFunc {
			return func(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
				if old == "" {
					old = store.AnyVersion
				}
				return m.Swap(ctx, key, old, item)
			}
		})},
		{Name: "swap-any-needs-entry", Fault: "takes AnyVersion for any version but none", Case: "swap/any", New: breakSwap(func(m full) swapFunc {
			return func(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
				if ok, err := m.Contains(ctx, key); !ok && err == nil && old == store.AnyVersion {
					return "", conflict
				}
				return m.Swap(ctx, key, old, item)
			}
		})},
		{Name: "swap-nil-empties", Fault: "keeps an empty entry in place of the one that it should remove", Case: "swap/remove", New: breakSwap(func(m full) swapFunc {
			return func(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
				if item == nil && old != store.AnyVersion && old != "" {
					_, err := m.Swap(ctx, key, old, &store.Item{})
					return "", err
				}
				return m.Swap(ctx, key, old, item)
			}
		})},
		{Name: "swap-keeps-value", Fault: "draws a new version and forgets to write the value", Case: "swap/replace", New: breakPlain(func(b *broken, p *plain) {
			b.swap = func(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
				if is, err := p.Peek(ctx, key); err == nil && item != nil {
					item = clone(item)
					item.Value = is.Value
				}
				return p.Swap(ctx, key, old, item)
			}
		})},
		{Name: "swap-conflict-writes", Fault: "reports the conflict after it has written", Case: "swap/conflict", New: breakSwap(func(m full) swapFunc {
			return func(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
				v, err := m.Swap(ctx, key, old, item)
				if err != nil && ctx.Err() == nil && store.CheckKey(key) == nil {
					m.Swap(ctx, key, store.AnyVersion, item)
				}
				return v, err
			}
		})},
		{Name: "swap-future-atime", Fault: "keeps an atime that lies in the future", Case: "swap/atime", New: breakPlain(func(b *broken, p *plain) {
			b.swap = func(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
				v, err := p.Swap(ctx, key, old, item)
				if err == nil && item != nil && !item.Atime.IsZero() {
					p.mu.Lock()
					p.items[key].Atime = item.Atime
					p.mu.Unlock()
				}
				return v, err
			}
		})},
		{Name: "swap-atime-now", Fault: "forgets the atime that it is given", Case: "swap/atime", New: breakSwap(func(m full) swapFunc {
			return func(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
				if item != nil {
					item = &store.Item{Value: item.Value, Expires: item.Expires}
				}
				return m.Swap(ctx, key, old, item)
			}
		})},
	}
}

// lookThenWrite is a Swap in two steps for the versions that racy names.
func lookThenWrite(m full, racy func(old store.Version) bool) swapFunc {
	return func(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
		if old == store.AnyVersion || !racy(old) || store.CheckKey(key) != nil {
			return m.Swap(ctx, key, old, item)
		}
		is := store.Version("")
		if found, err := m.Peek(ctx, key); err == nil {
			is = found.Version
		}
		if is != old {
			return "", fmt.Errorf("plain: swap: %w", store.ErrConflict)
		}
		runtime.Gosched()
		time.Sleep(20 * time.Microsecond)
		return m.Swap(ctx, key, store.AnyVersion, item)
	}
}

func versionMutants() []Mutant {
	// versioned is a plain that says what version a write gives.
	versioned := func(next func(key string, before store.Version, set bool, item *store.Item) store.Version) func(store.Expiry) store.Store {
		return breakPlain(func(b *broken, p *plain) {
			write := func(ctx context.Context, op, key string, old store.Version, item *store.Item) (store.Version, error) {
				if err := p.enter(ctx, op, key); err != nil {
					return "", err
				}
				before := store.Version("")
				if is := p.live(key); is != nil {
					before = is.Version
				}
				if old != store.AnyVersion && old != before || item == nil {
					p.mu.Unlock()
					return p.write(ctx, op, key, old, item)
				}
				defer p.mu.Unlock()
				p.put(key, item)
				p.items[key].Version = next(key, before, op == "set", item)
				return p.items[key].Version, nil
			}
			b.set = func(ctx context.Context, key string, value []byte) error {
				_, err := write(ctx, "set", key, store.AnyVersion, &store.Item{Value: value})
				return err
			}
			b.swap = func(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
				return write(ctx, "swap", key, old, item)
			}
		})
	}
	digest := func(_ string, _ store.Version, _ bool, item *store.Item) store.Version {
		sum := sha256.Sum256(item.Value)
		return store.Version(hex.EncodeToString(sum[:]))
	}
	return []Mutant{
		{Name: "version-digest", Fault: "takes a digest of the value for its version", Seen: "ETags", Case: "swap/aba", New: versioned(digest)},
		{Name: "version-counter", Fault: "counts versions from 1", Seen: "memcached's CAS ids after a restart", Case: "version/random", New: func(e store.Expiry) store.Store {
			n := 0
			return versioned(func(string, store.Version, bool, *store.Item) store.Version {
				n++
				return store.Version(fmt.Sprintf("%032x", n))
			})(e)
		}},
		{Name: "version-per-entry", Fault: "counts the versions of each entry from 1, also after a Delete", Case: "swap/aba",
			New: versioned(func(_ string, before store.Version, _ bool, _ *store.Item) store.Version {
				var n int
				fmt.Sscanf(string(before), "%x", &n)
				return store.Version(fmt.Sprintf("%032x", n+1))
			})},
		{Name: "version-set-keeps", Fault: "draws a version for Swap and not for Set", Case: "swap/set-between",
			New: versioned(func(_ string, before store.Version, set bool, _ *store.Item) store.Version {
				if set && before != "" {
					return before
				}
				return store.NewVersion()
			})},
		{Name: "version-same-value", Fault: "draws no version where the value stays the same", Case: "version/each-write", New: versioned(digest)},
		{Name: "version-from-item", Fault: "takes the version from the item that it is given", Case: "version/ignored",
			New: versioned(func(_ string, _ store.Version, _ bool, item *store.Item) store.Version {
				if item.Version != "" {
					return item.Version
				}
				return store.NewVersion()
			})},
		{Name: "version-use", Fault: "gives an entry a new version when it is used", Seen: "memcached's gat, which loses the CAS id", Case: "version/use", New: breakPlain(func(b *broken, p *plain) {
			b.get = func(ctx context.Context, key string) ([]byte, error) {
				value, err := p.Get(ctx, key)
				p.mu.Lock()
				defer p.mu.Unlock()
				if item := p.items[key]; err == nil && item != nil {
					item.Version = store.NewVersion()
				}
				return value, err
			}
		})},
		{Name: "version-short", Fault: "draws 32 bits", Case: "version/random", New: versioned(func(string, store.Version, bool, *store.Item) store.Version { return store.NewVersion()[:8] })},
		{Name: "version-stale-reply", Fault: "returns another version than it has written", Case: "version/each-write", New: breakSwap(func(m full) swapFunc {
			return func(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
				v, err := m.Swap(ctx, key, old, item)
				if err == nil && item != nil {
					v = store.NewVersion()
				}
				return v, err
			}
		})},
	}
}

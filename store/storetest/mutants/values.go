package mutants

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"github.com/larder-go/larder/store"
)

// onWrite breaks Set and Swap alike: change makes another value of the one that is given, or refuses it.
func onWrite(change func(value []byte) []byte) func(store.Expiry) store.Store {
	return breakMap(func(b *broken) {
		b.set = func(ctx context.Context, key string, value []byte) error { return b.full.Set(ctx, key, change(value)) }
		b.swap = func(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
			if item != nil {
				item = clone(item)
				item.Value = change(item.Value)
			}
			return b.full.Swap(ctx, key, old, item)
		}
	})
}

func valueMutants() []Mutant {
	const limit = 1_000_000
	tooLarge := fmt.Errorf("plain: set: %w", store.ErrTooLarge)
	return []Mutant{
		{Name: "value-empty-dropped", Fault: "does nothing, and says nil, where the value is empty", Seen: "gofiber/storage", Case: "values/empty", New: breakMap(func(b *broken) {
			b.set = func(ctx context.Context, key string, value []byte) error {
				if len(value) == 0 {
					return nil
				}
				return b.full.Set(ctx, key, value)
			}
		})},
		{Name: "value-empty-absent", Fault: "takes an empty value for absent", Seen: "gofiber/storage, whose Get has no other way to say it", Case: "values/empty",
			New: breakMap(func(b *broken) {
				b.get = func(ctx context.Context, key string) ([]byte, error) {
					value, err := b.full.Get(ctx, key)
					if err == nil && len(value) == 0 {
						return nil, store.ErrNotFound
					}
					return value, err
				}
			})},
		{Name: "value-text", Fault: "keeps values as text", Seen: "text columns; encoding/json of a string", Case: "values/bytes",
			New: onWrite(func(value []byte) []byte { return bytes.ToValidUTF8(value, []byte("\ufffd")) })},
		{Name: "value-line", Fault: "ends a value at a line end", Case: "values/bytes", New: onWrite(func(value []byte) []byte {
			before, _, _ := bytes.Cut(value, []byte("\r\n"))
			return before
		})},
		{Name: "value-trimmed", Fault: "drops zero bytes at the end of a value", Case: "values/bytes",
			New: onWrite(func(value []byte) []byte { return bytes.TrimRight(value, "\x00") })},
		{Name: "value-column", Fault: "cuts values at 65,535 bytes without a word", Seen: "MySQL's TEXT", Case: "values/sizes",
			New: onWrite(func(value []byte) []byte { return value[:min(len(value), 65535)] })},
		{Name: "value-tail", Fault: "overwrites in place and forgets to cut off the rest", Seen: "os.OpenFile without O_TRUNC", Case: "values/sizes", New: breakPlain(func(b *broken, p *plain) {
			b.set = func(ctx context.Context, key string, value []byte) error {
				if old, err := p.Peek(ctx, key); err == nil && len(old.Value) > len(value) {
					copy(old.Value, value)
					value = old.Value
				}
				return p.Set(ctx, key, value)
			}
		})},
		{Name: "value-small", Fault: "takes no more than 512 KiB", Case: "values/largest", New: breakMap(func(b *broken) {
			b.set = func(ctx context.Context, key string, value []byte) error {
				if len(value) > 512<<10 {
					return tooLarge
				}
				return b.full.Set(ctx, key, value)
			}
		})},
		{Name: "value-large-removes", Fault: "removes the old value where the new one is too large", Seen: "memcached", Case: "values/too-large", MaxValue: limit,
			New: breakMap(func(b *broken) {
				b.set = func(ctx context.Context, key string, value []byte) error {
					if len(value) > limit {
						b.full.Delete(ctx, key)
						return tooLarge
					}
					return b.full.Set(ctx, key, value)
				}
			})},
		{Name: "value-large-dropped", Fault: "drops a value that is too large and says nil", Seen: "perkeep's sorted", Case: "values/too-large", MaxValue: limit,
			New: breakMap(func(b *broken) {
				b.set = func(ctx context.Context, key string, value []byte) error {
					if len(value) > limit {
						return nil
					}
					return b.full.Set(ctx, key, value)
				}
			})},
		{Name: "value-swap-unlimited", Fault: "checks the size of a value in Set and not in Swap", Case: "values/too-large", MaxValue: limit, New: breakMap(func(b *broken) {
			b.set = func(ctx context.Context, key string, value []byte) error {
				if len(value) > limit {
					return tooLarge
				}
				return b.full.Set(ctx, key, value)
			}
		})},
		{Name: "value-swallowed", Fault: "says nil to a write that did not happen", Seen: "web.py's DiskStore on a full disk", Case: "values/overwrite", New: breakPlain(func(b *broken, p *plain) {
			n := 0
			b.set = func(ctx context.Context, key string, value []byte) error {
				p.mu.Lock()
				n++
				lost := n%19 == 0
				p.mu.Unlock()
				if lost {
					return nil
				}
				return p.Set(ctx, key, value)
			}
		})},
		{Name: "value-add-only", Fault: "creates, and does not overwrite", Seen: "memcached's add in place of set", Case: "values/overwrite", New: breakMap(func(b *broken) {
			b.set = func(ctx context.Context, key string, value []byte) error {
				if ok, err := b.full.Contains(ctx, key); ok {
					return err
				}
				return b.full.Set(ctx, key, value)
			}
		})},
		{Name: "value-keeps-given", Fault: "keeps the slice that it was given", Seen: "scs's memstore", Case: "values/owned-given", New: breakPlain(func(b *broken, p *plain) {
			b.set = func(ctx context.Context, key string, value []byte) error {
				err := p.Set(ctx, key, value)
				if err == nil {
					p.mu.Lock()
					p.items[key].Value = value
					p.mu.Unlock()
				}
				return err
			}
		})},
		{Name: "value-returns-own", Fault: "returns its own slice", Seen: "scs's memstore", Case: "values/owned-returned", New: breakPlain(func(b *broken, p *plain) {
			b.get = func(ctx context.Context, key string) ([]byte, error) {
				value, err := p.Get(ctx, key)
				p.mu.Lock()
				defer p.mu.Unlock()
				if item := p.items[key]; err == nil && item != nil {
					value = item.Value
				}
				return value, err
			}
		})},
		{Name: "value-page", Fault: "returns memory of a page that it uses again after some writes", Seen: "scs's boltstore: the map of a transaction that has ended", Case: "values/owned-later",
			New: breakMap(func(b *broken) {
				var mu sync.Mutex
				var page [1 << 15]byte
				used := 0
				b.get = func(ctx context.Context, key string) ([]byte, error) {
					value, err := b.full.Get(ctx, key)
					if err != nil || len(value) > len(page)/2 {
						return value, err
					}
					mu.Lock()
					defer mu.Unlock()
					if used+len(value) > len(page) {
						used = 0
					}
					out := page[used : used+len(value) : used+len(value)]
					used += copy(out, value)
					return out, nil
				}
			})},
		{Name: "value-item-kept", Fault: "writes the version that it draws into the caller's item", Case: "values/owned-item", New: breakMap(func(b *broken) {
			b.swap = func(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
				v, err := b.full.Swap(ctx, key, old, item)
				if err == nil && item != nil {
					item.Version = v
				}
				return v, err
			}
		})},
	}
}

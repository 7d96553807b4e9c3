package mutants

import (
	"context"

	"github.com/larder-go/larder/store"
)

// torn stands in a plain for a record that was damaged.
const torn store.Version = "torn"

// damage damages a record of a store that corruptible opens.
func damage(s store.Store, key string) {
	p := s.(*broken).full.(*plain)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.items[key].Version = torn
}

// corruptible is a plain that says of a damaged record what answer says.
func corruptible(answer func(op string) error) func(store.Expiry) store.Store {
	return breakPlain(func(b *broken, p *plain) {
		check := func(op, key string) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			if item := p.items[key]; item != nil && item.Version == torn {
				return answer(op)
			}
			return nil
		}
		b.get = func(ctx context.Context, key string) ([]byte, error) {
			if err := check("get", key); err != nil {
				return nil, err
			}
			return p.Get(ctx, key)
		}
		b.contains = func(ctx context.Context, key string) (bool, error) {
			if err := check("contains", key); err != nil {
				return false, nil
			}
			return p.Contains(ctx, key)
		}
	})
}

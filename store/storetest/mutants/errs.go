package mutants

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/larder-go/larder/store"
)

// breakErrors is a Map of whose Get, Contains and Set the errors go through change.
func breakErrors(change func(err error, key string, value []byte) error) func(store.Expiry) store.Store {
	return breakMap(func(b *broken) {
		b.get = func(ctx context.Context, key string) ([]byte, error) {
			value, err := b.full.Get(ctx, key)
			return value, change(err, key, nil)
		}
		b.contains = func(ctx context.Context, key string) (bool, error) {
			ok, err := b.full.Contains(ctx, key)
			return ok, change(err, key, nil)
		}
		b.set = func(ctx context.Context, key string, value []byte) error {
			return change(b.full.Set(ctx, key, value), key, value)
		}
	})
}

func errorMutants() []Mutant {
	return []Mutant{
		{Name: "error-not-found-wrapped", Fault: "wraps ErrNotFound", Case: "errors/not-found", New: breakErrors(func(err error, _ string, _ []byte) error {
			if err == store.ErrNotFound {
				return fmt.Errorf("plain: get: %w", err)
			}
			return err
		})},
		{Name: "error-shows-key", Fault: "shows the key in the text of its errors", Seen: "ffs's filestore", Case: "errors/texts", New: breakErrors(func(err error, key string, _ []byte) error {
			if err == nil || err == store.ErrNotFound {
				return err
			}
			return fmt.Errorf("%w (%q)", err, key)
		})},
		{Name: "error-shows-value", Fault: "shows the value in the text of its errors", Seen: "SQL drivers that print their arguments", Case: "errors/texts",
			New: breakErrors(func(err error, _ string, value []byte) error {
				if err == nil || len(value) == 0 || len(value) > 100 {
					return err
				}
				return fmt.Errorf("%w (%s)", err, value)
			})},
		{Name: "error-prefix-missing", Fault: "returns the errors of its backend as they are", Case: "errors/prefix", New: breakErrors(func(err error, _ string, _ []byte) error {
			if err == nil || err == store.ErrNotFound {
				return err
			}
			return errors.Unwrap(err)
		})},
		{Name: "error-prefix-twice", Fault: "wraps in every layer", Case: "errors/prefix", New: breakErrors(func(err error, _ string, _ []byte) error { return store.Wrap("store", "get", err) })},
		{Name: "error-delete-absent", Fault: "fails where there is nothing to delete", Seen: "gofiber/storage's memcache", Case: "delete/absent", New: breakMap(func(b *broken) {
			b.delete = func(ctx context.Context, key string) error {
				if ok, err := b.full.Contains(ctx, key); !ok && err == nil {
					return store.ErrNotFound
				}
				return b.full.Delete(ctx, key)
			}
		})},
		{Name: "delete-lazy", Fault: "marks an entry as deleted and returns it until the next cleanup", Case: "delete/gone", New: breakMap(func(b *broken) {
			b.delete = func(ctx context.Context, key string) error {
				if ok, err := b.full.Contains(ctx, key); !ok || err != nil {
					return err
				}
				return b.full.Set(ctx, key, nil)
			}
		})},
		{Name: "context-ignored", Fault: "takes a context and does not look at it", Seen: "most stores that were written before contexts", Case: "context/canceled", New: breakMap(func(b *broken) {
			b.get = func(_ context.Context, key string) ([]byte, error) { return b.full.Get(context.Background(), key) }
			b.set = func(_ context.Context, key string, value []byte) error {
				return b.full.Set(context.Background(), key, value)
			}
		})},
		{Name: "context-cancel-is-outage", Fault: "takes a caller who went away for an outage", Case: "context/canceled", New: breakErrors(func(err error, _ string, _ []byte) error {
			if errors.Is(err, context.Canceled) {
				return fmt.Errorf("plain: get: %w: %w", store.ErrUnavailable, err)
			}
			return err
		})},
		{Name: "context-deadline-plain", Fault: "does not say that a deadline which passed is an outage", Case: "context/deadline", New: breakErrors(func(err error, _ string, _ []byte) error {
			if errors.Is(err, context.DeadlineExceeded) {
				return fmt.Errorf("plain: get: %w", context.DeadlineExceeded)
			}
			return err
		})},
		{Name: "context-cut-off-success", Fault: "says nil to a write that was cut off", Case: "context/during", New: breakMap(func(b *broken) {
			b.set = func(ctx context.Context, key string, value []byte) error {
				if err := ctx.Err(); err != nil {
					return store.Wrap("plain", "set", err)
				}
				select {
				case <-ctx.Done():
					return nil
				case <-time.After(300 * time.Microsecond):
				}
				return b.full.Set(context.WithoutCancel(ctx), key, value)
			}
		})},
		{Name: "context-cancel-not-found", Fault: "says not found when its context has ended", Case: "context/canceled", New: breakErrors(func(err error, _ string, _ []byte) error {
			if errors.Is(err, context.Canceled) {
				return store.ErrNotFound
			}
			return err
		})},
		{Name: "context-slow", Fault: "returns long after the cancel", Seen: "gomemcache: 500 ms for a server that does not answer", Case: "context/during", New: breakMap(func(b *broken) {
			b.touch = func(ctx context.Context, key string) error {
				time.Sleep(2500 * time.Millisecond)
				return b.full.Touch(ctx, key)
			}
		})},
		{Name: "goroutines", Fault: "leaves a goroutine behind with every call", Case: "context/goroutines", New: breakMap(func(b *broken) {
			b.get = func(ctx context.Context, key string) ([]byte, error) {
				go time.Sleep(20 * time.Second)
				return b.full.Get(ctx, key)
			}
		})},
		{Name: "closed-answers", Fault: "answers after Close", Case: "errors/closed", New: func(e store.Expiry) store.Store {
			return closeLess{&broken{full: store.NewMap(&store.MapOptions{Expiry: e})}}
		}},
		{Name: "closed-other", Fault: "says something else where Close has met it", Case: "errors/closing", New: breakPlain(func(b *broken, p *plain) {
			b.set = func(ctx context.Context, key string, value []byte) error {
				p.mu.Lock()
				closed := p.closed
				p.mu.Unlock()
				if closed {
					return store.Wrap("plain", "set", io.ErrClosedPipe)
				}
				return p.Set(ctx, key, value)
			}
		})},
		{Name: "closed-absent", Fault: "says that an entry is absent where Close has met the call", Case: "errors/closing", New: breakPlain(func(b *broken, p *plain) {
			b.get = func(ctx context.Context, key string) ([]byte, error) {
				value, err := p.Get(ctx, key)
				if errors.Is(err, os.ErrClosed) {
					return nil, store.ErrNotFound
				}
				return value, err
			}
		})},
		{Name: "ability-late", Fault: "looks at the key before it says that it cannot swap", Case: "abilities/free", Lacks: []string{"swap"}, New: breakMap(func(b *broken) {
			b.swap = func(_ context.Context, key string, _ store.Version, _ *store.Item) (store.Version, error) {
				if err := store.CheckKey(key); err != nil {
					return "", store.Wrap("plain", "swap", err)
				}
				return "", store.Wrap("plain", "swap", errors.ErrUnsupported)
			}
		})},
		{Name: "ability-asserted", Fault: "has the method, and says that it is unsupported where it was not declared", Case: "abilities/list", New: breakMap(func(b *broken) {
			b.list = func(context.Context, string) iter.Seq2[store.Info, error] {
				return func(yield func(store.Info, error) bool) {
					yield(store.Info{}, store.Wrap("plain", "list", errors.ErrUnsupported))
				}
			}
		})},
	}
}

type closeLess struct{ *broken }

func (closeLess) Close() error { return nil }

var _ io.Closer = closeLess{}

// outages is a Map that can be made unreachable; wrong is what it then says.
func outages(wrong func(b *broken, down *atomic.Bool)) (func(store.Expiry) store.Store, func(store.Store) func()) {
	downs := new(sync.Map) // of *broken to *atomic.Bool
	open := breakMap(func(b *broken) {
		down := new(atomic.Bool)
		downs.Store(b, down)
		m := b.full
		unavailable := func(op string) error {
			if down.Load() {
				return store.Wrap("plain", op, store.ErrUnavailable)
			}
			return nil
		}
		b.get = func(ctx context.Context, key string) ([]byte, error) {
			if err := unavailable("get"); err != nil {
				return nil, err
			}
			return m.Get(ctx, key)
		}
		wrong(b, down)
	})
	return open, func(s store.Store) func() {
		flag, _ := downs.Load(s)
		flag.(*atomic.Bool).Store(true)
		return func() { flag.(*atomic.Bool).Store(false) }
	}
}

func outageMutants() []Mutant {
	absent, absentDown := outages(func(b *broken, down *atomic.Bool) {
		b.contains = func(ctx context.Context, key string) (bool, error) {
			if down.Load() {
				return false, ctx.Err()
			}
			return b.full.Contains(ctx, key)
		}
	})
	return []Mutant{
		{Name: "outage-not-found", Fault: "takes an outage for an absent entry", Seen: "tornado-memcached-sessions: except IOError: return {}", Case: "down/unavailable", New: absent, Down: absentDown},
		{Name: "corrupt-absent", Fault: "takes a record that it cannot read for absent", Seen: "session stores that begin a fresh session", Case: "corrupt/read", New: corruptible(func(string) error { return store.ErrNotFound }),
			Corrupt: damage},
		{Name: "corrupt-outage", Fault: "takes a record that it cannot read for an outage", Case: "corrupt/read",
			New: corruptible(func(op string) error { return store.Wrap("plain", op, store.ErrUnavailable) }), Corrupt: damage},
		{Name: "corrupt-served", Fault: "has no checksum, and returns what is left of the value", Seen: "gokv's file store after a crash", Case: "corrupt/read",
			New: corruptible(func(string) error { return nil }), Corrupt: damage},
	}
}

package cases

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/larder-go/larder/store"
)

// show makes a key or a value fit for a message of a test.
func show[S ~string | ~[]byte](s S) string {
	if len(s) > 48 {
		return fmt.Sprintf("%q... (%d bytes)", string(s[:48]), len(s))
	}
	return fmt.Sprintf("%q", string(s))
}

func (e *Env) set(s store.Store, key, value string) {
	e.Helper()
	if err := s.Set(e.ctx, key, []byte(value)); err != nil {
		e.Fatalf("Set(%s): %v", show(key), err)
	}
}

func (e *Env) delete(s store.Store, key string) {
	e.Helper()
	if err := s.Delete(e.ctx, key); err != nil {
		e.Fatalf("Delete(%s): %v", show(key), err)
	}
}

func (e *Env) swap(s store.Store, key string, old store.Version, item *store.Item) store.Version {
	e.Helper()
	v, err := store.Swap(e.ctx, s, key, old, item)
	if err != nil {
		e.Fatalf("Swap(%s) from %s: %v", show(key), version(old), err)
	}
	return v
}

// version says in words which version a Swap was given.
func version(v store.Version) string {
	switch v {
	case "":
		return `""`
	case store.AnyVersion:
		return "AnyVersion"
	}
	return "a version"
}

func (e *Env) peek(s store.Store, key string) *store.Item {
	e.Helper()
	item, err := store.Peek(e.ctx, s, key)
	if err != nil || item == nil {
		e.Fatalf("Peek(%s) = %v, %v", show(key), item, err)
	}
	return item
}

func (e *Env) contains(s store.Store, key string) bool {
	e.Helper()
	ok, err := s.Contains(e.ctx, key)
	if err != nil {
		e.Fatalf("Contains(%s): %v", show(key), err)
	}
	return ok
}

// want checks that key holds value, by every method that reads.
func (e *Env) want(s store.Store, key, value string) {
	e.Helper()
	if ok, err := s.Contains(e.ctx, key); err != nil || !ok {
		e.Errorf("Contains(%s) = %v, %v; want true", show(key), ok, err)
	}
	if got, err := s.Get(e.ctx, key); err != nil || string(got) != value {
		e.Errorf("Get(%s) = %s, %v; want %s", show(key), show(got), err, show(value))
	}
	if e.lacks(Swap) {
		return
	}
	for name, read := range readers() {
		if item, err := read(e.ctx, s, key); err != nil || item == nil {
			e.Errorf("%s(%s) = %v, %v; want %s", name, show(key), item, err, show(value))
		} else if string(item.Value) != value {
			e.Errorf("%s(%s) holds %s; want %s", name, show(key), show(item.Value), show(value))
		} else if item.Version == "" || item.Version == store.AnyVersion {
			e.Errorf("%s(%s) has the version %q", name, show(key), item.Version)
		}
	}
}

func readers() map[string]func(context.Context, store.Store, string) (*store.Item, error) {
	return map[string]func(context.Context, store.Store, string) (*store.Item, error){"Load": store.Load, "Peek": store.Peek}
}

// gone checks that key is absent, by every method that could tell; those that would be a use come last.
func (e *Env) gone(s store.Store, key string) {
	e.Helper()
	if ok, err := s.Contains(e.ctx, key); err != nil || ok {
		e.Errorf("Contains(%s) = %v, %v; want false", show(key), ok, err)
	}
	if !e.lacks(List) {
		for info, err := range store.List(e.ctx, s, key) {
			if err != nil || info.Key == key {
				e.Errorf("List(%s) yields %v, %v; want nothing", show(key), info, err)
			}
		}
	}
	if !e.lacks(Swap) {
		for name, read := range readers() {
			if item, err := read(e.ctx, s, key); err != store.ErrNotFound || item != nil {
				e.Errorf("%s(%s) = %v, %v; want nil and a bare ErrNotFound", name, show(key), item, err)
			}
		}
	}
	if err := store.Touch(e.ctx, s, key); err != store.ErrNotFound {
		e.Errorf("Touch(%s) = %v; want a bare ErrNotFound", show(key), err)
	}
	if got, err := s.Get(e.ctx, key); err != store.ErrNotFound {
		e.Errorf("Get(%s) = %s, %v; want a bare ErrNotFound", show(key), show(got), err)
	}
}

// is checks that err wraps target.
func (e *Env) is(what string, err, target error) {
	e.Helper()
	if !errors.Is(err, target) {
		e.Errorf("%s: %v; want an error that wraps %q", what, err, target)
	}
}

// list returns what List yields, by key, and complains of keys that come twice.
func (e *Env) list(s store.Store, prefix string) map[string]store.Info {
	e.Helper()
	infos := map[string]store.Info{}
	for info, err := range store.List(e.ctx, s, prefix) {
		if err != nil {
			e.Fatalf("List(%s): %v", show(prefix), err)
		}
		if _, twice := infos[info.Key]; twice {
			e.Errorf("List(%s) yields %s twice", show(prefix), show(info.Key))
		}
		infos[info.Key] = info
	}
	return infos
}

// together runs f in n goroutines that begin at once, and waits for them.
func (e *Env) together(n int, f func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	wg.Wait()
}

// call is one way to call a store, for rules that hold for every method alike.
type call struct {
	name  string
	keyed bool // it takes a key
	write bool // it changes what stands under the key
	do    func(ctx context.Context, s store.Store, key string) error
}

// calls are those that the store under test can do.
func (e *Env) calls() []call {
	item := func() *store.Item { return &store.Item{Value: []byte("by a call")} }
	calls := []call{
		{"Contains", true, false, func(ctx context.Context, s store.Store, key string) error {
			_, err := s.Contains(ctx, key)
			return err
		}},
		{"Get", true, false, func(ctx context.Context, s store.Store, key string) error {
			_, err := s.Get(ctx, key)
			return err
		}},
		{"Touch", true, false, func(ctx context.Context, s store.Store, key string) error { return store.Touch(ctx, s, key) }},
		{"Set", true, true, func(ctx context.Context, s store.Store, key string) error {
			return s.Set(ctx, key, []byte("by a call"))
		}},
		{"Delete", true, true, func(ctx context.Context, s store.Store, key string) error { return s.Delete(ctx, key) }},
		{"Cleanup", false, false, func(ctx context.Context, s store.Store, _ string) error {
			_, err := s.Cleanup(ctx, 0)
			return err
		}},
	}
	if !e.lacks(Swap) {
		calls = append(calls,
			call{"Load", true, false, func(ctx context.Context, s store.Store, key string) error {
				_, err := store.Load(ctx, s, key)
				return err
			}},
			call{"Peek", true, false, func(ctx context.Context, s store.Store, key string) error {
				_, err := store.Peek(ctx, s, key)
				return err
			}},
			call{"Swap from AnyVersion", true, true, func(ctx context.Context, s store.Store, key string) error {
				_, err := store.Swap(ctx, s, key, store.AnyVersion, item())
				return err
			}},
			call{`Swap from ""`, true, true, func(ctx context.Context, s store.Store, key string) error {
				_, err := store.Swap(ctx, s, key, "", item())
				return err
			}},
			call{"Swap from a version", true, true, func(ctx context.Context, s store.Store, key string) error {
				_, err := store.Swap(ctx, s, key, store.NewVersion(), item())
				return err
			}},
			call{"Swap to nil", true, true, func(ctx context.Context, s store.Store, key string) error {
				_, err := store.Swap(ctx, s, key, store.AnyVersion, nil)
				return err
			}},
			call{"Update", true, true, func(ctx context.Context, s store.Store, key string) error {
				return store.Update(ctx, s, key, func(*store.Item) (*store.Item, error) { return item(), nil })
			}})
	}
	if !e.lacks(List) {
		calls = append(calls, call{"List", false, false, func(ctx context.Context, s store.Store, _ string) error {
			for _, err := range store.List(ctx, s, "") {
				if err != nil {
					return err
				}
			}
			return nil
		}})
	}
	if !e.lacks(Sweep) {
		calls = append(calls, call{"Sweep", false, false, func(ctx context.Context, s store.Store, _ string) error {
			_, err := store.Sweep(ctx, s, store.SweepOptions{Batch: 10})
			return err
		}})
	}
	return calls
}

// eventually polls ok until it holds or a generous time has passed.
func (e *Env) eventually(generous time.Duration, ok func() bool) bool {
	for end := time.Now().Add(generous); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return true
		}
	}
	return ok()
}

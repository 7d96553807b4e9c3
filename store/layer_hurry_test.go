package store_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/store"
)

// TestLayerHurriedCallers: who comes with a deadline that has passed, or nearly, does not turn the copies off for the others.
func TestLayerHurriedCallers(t *testing.T) {
	for _, left := range []time.Duration{-time.Second, time.Microsecond, 20 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			ctx, calls := t.Context(), map[string]func(context.Context, func() error) error{}
			slow, n := asked(store.NewMap(nil))
			s := store.Layer(fickle(store.NewMap(nil), calls), slow, &store.LayerOptions{MaxAge: time.Hour})
			s.Set(ctx, "k", []byte("v"))
			s.Get(ctx, "k")
			n.take(t)
			for range 100 {
				calls["get"] = func(ctx context.Context, _ func() error) error {
					<-ctx.Done()
					return store.Wrap("test", "get", ctx.Err())
				}
				hurried, cancel := context.WithTimeout(ctx, left)
				s.Get(hurried, "k")
				cancel()
				n.take(t)
				delete(calls, "get")
				if v, err := s.Get(ctx, "k"); string(v) != "v" || err != nil {
					t.Fatalf("%q, %v", v, err)
				}
				if told := n.take(t); told != "" {
					t.Fatalf("with %v left to another, this reached the slow store: %s", left, told)
				}
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
}

// TestLayerHangsForTheHurried: a fast store that hangs is left alone also where nobody has the patience to find out alone.
func TestLayerHangsForTheHurried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, calls := t.Context(), map[string]func(context.Context, func() error) error{}
		s := store.Layer(fickle(store.NewMap(nil), calls), store.NewMap(nil), nil)
		s.Set(ctx, "k", []byte("v"))
		hang := func(ctx context.Context, _ func() error) error {
			<-ctx.Done()
			return store.Wrap("test", "get", ctx.Err())
		}
		calls["get"], calls["swap"] = hang, hang
		failed := 0
		for range 1000 {
			hurried, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
			if _, err := s.Get(hurried, "k"); err != nil {
				failed++
			}
			cancel()
			time.Sleep(10 * time.Millisecond)
		}
		if failed > 60 {
			t.Errorf("%d of 1000 reads found no answer in 10 s", failed)
		}
		clear(calls)
		time.Sleep(2 * time.Second)
		hurried, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		defer cancel()
		if _, err := s.Get(hurried, "k"); err != nil {
			t.Error(err)
		}
	})
}

// aheadStore is a store whose clock is ahead of this host's, as that of a database server.
type aheadStore struct {
	*store.Map
	by time.Duration
}

func (a aheadStore) Load(ctx context.Context, key string) (*store.Item, error) {
	item, err := a.Map.Load(ctx, key)
	if err == nil {
		item.Atime = item.Atime.Add(a.by)
	}
	return item, err
}

// TestLayerClockAhead: what is read through copies is recorded later by no more than the clocks differ, and never by more than a slack.
func TestLayerClockAhead(t *testing.T) {
	const slack = time.Minute
	for _, by := range []time.Duration{0, 20 * time.Second, slack, 2 * time.Minute, time.Hour} {
		for _, first := range []time.Duration{0, 30 * time.Second, 58 * time.Second} {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				m := store.NewMap(&store.MapOptions{Expiry: store.Expiry{Timeout: 10 * time.Minute, TouchAfter: slack}})
				s := store.Layer(store.NewMap(nil), aheadStore{m, by}, &store.LayerOptions{MaxAge: time.Hour})
				s.Set(ctx, "k", []byte("v"))
				time.Sleep(first)
				worst := time.Duration(0)
				for range 2000 {
					time.Sleep(1700 * time.Millisecond)
					s.Get(ctx, "k")
					item, _ := m.Peek(ctx, "k")
					worst = max(worst, time.Since(item.Atime))
				}
				late := by
				if by > slack {
					late = 0 // nothing is copied
				}
				if worst > slack+late+2*time.Second {
					t.Errorf("ahead by %v, the atime lags by %v", by, worst)
				}
			})
		}
	}
}

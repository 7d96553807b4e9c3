package memstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// A use between the two requests of a Swap is no conflict: gat leaves the CAS id alone, on the real server.
func TestSwapBesideUses(t *testing.T) {
	s := fresh(t, Options{Expiry: store.Expiry{Timeout: time.Hour}}, testserver.Memcached(t).Addr)
	ctx := context.Background()
	set(t, s, "key", "value")
	name := s.name("key")
	item, err := s.client.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.client.GetAndTouch(name, 100); err != nil {
		t.Fatal(err)
	}
	item.Expiration = 100
	if err := s.client.CompareAndSwap(item); err != nil {
		t.Errorf("cas after a gat: %v", err)
	}

	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for !stop.Load() {
				s.Get(ctx, "key")
				s.Touch(ctx, "key")
			}
		})
	}
	for i := range 300 {
		item, err := s.Load(ctx, "key")
		if err == nil {
			_, err = s.Swap(ctx, "key", item.Version, &store.Item{Value: fmt.Append(nil, i)})
		}
		if err != nil {
			t.Errorf("Swap %d beside uses: %v", i, err)
			break
		}
	}
	stop.Store(true)
	wg.Wait()
}

// The round trips of each method.
func TestRequests(t *testing.T) {
	f := newFake(t)
	ctx := context.Background()
	s := fresh(t, Options{Expiry: store.Expiry{Timeout: time.Hour}}, f.addr)
	var v store.Version
	for _, c := range []struct {
		what, want string
		do         func() error
	}{
		{"Get of what is absent", "gat", func() error { _, err := s.Get(ctx, "key"); return is(err, store.ErrNotFound) }},
		{"Swap to create", "add", func() (err error) { v, err = s.Swap(ctx, "key", "", &store.Item{}); return err }},
		{"Swap to create, in vain", "add gets", func() error {
			_, err := s.Swap(ctx, "key", "", &store.Item{})
			return is(err, store.ErrConflict)
		}},
		{"Swap", "gets cas", func() (err error) { v, err = s.Swap(ctx, "key", v, &store.Item{}); return err }},
		{"Swap in vain", "gets", func() error {
			_, err := s.Swap(ctx, "key", store.NewVersion(), &store.Item{})
			return is(err, store.ErrConflict)
		}},
		{"Get", "gat", func() error { _, err := s.Get(ctx, "key"); return err }},
		{"Load", "gat", func() error { _, err := s.Load(ctx, "key"); return err }},
		{"Touch", "gat", func() error { return s.Touch(ctx, "key") }},
		{"Peek", "gets", func() error { _, err := s.Peek(ctx, "key"); return err }},
		{"Contains", "gets", func() error { _, err := s.Contains(ctx, "key"); return err }},
		{"Swap to nil", "gets cas", func() error { _, err := s.Swap(ctx, "key", v, nil); return err }},
		{"Set", "set", func() error { return s.Set(ctx, "key", nil) }},
		{"Swap from AnyVersion", "set", func() error { _, err := s.Swap(ctx, "key", store.AnyVersion, &store.Item{}); return err }},
		{"Swap from AnyVersion to nil", "delete", func() error { _, err := s.Swap(ctx, "key", store.AnyVersion, nil); return err }},
		{"Delete", "delete", func() error { return s.Delete(ctx, "key") }},
		{"Cleanup", "", func() error { _, err := s.Cleanup(ctx, time.Hour); return err }},
	} {
		if err := c.do(); err != nil {
			t.Errorf("%s: %v", c.what, err)
		}
		if got := f.verbs(); got != c.want {
			t.Errorf("%s is %q; want %q", c.what, got, c.want)
		}
	}
}

// is turns the error that is expected into none.
func is(err, target error) error {
	if errors.Is(err, target) {
		return nil
	}
	return fmt.Errorf("%w instead of %w", err, target)
}

// An entry that is absent by its deadline is still in the server, and stays absent whoever looks at it; a create takes its place.
func TestDeadlineInServer(t *testing.T) {
	f := newFake(t) // nothing expires in it
	ctx := context.Background()
	s := fresh(t, Options{Expiry: store.Expiry{Timeout: time.Hour}}, f.addr)
	expires := time.Now().Add(50 * time.Millisecond)
	v, err := s.Swap(ctx, "key", "", &store.Item{Value: []byte("old"), Expires: expires})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "its deadline passes", func() bool { return time.Now().After(expires) })
	for range 2 {
		if item, err := s.Peek(ctx, "key"); err != store.ErrNotFound {
			t.Errorf("Peek = %v, %v", item, err)
		}
		if ok, err := s.Contains(ctx, "key"); ok || err != nil {
			t.Errorf("Contains = %v, %v", ok, err)
		}
		if _, err := s.Swap(ctx, "key", v, &store.Item{}); !errors.Is(err, store.ErrConflict) {
			t.Errorf("Swap: %v", err)
		}
		if _, err := s.Swap(ctx, "key", v, nil); !errors.Is(err, store.ErrConflict) {
			t.Errorf("Swap to nil: %v", err)
		}
	}
	if _, err := s.Swap(ctx, "key", "", nil); err != nil {
		t.Errorf("Swap from \"\" to nil: %v", err)
	}
	f.seen()
	if _, err := s.Swap(ctx, "key", "", &store.Item{Value: []byte("new")}); err != nil {
		t.Errorf("Swap from \"\": %v", err)
	}
	if got := f.verbs(); got != "add gets cas" {
		t.Errorf("a create in place of what is absent is %q", got)
	}
	want(t, s, "key", "new")
}

// A write whose answer is lost has succeeded if its own version stands, and otherwise nobody knows.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	ctx := context.Background()
	s := fresh(t, Options{}, f.addr)
	s.client.Timeout = 300 * time.Millisecond
	writes := []string{"set", "add", "cas", "delete", "replace"}
	lose := func(carried, silent bool) func(c command, carryOut func() string) string {
		return func(c command, carryOut func() string) string {
			if !slices.Contains(writes, c.verb) {
				return carryOut()
			}
			if carried {
				carryOut()
			}
			if silent {
				return " " // a line that does not end
			}
			return ""
		}
	}
	for _, silent := range []bool{false, true} {
		for name, write := range map[string]func(s *Store, v store.Version) error{
			"Set":       func(s *Store, _ store.Version) error { return s.Set(ctx, "key", []byte("new")) },
			"large Set": func(s *Store, _ store.Version) error { return s.Set(ctx, "key", make([]byte, large)) },
			"Swap": func(s *Store, v store.Version) error {
				_, err := s.Swap(ctx, "key", v, &store.Item{Value: []byte("new")})
				return err
			},
			"Swap to create": func(s *Store, _ store.Version) error {
				_, err := s.Swap(ctx, "new", "", &store.Item{Value: []byte("new")})
				return err
			},
			"Delete":      func(s *Store, _ store.Version) error { return s.Delete(ctx, "key") },
			"Swap to nil": func(s *Store, v store.Version) error { _, err := s.Swap(ctx, "key", v, nil); return err },
		} {
			for _, carried := range []bool{true, false} {
				f.reacts(nil)
				s.Delete(ctx, "new")
				v, err := s.Swap(ctx, "key", store.AnyVersion, &store.Item{Value: []byte("old")})
				if err != nil {
					t.Fatal(err)
				}
				f.reacts(lose(carried, silent))
				err = write(s, v)
				if known := carried && name != "Delete" && name != "Swap to nil"; known && err != nil || !known && !errors.Is(err, store.ErrUnavailable) {
					t.Errorf("%s whose answer is lost, carried out: %v, by silence: %v: %v", name, carried, silent, err)
				}
			}
		}
	}
}

// What a server that hung had received of a Swap from a version does not bring the entry back after a Delete.
func TestLateSwap(t *testing.T) {
	t.Parallel()
	server := testserver.NewMemcached(t)
	s := open(t, server.URL+"?x-timeout=1h&x-op-timeout=200ms")
	ctx := context.Background()
	acknowledged := 0
	for i := range 10 {
		key := fmt.Sprint(i)
		v, err := s.Swap(ctx, key, "", &store.Item{Value: []byte("old")})
		if err != nil {
			t.Fatal(err)
		}
		item, version, err := s.encode(key, &store.Item{Value: []byte("late")})
		if err == nil {
			item.CasID, err = s.claim(ctx, key, v)
		}
		if err != nil {
			t.Fatal(err)
		}
		server.Pause(t)
		short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		err = s.write(short, reqCompareAndSwap, key, item, version)
		cancel()
		if err == nil {
			t.Error("a paused server answers")
		}
		eventually(t, "the write is given up", func() bool { return s.adrift.count.Load() == 0 })
		deleted := make(chan error)
		go func() { deleted <- s.Delete(ctx, key) }()
		<-time.After(20 * time.Millisecond) // it lies in the server's buffer, too
		server.Resume(t)
		if <-deleted != nil {
			continue
		}
		acknowledged++
		for range 20 {
			wantGone(t, s, key)
		}
	}
	if acknowledged == 0 {
		t.Error("no Delete was acknowledged")
	}
}

// A view that cleans up asks nobody either.
func TestCleanupOfViews(t *testing.T) {
	s := fresh(t, Options{Expiry: store.Expiry{Timeout: time.Hour}}, "127.0.0.1:1")
	ctx := context.Background()
	for _, view := range []store.Store{s, store.Prefix(s, "p:"), store.Prefix(store.Prefix(s, "p:"), "q:")} {
		for _, idle := range []time.Duration{-1, 0, time.Hour, 2 * time.Hour} {
			if n, err := view.Cleanup(ctx, idle); n != 0 || err != nil {
				t.Errorf("Cleanup(%v) = %d, %v", idle, n, err)
			}
		}
		if n, err := view.Cleanup(ctx, time.Minute); n != 0 || !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Cleanup(1m) = %d, %v", n, err)
		}
		r, err := store.Sweep(ctx, view, store.SweepOptions{Idle: time.Hour, Prefix: "a", Batch: 1, Limit: 1, Pause: time.Hour, Progress: func(store.SweepReport) {}})
		if err != nil || !r.Done || r.Removed != 0 {
			t.Errorf("Sweep = %+v, %v", r, err)
		}
		ended, cancel := context.WithCancel(ctx)
		cancel()
		for _, o := range []store.SweepOptions{{Idle: time.Hour}, {Idle: time.Minute}, {DryRun: true}} {
			if _, err := store.Sweep(ended, view, o); !errors.Is(err, context.Canceled) || errors.Is(err, errors.ErrUnsupported) != o.DryRun {
				t.Errorf("Sweep(%+v) under a cancelled context: %v", o, err)
			}
		}
		if _, err := store.Sweep(ctx, view, store.SweepOptions{DryRun: true}); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("a dry Sweep: %v", err)
		}
		if store.CanSweep(view) || store.CanList(view) || !store.CanSwap(view) {
			t.Errorf("%T can sweep: %v, list: %v, swap: %v", view, store.CanSweep(view), store.CanList(view), store.CanSwap(view))
		}
	}
	s.Close()
	if _, err := s.Sweep(ctx, store.SweepOptions{DryRun: true}); !errors.Is(err, os.ErrClosed) || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a dry Sweep after Close: %v", err)
	}
}

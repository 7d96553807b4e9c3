package shard_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
)

// TestOpenSlow: opening waits 200 ms for a node that is slow. It goes on opening by the same attempt, for who needs it.
func TestOpenSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		goOn := g.hang("b")
		begin := time.Now()
		s := g.mustOpen(t)
		defer s.Close()
		if took := time.Since(begin); took != 200*time.Millisecond {
			t.Errorf("opened after %v", took)
		}
		var waiting sync.WaitGroup
		waiting.Go(func() {
			if _, err := s.Get(t.Context(), keyOn(s, "b", 1)); err != store.ErrNotFound {
				t.Error(err)
			}
		})
		time.Sleep(5 * time.Second)
		goOn()
		waiting.Wait()
		want(t, s, setOn(t, s, "b"), "v")
		if n := g.tries.Load(); n != 3 {
			t.Errorf("%d openings of three nodes", n)
		}
	})
}

// setOn puts an entry on a node, and returns its key.
func setOn(t *testing.T, s opened, node string) string {
	t.Helper()
	key := keyOn(s, node, 1)
	set(t, s, key, "v")
	return key
}

// TestOpenSlowWrong: that a slow node is wrong is said by the operations that need it; the others are served.
func TestOpenSlowWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		wrong := errors.New("wrong password")
		g.set("b", wrong)
		goOn := g.hang("b")
		s := g.mustOpen(t)
		defer s.Close()
		goOn()
		synctest.Wait()
		for range 2 {
			_, err := s.Get(t.Context(), keyOn(s, "b", 1))
			wantNodeError(t, err, "b", wrong)
		}
		want(t, s, setOn(t, s, "a"), "v")
		if n := g.tries.Load(); n != 3 {
			t.Errorf("%d openings of three nodes", n)
		}
	})
}

// TestOpenLeftBehind: an attempt that nobody waits for ends, at Close or when its time is over; then the node is down as any other.
func TestOpenLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		goOn := g.hang("b")
		closed := g.mustOpen(t)
		if err := closed.Close(); err != nil || g.closes() != 2 {
			t.Errorf("Close: %v, %d closed", err, g.closes())
		}
		s := g.mustOpen(t)
		defer s.Close()
		time.Sleep(10*time.Second + 500*time.Millisecond)
		begin := time.Now()
		_, err := s.Get(t.Context(), keyOn(s, "b", 1))
		wantNodeError(t, err, "b", store.ErrUnavailable)
		if time.Since(begin) > 0 {
			t.Errorf("it waited for %v", time.Since(begin))
		}
		goOn()
		time.Sleep(time.Second)
		want(t, s, setOn(t, s, "b"), "v")
		if n := g.tries.Load(); n != 3+4 {
			t.Errorf("%d openings", n)
		}
	})
}

// TestOpenNone: where no node opens there is an end too: that of the caller's context, or 10 s. One that is wrong is told of without waiting for the others.
func TestOpenNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		for _, host := range names(3) {
			defer g.hang(host)()
		}
		begin := time.Now()
		_, err := g.openShard(t.Context())
		if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "(nodes a, b, c)") || time.Since(begin) != 10*time.Second {
			t.Errorf("all hang: %v after %v", err, time.Since(begin))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		begin = time.Now()
		if _, err = g.openShard(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 3*time.Second {
			t.Errorf("with a deadline: %v after %v", err, time.Since(begin))
		}
		g.set("b", errors.New("wrong password"))
		g.hang("b")()
		begin = time.Now()
		if _, err = g.openShard(t.Context()); err == nil || !strings.Contains(err.Error(), "wrong password (node b)") || time.Since(begin) > time.Second {
			t.Errorf("one is wrong: %v after %v", err, time.Since(begin))
		}
	})
}

const twoNames = "are one store by two names"

// TestOpenApartLater: a node that comes later and is one store with another is refused, by the operations that need it, for as long as it is.
func TestOpenApartLater(t *testing.T) {
	for name, hold := range map[string]func(g *gate) (goOn func()){
		"down": func(g *gate) func() { g.set("b", errOff); return func() { g.set("b", nil) } },
		"slow": func(g *gate) func() { return g.hang("b") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, one := newGate(), store.NewMap(nil)
				g.maps["a"], g.maps["b"] = one, one
				goOn := hold(g)
				s := g.mustOpen(t)
				defer s.Close()
				goOn()
				synctest.Wait()
				for range 2 {
					before := g.closes()
					time.Sleep(time.Second)
					err := s.Set(t.Context(), keyOn(s, "b", 1), nil)
					wantNodeError(t, err, "b", store.ErrInvalidURL)
					if !strings.Contains(err.Error(), "nodes a and b "+twoNames) || g.closes() != before+1 {
						t.Errorf("%v, %d closed", err, g.closes()-before)
					}
				}
				want(t, s, setOn(t, s, "a"), "v")
				if n := len(listed(t, store.List(t.Context(), one, ""))) + len(listed(t, store.List(t.Context(), one, store.ReservedKey("")))); n != 1 {
					t.Errorf("%d entries, with the probes that are left behind", n)
				}
				g.maps["b"] = nil
				time.Sleep(time.Second)
				want(t, s, setOn(t, s, "b"), "v")
			})
		})
	}
}

// TestOpenApartTogether: of two that come together and are one, one is taken.
func TestOpenApartTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, one := newGate(), store.NewMap(nil)
		g.maps["b"], g.maps["c"] = one, one
		b, c := g.hang("b"), g.hang("c")
		s := g.mustOpen(t)
		defer s.Close()
		b()
		c()
		errs := []string{}
		for _, node := range []string{"b", "c"} {
			if err := s.Set(t.Context(), keyOn(s, node, 1), nil); err != nil {
				errs = append(errs, err.Error())
			}
		}
		if len(errs) != 1 || !strings.Contains(errs[0], "nodes b and c "+twoNames) {
			t.Errorf("%q", errs)
		}
	})
}

// silent answers nobody who asks whether it has something.
type silent struct{ store.Closer }

func (silent) Contains(ctx context.Context, _ string) (bool, error) {
	<-ctx.Done()
	return false, store.Wrap("mute", "contains", ctx.Err())
}

// TestOpenApartMute: a node that hangs by then keeps another from being opened for half a second.
func TestOpenApartMute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		g.set("b", errOff)
		mux := store.Mux{"gate": g.open}
		mux["mute"] = func(context.Context, *url.URL) (store.Closer, error) {
			return silent{gated{store.NewMap(nil), g, "mute"}}, nil
		}
		mux["shard"] = shard.Open(mux)
		s, err := mux.Open(t.Context(), shardURL([]string{"mute://a", "gate://b"}))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		g.set("b", nil)
		time.Sleep(time.Second)
		begin := time.Now()
		want(t, s, setOn(t, s.(opened), "b"), "v")
		if took := time.Since(begin); took != 500*time.Millisecond {
			t.Errorf("opened after %v", took)
		}
	})
}

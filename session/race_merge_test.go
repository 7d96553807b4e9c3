package session_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/larder-go/larder/internal/interleave"
	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// client is a browser of one site.
type client struct {
	h      http.Handler
	cookie string
}

type todoKey struct{}

// newClient is a browser on a manager over s. What a request does, its test says.
func newClient(t testing.TB, s store.Store, o session.Options) *client {
	t.Helper()
	o.Keys, o.Logger = raceKeys, slog.New(slog.DiscardHandler)
	m, err := session.New(s, &o)
	if err != nil {
		t.Fatal(err)
	}
	return &client{h: m.Handler(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if err := r.Context().Value(todoKey{}).(func(*session.Session) error)(session.From(r.Context())); err != nil {
			session.ErrorHandler(rw, r, err)
		}
	}))}
}

// do makes a request in which todo runs, and returns the status. Clients that have their cookie may do so at once.
func (c *client) do(ctx context.Context, todo func(*session.Session) error) int {
	r := httptest.NewRequestWithContext(context.WithValue(ctx, todoKey{}, todo), "POST", "https://example.test/", nil)
	if c.cookie != "" {
		r.Header.Set("Cookie", c.cookie)
	}
	rec := httptest.NewRecorder()
	c.h.ServeHTTP(rec, r)
	for _, set := range rec.Result().Cookies() {
		c.cookie = set.Name + "=" + set.Value
	}
	return rec.Code
}

func (c *client) must(t testing.TB, todo func(*session.Session) error) {
	t.Helper()
	if code := c.do(t.Context(), todo); code != http.StatusOK {
		t.Errorf("status %d", code)
	}
}

func set(name string, value any) func(*session.Session) error {
	return func(s *session.Session) error { return s.Set(name, value) }
}

type cart map[string]int

// mergeCarts adds what each tab has added.
func mergeCarts(base, mine, theirs cart) (cart, error) {
	all := maps.Clone(theirs)
	if all == nil {
		all = cart{}
	}
	for what, n := range mine {
		all[what] += n - base[what]
	}
	return all, nil
}

func put(what string, n int) func(*session.Session) error {
	return func(s *session.Session) error {
		c, _ := session.Get[cart](s, "cart")
		if c == nil {
			c = cart{}
		}
		c[what] += n
		return s.Set("cart", c)
	}
}

// TestTwoTabs: in every interleaving, two tabs that set different fields both win, of two that set the same field the one that is saved last,
// and a field with a merge function gets both.
func TestTwoTabs(t *testing.T) {
	merge := map[string]session.Merger{"n": session.Sum[int](), "cart": session.MergeFunc(mergeCarts)}
	add := func(s *session.Session) error {
		n, _ := session.Get[int](s, "n")
		return s.Set("n", n+1)
	}
	for _, test := range []struct {
		name        string
		left, right func(*session.Session) error
		right2      func(s *session.Session, leftWasLast bool) bool // what is right afterwards
	}{
		{"different fields", set("left", 1), set("right", 2), func(s *session.Session, _ bool) bool {
			l, _ := session.Get[int](s, "left")
			r, _ := session.Get[int](s, "right")
			return l == 1 && r == 2
		}},
		{"same field", set("same", "left"), set("same", "right"), func(s *session.Session, leftWasLast bool) bool {
			v, _ := session.Get[string](s, "same")
			return (v == "left") == leftWasLast && v != ""
		}},
		{"sum", add, add, func(s *session.Session, _ bool) bool {
			n, _ := session.Get[int](s, "n")
			return n == 2
		}},
		{"cart", put("jam", 2), put("jam", 3), func(s *session.Session, _ bool) bool {
			c, _ := session.Get[cart](s, "cart")
			return c["jam"] == 5
		}},
		{"set and delete", set("new", 1), func(s *session.Session) error { return s.Delete("begun") }, func(s *session.Session, _ bool) bool {
			return s.Has("new") && !s.Has("begun")
		}},
		{"add to a cart and throw it away", put("jam", 1), func(s *session.Session) error { return s.Delete("cart") }, func(s *session.Session, leftWasLast bool) bool {
			c, _ := session.Get[cart](s, "cart")
			return leftWasLast == (c["jam"] == 1)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all := 0
				for tree := new(interleave.Tree); tree.Next(); all++ {
					gate := &interleave.Store{Under: store.NewMap(nil)}
					left, right := newClient(t, gate, session.Options{Merge: merge}), newClient(t, gate, session.Options{Merge: merge})
					left.must(t, func(s *session.Session) error {
						return errors.Join(s.Set("begun", true), s.Set("cart", cart{"jam": 0}))
					})
					right.cookie = left.cookie
					steps, err := interleave.Play(t.Context(), tree.Choose,
						func(ctx context.Context) { left.do(ctx, test.left) },
						func(ctx context.Context) { right.do(ctx, test.right) })
					if err != nil {
						t.Fatal(err)
					}
					left.must(t, func(s *session.Session) error {
						if !test.right2(s, steps[len(steps)-1].Client == 0) {
							t.Errorf("schedule %v: wrong, with the fields %q", tree, s.Keys())
						}
						return nil
					})
				}
				if all < 6 {
					t.Errorf("%d schedules, want 6 at least", all)
				}
			})
		})
	}
}

// TestSumIsExact: 64 goroutines add one 50 times each, to a counter that Sum merges, and each to a field of its own.
func TestSumIsExact(t *testing.T) {
	const clients, times = 64, 50
	first := newClient(t, store.NewMap(nil), session.Options{Merge: map[string]session.Merger{"n": session.Sum[int]()}})
	first.must(t, set("begun", true))
	crowd(t, first, clients, times)
}

// TestManyClientsPostgres: 64 clients on one session, whose changes all conflict, and none is lost.
func TestManyClientsPostgres(t *testing.T) {
	times := raceCount(t, "LARDER_RACE_CROWD", 5, 50)
	first := newClient(t, openRacePostgres(t), session.Options{Merge: map[string]session.Merger{"n": session.Sum[int]()}})
	first.must(t, set("begun", true))
	crowd(t, first, 64, times)
}

// crowd lets clients with the cookie of first count to times each, and wants all of it to be there.
func crowd(t *testing.T, first *client, clients, times int) {
	t.Helper()
	var wg sync.WaitGroup
	for n := range clients {
		c := *first
		wg.Go(func() {
			for range times {
				if code := c.do(t.Context(), count(strconv.Itoa(n))); code != http.StatusOK {
					t.Errorf("client %d: status %d", n, code)
					return
				}
			}
		})
	}
	wg.Wait()
	first.must(t, func(s *session.Session) error {
		if n, _ := session.Get[int](s, "n"); n != clients*times {
			t.Errorf("%d clients added one %d times each: %d", clients, times, n)
		}
		for i := range clients {
			if n, _ := session.Get[int](s, strconv.Itoa(i)); n != times {
				t.Errorf("the field of client %d: %d, want %d", i, n, times)
			}
		}
		return nil
	})
}

// count adds one to the counter of all and to that of its client.
func count(own string) func(*session.Session) error {
	return func(s *session.Session) error {
		n, _ := session.Get[int](s, "n")
		mine, _ := session.Get[int](s, own)
		if err := s.Set(own, mine+1); err != nil {
			return err
		}
		return s.Set("n", n+1)
	}
}

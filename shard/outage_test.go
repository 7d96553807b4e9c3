package shard_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
)

const outageKeys = 2000

// atOnce does something with many keys, several at a time.
func atOnce(keys []string, do func(key string)) {
	var all sync.WaitGroup
	next := make(chan string)
	for range 16 {
		all.Go(func() {
			for key := range next {
				do(key)
			}
		})
	}
	for _, key := range keys {
		next <- key
	}
	close(next)
	all.Wait()
}

// TestOutage takes one of four memcached servers away: its share of the keys fails and says so, nothing of it turns up elsewhere, and it is served within a
// second after the server is back.
func TestOutage(t *testing.T) {
	for _, fault := range []struct {
		name       string
		begin, end func(s *testserver.Server)
		forgets    bool
	}{
		{"killed", func(s *testserver.Server) { s.Kill(t) }, func(s *testserver.Server) { s.Start(t) }, true},
		{"paused", func(s *testserver.Server) { s.Pause(t) }, func(s *testserver.Server) { s.Resume(t) }, false},
	} {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel() // the two of them: both wait most of the time
			servers, urls := memcached(t, 4)
			for i := range urls { // the others have time, for the machine may be busy
				urls[i] = add(urls[i], "x-op-timeout="+map[bool]string{true: "500ms", false: "10s"}[i == 1])
			}
			s := open(t, shardURL(urls))
			var keys, lost []string
			for i := range outageKeys {
				key := fmt.Sprintf("outage-%d", i)
				keys = append(keys, key)
				if s.Where(key) == "b" {
					lost = append(lost, key)
				}
			}
			atOnce(keys, func(key string) { set(t, s, key, key) })
			if most := outageKeys * (25 + 2) / 100; len(lost) > most {
				t.Errorf("%d of %d keys are on one node, more than %d", len(lost), outageKeys, most)
			}

			fault.begin(servers[1])
			for _, key := range keys {
				if s.Where(key) != "b" {
					want(t, s, key, key)
				}
			}
			sample := lost
			if !fault.forgets {
				sample = lost[:16] // each waits until its time is up
			}
			atOnce(sample, func(key string) {
				_, err := s.Get(t.Context(), key)
				wantNodeError(t, err, "b", store.ErrUnavailable)
				wantNodeError(t, s.Set(t.Context(), key, []byte("elsewhere")), "b", store.ErrUnavailable)
			})
			for _, n := range []string{"a", "c", "d"} {
				for _, key := range sample {
					if found, err := s.Node(n).Contains(t.Context(), key); found || err != nil {
						t.Fatalf("a key of node b is on node %s: %v", n, err)
					}
				}
			}

			fault.end(servers[1])
			begin := time.Now()
			eventually(t, "served again", func() bool {
				_, err := s.Get(t.Context(), lost[0])
				return err == nil || err == store.ErrNotFound
			})
			took := time.Since(begin)
			t.Logf("%d of %d keys failed, all %d others were served; back %v after the server", len(lost), outageKeys, outageKeys-len(lost), took.Round(time.Millisecond))
			if took > time.Second {
				t.Errorf("served %v after the server was back", took)
			}
			if fault.forgets {
				if _, err := s.Get(t.Context(), lost[1]); err != store.ErrNotFound {
					t.Errorf("what the server has forgotten: %v", err)
				}
			}
			for _, key := range lost {
				set(t, s, key, key)
				want(t, s, key, key)
			}
		})
	}
}

// blocked answers nobody who does not give up.
type blocked struct{ down }

func (blocked) Get(ctx context.Context, _ string) ([]byte, error) {
	<-ctx.Done()
	return nil, fmt.Errorf("%w: %w", store.ErrUnavailable, ctx.Err())
}

// TestOutageHinders: while one node answers nobody, those of the others are served.
func TestOutageHinders(t *testing.T) {
	s := over(t, store.NewMap(nil), blocked{}, store.NewMap(nil))
	ctx, cancel := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	for i := range 100 {
		waiting.Go(func() {
			_, err := s.Get(ctx, keyOn(s, "b", i))
			wantNodeError(t, err, "b", context.Canceled)
		})
	}
	for i := range 100 {
		for _, n := range []string{"a", "c"} {
			for op, err := range calls(t.Context(), s, keyOn(s, n, i)) {
				if err != nil && err != store.ErrNotFound {
					t.Errorf("%s: %v", op, err)
				}
			}
		}
	}
	cancel()
	waiting.Wait()
}

// TestOutageOpens: a URL is opened and cleaned up, and its facts are told, while one of its servers hangs.
func TestOutageOpens(t *testing.T) {
	ok, hung := testserver.Redis(t), testserver.NewRedis(t)
	hung.Pause(t)
	p := unique()
	begin := time.Now()
	s := open(t, shardURL([]string{add(ok.URL, "x-prefix="+p+":"), add(hung.URL, "x-op-timeout=10s"), add(ok.URL, "x-prefix="+p+"2:")}))
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("opened after %v: it has waited for the server that hangs", took)
	}
	set(t, s, keyOn(s, "a", 1), "v")
	want(t, s, keyOn(s, "a", 1), "v")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	_, err := s.Get(ctx, keyOn(s, "b", 1))
	cancel()
	wantNodeError(t, err, "b", store.ErrUnavailable)
	hung.Resume(t)
	eventually(t, "opened at last", func() bool { return s.Set(t.Context(), keyOn(s, "b", 1), []byte("v")) == nil })
	want(t, s, keyOn(s, "b", 1), "v")
}

// TestOutageSessions: of those whose session is on the server that is down each gets a 503, and nobody loses his cookie.
func TestOutageSessions(t *testing.T) {
	t.Parallel()
	for _, pause := range []bool{false, true} {
		servers, urls := memcached(t, 4)
		for i := range urls {
			urls[i] = add(urls[i], "x-op-timeout="+map[bool]string{true: "300ms", false: "10s"}[i == 2])
		}
		s := open(t, shardURL(urls))
		m, err := session.New(s, &session.Options{Keys: [][]byte{[]byte(rand.Text() + rand.Text())}, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		visit := m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/static" {
				return
			}
			sess := session.From(r.Context())
			n, _ := session.Get[int](sess, "visits")
			sess.Set("visits", n+1)
			fmt.Fprint(w, n+1)
		}))
		ask := func(path string, cookie *http.Cookie) *http.Response {
			r, w := httptest.NewRequestWithContext(t.Context(), "GET", "https://site.example"+path, nil), httptest.NewRecorder()
			if cookie != nil {
				r.AddCookie(cookie)
			}
			visit.ServeHTTP(w, r)
			return w.Result()
		}
		var cookies []*http.Cookie
		for range 64 {
			resp := ask("/", nil)
			if resp.StatusCode != http.StatusOK || len(resp.Cookies()) != 1 {
				t.Fatalf("%d, %v", resp.StatusCode, resp.Cookies())
			}
			cookies = append(cookies, resp.Cookies()[0])
		}
		if pause {
			servers[2].Pause(t)
		} else {
			servers[2].Kill(t)
		}
		var mu sync.Mutex
		failed, byToken := 0, map[string]*http.Cookie{}
		var tokens []string
		for _, c := range cookies {
			tokens, byToken[c.Value] = append(tokens, c.Value), c
		}
		atOnce(tokens, func(token string) {
			if resp := ask("/static", byToken[token]); resp.StatusCode != http.StatusOK {
				t.Errorf("who needs no session gets %d", resp.StatusCode)
			}
			resp := ask("/", byToken[token])
			switch {
			case resp.StatusCode == http.StatusServiceUnavailable && len(resp.Cookies()) == 0:
				mu.Lock()
				defer mu.Unlock()
				failed++
			case resp.StatusCode != http.StatusOK:
				t.Errorf("%d, with cookies %v", resp.StatusCode, resp.Cookies())
			}
		})
		t.Logf("%d of 64 sessions fail", failed)
		if failed == 0 || failed > 40 {
			t.Errorf("%d of 64 sessions fail where one of four servers is down", failed)
		}
		if pause {
			servers[2].Resume(t)
			atOnce(tokens, func(token string) {
				if resp := ask("/", byToken[token]); resp.StatusCode != http.StatusOK {
					t.Errorf("after the outage: %d", resp.StatusCode)
				}
			})
		}
	}
}

// TestOutageCleanup: what is up is cleaned up, and the error says what is not.
func TestOutageCleanup(t *testing.T) {
	a, c := store.NewMap(nil), store.NewMap(nil)
	s := over(t, a, down{}, c)
	past := time.Now().Add(-time.Hour)
	for _, n := range []store.Store{a, c} {
		for i := range 10 {
			if _, err := store.Swap(t.Context(), n, fmt.Sprint(i), "", &store.Item{Atime: past}); err != nil {
				t.Fatal(err)
			}
		}
	}
	removed, err := s.Cleanup(t.Context(), time.Minute)
	wantNodeError(t, err, "b", store.ErrUnavailable)
	if removed != 20 { // half of them where the placement does not look
		t.Errorf("%d removed", removed)
	}
	r, err := store.Sweep(t.Context(), s, store.SweepOptions{Idle: time.Minute, Batch: 1})
	wantNodeError(t, err, "b", store.ErrUnavailable)
	if r.Done {
		t.Error("it is done, with a node that was not swept")
	}
	facts, err := store.Inspect(t.Context(), s)
	found := false
	for _, f := range facts {
		found = found || f.Name == "b server" && f.Value == "unreachable" && f.Warn != ""
	}
	if err != nil || !found {
		t.Errorf("%v, %v", facts, err)
	}
	_, err = store.Inspect(t.Context(), over(t, down{}, down{}))
	var of *shard.NodeError
	if !errors.Is(err, store.ErrUnavailable) || !errors.As(err, &of) {
		t.Errorf("all down: %v", err)
	}
}

package cleanup_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/dbstore"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// backend makes a store and returns what opens a further handle on it, as the program of another host would.
type backend struct {
	name string
	make func(t *testing.T) (open func() store.Store)
}

// backends keep every use, so that what was used a moment ago may be idle.
func backends() []backend {
	shared := func(t *testing.T, url string) func() store.Store {
		s := opener(t, url)()
		return func() store.Store { return s }
	}
	return []backend{
		{"map", func(t *testing.T) func() store.Store { return shared(t, "map:?") }},
		{"bbolt", func(t *testing.T) func() store.Store {
			return shared(t, "bolt:"+filepath.Join(t.TempDir(), "data.db")+"?")
		}},
		{"files", func(t *testing.T) func() store.Store { return opener(t, "file:"+t.TempDir()+"?") }},
		{"postgres", postgres},
		{"redis", func(t *testing.T) func() store.Store {
			return opener(t, testserver.Redis(t).URL+"?x-prefix="+rand.Text()+":&")
		}},
	}
}

func opener(t *testing.T, url string) func() store.Store {
	return func() store.Store {
		s, err := larder.Open(t.Context(), url+"x-touch-after=-1s")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
}

// postgres makes a schema with a table.
func postgres(t *testing.T) func() store.Store {
	raw := testserver.Postgres(t).URL + "?x-schema=" + rand.Text()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	m, err := dbstore.OpenMigrator(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := m.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	return opener(t, raw+"&pool_max_conns=3&")
}

// fill stores n entries that nobody will have used for an hour, by their own account.
func fill(t *testing.T, s store.Store, prefix string, n int) {
	t.Helper()
	for i := range n {
		item := &store.Item{Value: make([]byte, 10), Atime: time.Now().Add(-2 * time.Hour)}
		if _, err := store.Swap(t.Context(), s, fmt.Sprintf("%s%d", prefix, i), store.AnyVersion, item); err != nil {
			t.Fatal(err)
		}
	}
}

// Of eight hosts with the same timer one works, and the others say at once that they need not.
func TestEightHostsWithOneTimer(t *testing.T) {
	const hosts, dead = 8, 20
	for _, b := range backends() {
		t.Run(b.name, func(t *testing.T) {
			open := b.make(t)
			var stores [hosts]store.Store
			for i := range stores {
				stores[i] = open()
			}
			for round := range 5 {
				fill(t, stores[0], "dead", dead)
				fill(t, stores[1], "live", 1)
				if err := store.Touch(t.Context(), stores[1], "live0"); err != nil {
					t.Fatal(err)
				}
				refused := make(chan struct{}, hosts)
				o := &cleanup.Options{Idle: time.Hour, Lease: cleanup.DefaultLease, Batch: dead / 4, Progress: func(cleanup.Report) {
					for range hosts - 1 { // none of the others comes too late to meet this one
						select {
						case <-refused:
						case <-time.After(time.Minute):
							t.Error("the others neither work nor say why not")
							return
						}
					}
					for range hosts - 1 {
						refused <- struct{}{}
					}
				}}
				var mu sync.Mutex
				worked := 0
				var all sync.WaitGroup
				for _, s := range stores {
					all.Go(func() {
						r, err := cleanup.Run(t.Context(), s, o)
						if errors.Is(err, cleanup.ErrLeased) && r.Reason == cleanup.Leased {
							refused <- struct{}{}
							return
						}
						if err != nil || r.Removed != dead || !r.Done {
							t.Errorf("round %d: report %+v, error %v", round, r, err)
						}
						mu.Lock()
						defer mu.Unlock()
						worked++
					})
				}
				all.Wait()
				if worked != 1 {
					t.Fatalf("round %d: %d hosts worked", round, worked)
				}
				if last, err := cleanup.Last(t.Context(), stores[hosts-1]); err != nil || last.Removed != dead || last.Reason != cleanup.Done {
					t.Errorf("round %d: %+v, %v", round, last, err)
				}
			}
			if n := count(t, stores[0]); n != 1 {
				t.Errorf("%d entries are left, want the one that is used", n)
			}
		})
	}
}

// Loops with a lease in all programs of a deployment: each sweep is one program's, and nobody warns.
func TestLoopsShareALease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := filled(t, 100)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, nil)) // its handler locks
		var mu sync.Mutex
		reasons := make(map[cleanup.Reason]int)
		removed := 0
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				cleanup.Loop(ctx, m, &cleanup.Options{
					Idle: time.Hour, Lease: time.Minute, Interval: time.Minute, Batch: 1, Pause: time.Second, Limit: 30,
					Logger: logger,
					OnReport: func(r cleanup.Report, err error) {
						mu.Lock()
						defer mu.Unlock()
						if (err != nil) != (r.Reason == cleanup.Leased || r.Reason == cleanup.Canceled) {
							t.Errorf("report %+v, error %v", r, err)
						}
						reasons[r.Reason]++
						removed += r.Removed
					},
				})
			})
		}
		all.Wait()
		if removed != 100 || reasons[cleanup.Leased] < 3 || reasons[cleanup.Limit] != 3 || reasons[cleanup.Done] < 200 {
			t.Errorf("removed %d, %v", removed, reasons)
		}
		if strings.Contains(log.String(), "WARN") {
			t.Errorf("the log:\n%s", &log)
		}
	})
}

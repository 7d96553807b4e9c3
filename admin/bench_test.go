package admin

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/larder-go/larder/boltstore"
	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/store"
)

// BenchmarkCount is what one count costs, in all the time that it takes before the next may begin, of 100,000 entries, or with LARDER_SOAK
// of 1,000,000: us/entry, and the share of the time that goes into counting while somebody looks.
func BenchmarkCount(b *testing.B) {
	entries := 100_000
	if os.Getenv("LARDER_SOAK") != "" {
		entries = 1_000_000
	}
	for name, open := range map[string]func(*testing.B) store.Store{
		"map": func(*testing.B) store.Store { return store.NewMap(nil) },
		"bolt": func(b *testing.B) store.Store {
			db, err := bbolt.Open(filepath.Join(b.TempDir(), "x.db"), 0o600, &bbolt.Options{NoSync: true})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { db.Close() })
			s, err := boltstore.New(db, nil)
			if err != nil {
				b.Fatal(err)
			}
			return s
		},
	} {
		b.Run(name, func(b *testing.B) {
			s := open(b)
			value := make([]byte, 600)
			work := make(chan int)
			done := make(chan error, 256)
			for range 256 { // who share commits
				go func() {
					var first error
					for i := range work {
						if err := s.Set(b.Context(), fmt.Sprintf("session:%016x", i), value); first == nil {
							first = err
						}
					}
					done <- first
				}()
			}
			for i := range entries {
				work <- i
			}
			close(work)
			for range 256 {
				if err := <-done; err != nil {
					b.Fatal(err)
				}
			}
			var spent, every time.Duration
			b.ReportAllocs()
			for b.Loop() {
				c := newCensus(s, &Options{Cleanup: &cleanup.Options{}, Every: DefaultEvery, CountTime: time.Hour})
				n := c.get(b.Context(), c.most)
				if !n.complete || n.entries != entries || n.err != nil {
					b.Fatalf("%+v", n)
				}
				spent += n.took
				every += n.took + time.Until(c.next)
			}
			b.ReportMetric(float64(spent.Microseconds())/float64(b.N)/float64(entries), "us/entry")
			b.ReportMetric(100*float64(spent)/float64(every), "%busy")
		})
	}
}

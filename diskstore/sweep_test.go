package diskstore_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/diskstore"
	"github.com/larder-go/larder/store"
)

// TestSweepPausesByBatch has mostly fewer entries than folders, so nearly each stands in a folder of its own: the sweep waits between full
// batches, not after every folder, and not after the last, whatever else it still looks at. It tells its progress at the end of
// each batch.
func TestSweepPausesByBatch(t *testing.T) {
	for _, test := range []struct {
		name       string
		dead       int
		o          store.SweepOptions
		removed    int
		batch      int
		pauses     int
		incomplete bool
	}{
		{name: "full", dead: 100, o: store.SweepOptions{Batch: 10}, removed: 100, batch: 10, pauses: 9},
		{name: "partial", dead: 95, o: store.SweepOptions{Batch: 10}, removed: 95, batch: 10, pauses: 9},
		{name: "one", dead: 10, o: store.SweepOptions{Batch: 10}, removed: 10, batch: 10},
		{name: "large", dead: 300, o: store.SweepOptions{Batch: 150}, removed: 300, batch: 150, pauses: 1},
		{name: "default", dead: 2100, removed: 2100, batch: 1000, pauses: 2},
		{name: "limit", dead: 100, o: store.SweepOptions{Batch: 10, Limit: 35}, removed: 35, batch: 10, pauses: 3, incomplete: true},
		{name: "prefix", dead: 100, o: store.SweepOptions{Batch: 10, Prefix: "key1"}, removed: 10, batch: 10},
		{name: "none", o: store.SweepOptions{Batch: 10}, batch: 10},
		{name: "dry", dead: 95, o: store.SweepOptions{Batch: 10, DryRun: true}, removed: 95, batch: 10},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := memoryDir(t)
			synctest.Test(t, func(t *testing.T) {
				s, err := diskstore.Open(dir, nil)
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				for i := range test.dead {
					diskstore.WriteEntry(t, dir, fmt.Sprint("key", i), []byte("value"), time.Now().Add(-2*time.Hour))
				}
				var told, want []int
				for n := test.batch; n < test.removed; n += test.batch {
					want = append(want, n)
				}
				if test.removed > 0 {
					want = append(want, test.removed)
				}
				o := test.o
				o.Idle, o.Pause = time.Hour, time.Second
				o.Progress = func(r store.SweepReport) { told = append(told, r.Removed) }
				start := time.Now()
				r, err := s.Sweep(t.Context(), o)
				if err != nil || r.Removed != test.removed || r.Done == test.incomplete {
					t.Errorf("Sweep = %+v, %v", r, err)
				}
				if took := time.Since(start); took != time.Duration(test.pauses)*time.Second {
					t.Errorf("it paused for %v; want %d pauses of a second", took, test.pauses)
				}
				if !slices.Equal(told, want) {
					t.Errorf("it told that it had removed %d; want %d", told, want)
				}
			})
		})
	}
}

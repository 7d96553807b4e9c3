package diskstore_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/diskstore"
	"github.com/larder-go/larder/store"
)

// TestSweepPausesByBatch has fewer entries than folders, so nearly each stands in a folder of its own: the sweep waits after every
// full batch, not after every folder.
func TestSweepPausesByBatch(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		s, err := diskstore.Open(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		const dead, batch = 100, 10
		for i := range dead {
			if _, err := s.Swap(ctx, fmt.Sprint("key", i), "", &store.Item{Expires: time.Now()}); err != nil {
				t.Fatal(err)
			}
		}
		start := time.Now()
		r, err := s.Sweep(ctx, store.SweepOptions{Batch: batch, Pause: time.Second})
		if err != nil || r.Removed != dead || !r.Done {
			t.Errorf("Sweep = %+v, %v", r, err)
		}
		// A batch may end with the last entries of a folder, a little over the mark.
		if took := time.Since(start); took < dead/batch*time.Second/2 || took > dead/batch*time.Second {
			t.Errorf("it paused for %v between batches of %d", took, batch)
		}
	})
}

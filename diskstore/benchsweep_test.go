package diskstore_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/larder-go/larder/diskstore"
	"github.com/larder-go/larder/store"
)

// sysMB is what the process has of the system, which never becomes less.
func sysMB() float64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.Sys) / (1 << 20)
}

// sweepMany sweeps n entries, of which one in ten has to go, and returns by how many MB that made the process grow, and how long it took.
func sweepMany(t testing.TB, n int) (mb float64, took time.Duration) {
	dir := memoryDir(t)
	s := open(t, dir, &diskstore.Options{Expiry: store.Expiry{Timeout: time.Hour}})
	now := time.Now()
	for i := range n {
		age := time.Minute
		if i%10 == 0 {
			age = 2 * time.Hour
		}
		diskstore.WriteEntry(t, dir, fmt.Sprint("key-", i), value(benchSize, i), now.Add(-age))
	}
	runtime.GC()
	before, began := sysMB(), time.Now()
	removed, err := s.Cleanup(t.Context(), 0)
	took, mb = time.Since(began), sysMB()-before
	if err != nil || removed != n/10 {
		t.Fatalf("Cleanup removed %d of %d, %v", removed, n, err)
	}
	return mb, took
}

// TestSweepMemory sweeps as many entries as two folders' worth of a large store would have, many times over: memory does not follow their
// number.
func TestSweepMemory(t *testing.T) {
	n := 20_000
	if testing.Short() {
		n = 2000
	}
	if mb, _ := sweepMany(t, n); mb > 8 {
		t.Errorf("a sweep of %d entries took %.1f MB", n, mb)
	}
}

// BenchmarkCleanup sweeps 200,000 files.
func BenchmarkCleanup(b *testing.B) {
	const n = 200_000
	for b.Loop() {
		mb, took := sweepMany(b, n)
		b.ReportMetric(mb, "MB-grown")
		b.ReportMetric(float64(took.Microseconds())/n, "us/file")
		b.ReportMetric(0, "ns/op")
	}
}

package diskstore_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/larder-go/larder/diskstore"
	"github.com/larder-go/larder/store"
)

// rawSweep is what one writes by hand: whatever has an old time goes, and each folder is synced when it has been gone through.
func rawSweep(dir string, cutoff time.Time) (removed int, err error) {
	for i := range 256 {
		folder := filepath.Join(dir, fmt.Sprintf("%02x", i))
		n, err := rawSweepFolder(folder, cutoff)
		if err != nil {
			return removed, err
		}
		removed += n
	}
	return removed, nil
}

func rawSweepFolder(folder string, cutoff time.Time) (removed int, err error) {
	d, err := os.Open(folder)
	if err != nil {
		return 0, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		path := filepath.Join(folder, name)
		info, err := os.Lstat(path)
		if err != nil {
			return removed, err
		}
		if !info.ModTime().Before(cutoff) {
			continue
		}
		if err := os.Remove(path); err != nil {
			return removed, err
		}
		removed++
	}
	if removed == 0 {
		return 0, nil
	}
	return removed, d.Sync()
}

// deadFiles is how many files the comparison with the raw sweep has in each round; LARDER_BENCH_DEAD says otherwise.
func deadFiles(b *testing.B) int {
	text := os.Getenv("LARDER_BENCH_DEAD")
	if text == "" {
		return 20_000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// BenchmarkSweepDead removes files of which all are dead, on a disk, in turn with a program that goes by their times alone.
func BenchmarkSweepDead(b *testing.B) {
	n := deadFiles(b)
	for _, cold := range []bool{false, true} {
		name := map[bool]string{false: "cached", true: "cold"}[cold]
		b.Run(name, func(b *testing.B) {
			const rounds = 7
			var ratios, raws []float64
			var allocs [2]float64
			for b.Loop() {
				ratios, raws = nil, nil
				for r := range rounds {
					var took [2]time.Duration
					for j := range 2 {
						which := (r + j) % 2
						took[which], allocs[which] = sweepDead(b, n, which == 1, cold)
					}
					ratios = append(ratios, float64(took[1])/float64(took[0]))
					raws = append(raws, float64(took[0].Microseconds())/float64(n))
				}
			}
			slices.Sort(ratios)
			slices.Sort(raws)
			b.ReportMetric(ratios[rounds/2], "ours/raw")
			b.ReportMetric(raws[rounds/2], "raw-us/file")
			b.ReportMetric(allocs[0], "raw-allocs/file")
			b.ReportMetric(allocs[1], "our-allocs/file")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// sweepDead makes n dead files and removes them, and tells how long the removal took and its allocations for each.
func sweepDead(b *testing.B, n int, ours, cold bool) (took time.Duration, allocs float64) {
	dir, err := os.MkdirTemp(b.TempDir(), "")
	if err != nil {
		b.Fatal(err)
	}
	s := open(b, dir, &diskstore.Options{Expiry: store.Expiry{Timeout: time.Hour}})
	defer s.Close()
	old := time.Now().Add(-2 * time.Hour)
	for i := range n {
		diskstore.WriteEntry(b, dir, fmt.Sprint("key-", i), value(benchSize, i), old)
	}
	settle(b, dir, cold)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began, removed := time.Now(), 0
	if ours {
		var r store.SweepReport
		r, err = s.Sweep(b.Context(), store.SweepOptions{Idle: time.Hour})
		removed = r.Removed
	} else {
		removed, err = rawSweep(dir, old.Add(time.Minute))
	}
	took = time.Since(began)
	runtime.ReadMemStats(&after)
	if err != nil || removed != n {
		b.Fatalf("%d removed of %d, %v", removed, n, err)
	}
	return took, float64(after.Mallocs-before.Mallocs) / float64(n)
}

// settle brings what was written to the disk, and with cold makes the system forget what it has read.
func settle(b *testing.B, dir string, cold bool) {
	if out, err := exec.Command("sync", "-f", dir).CombinedOutput(); err != nil {
		b.Skipf("sync -f: %v: %s", err, out)
	}
	if !cold {
		return
	}
	if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0); err != nil {
		b.Skipf("only where the system can be told to forget what it has read: %v", err)
	}
}

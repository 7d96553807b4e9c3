package boltstore

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/store"
)

// deadEntries is how many entries the comparison with raw deletes has in each round; LARDER_BENCH_DEAD says otherwise.
func deadEntries(b *testing.B) int {
	text := os.Getenv("LARDER_BENCH_DEAD")
	if text == "" {
		return 50_000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// rawSweep is what one writes by hand who keeps the same order: one transaction for each batch, which takes from the order what is too old, and
// deletes the records and their places.
func rawSweep(db *bbolt.DB, names *bucketNames, cutoff int64) (removed int, err error) {
	for more := true; more && err == nil; {
		err = db.Update(func(tx *bbolt.Tx) error {
			places := tx.Bucket(names[byAtime])
			var due [][]byte
			c := places.Cursor()
			for k, _ := c.First(); k != nil && len(due) < sweepBatch; k, _ = c.Next() {
				if nanos, _, ok := splitOrderKey(k); !ok || nanos >= cutoff {
					break
				}
				due = append(due, bytes.Clone(k))
			}
			more = len(due) == sweepBatch
			slices.SortFunc(due, func(a, b []byte) int { return bytes.Compare(a[orderTime:], b[orderTime:]) })
			for _, k := range due {
				if err := tx.Bucket(names[records]).Delete(k[orderTime:]); err != nil {
					return err
				}
				if err := places.Delete(k); err != nil {
					return err
				}
			}
			removed += len(due)
			return nil
		})
	}
	return removed, err
}

// BenchmarkSweepDead removes entries of which all are dead, in turn with the raw deletes, from copies of one file that is synced.
func BenchmarkSweepDead(b *testing.B) {
	const rounds = 7
	n := deadEntries(b)
	dir := b.TempDir()
	template := filepath.Join(dir, "template.db")
	fillDead(b, template, n)
	var ratios, raws []float64
	var allocs [2]float64
	for b.Loop() {
		ratios, raws = nil, nil
		for r := range rounds {
			var took [2]time.Duration
			for j := range 2 {
				which := (r + j) % 2
				path := filepath.Join(dir, "copy.db")
				copyFile(b, template, path)
				took[which], allocs[which] = sweepDead(b, path, n, which == 1)
			}
			ratios = append(ratios, float64(took[1])/float64(took[0]))
			raws = append(raws, float64(took[0].Microseconds())/float64(n))
		}
	}
	b.ReportMetric(median(ratios), "ours/raw")
	b.ReportMetric(median(raws), "raw-us/entry")
	b.ReportMetric(allocs[0], "raw-allocs/entry")
	b.ReportMetric(allocs[1], "our-allocs/entry")
	b.ReportMetric(0, "ns/op")
}

// fillDead makes a file with n entries that nobody has used for hours, each at its own time.
func fillDead(b *testing.B, path string, n int) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{NoSync: true})
	if err != nil {
		b.Fatal(err)
	}
	s := newStore(b, db, nil)
	old := time.Now().Add(-3 * time.Hour)
	value := make([]byte, benchValue)
	for from := 0; from < n; from += 20_000 {
		err := s.commits.do(b.Context(), 0, func(t *txn) error {
			for i := from; i < min(n, from+20_000); i++ {
				stored, h, _ := encode(benchKey(i), &store.Item{Value: value})
				h.atime = record.Nanos(old.Add(time.Duration(i) * time.Microsecond))
				t.put([]byte(benchKey(i)), nil, stored, h, s.lag)
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
}

func copyFile(b *testing.B, from, to string) {
	src, err := os.Open(from)
	if err != nil {
		b.Fatal(err)
	}
	defer src.Close()
	dst, err := os.Create(to)
	if err != nil {
		b.Fatal(err)
	}
	_, err = io.Copy(dst, src)
	if err == nil {
		err = dst.Sync()
	}
	if e := dst.Close(); err == nil {
		err = e
	}
	if err != nil {
		b.Fatal(err)
	}
}

func sweepDead(b *testing.B, path string, n int, ours bool) (took time.Duration, allocs float64) {
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	s := newStore(b, db, nil)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began, removed := time.Now(), 0
	if ours {
		var r store.SweepReport
		r, err = s.Sweep(b.Context(), store.SweepOptions{Idle: time.Hour})
		removed = r.Removed
	} else {
		removed, err = rawSweep(db, &s.names, record.Nanos(time.Now().Add(-2*time.Hour)))
	}
	took = time.Since(began)
	runtime.ReadMemStats(&after)
	if err != nil || removed != n {
		b.Fatalf("%d removed of %d, %v", removed, n, err)
	}
	return took, float64(after.Mallocs-before.Mallocs) / float64(n)
}

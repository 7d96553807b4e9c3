package dbstore

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/larder-go/larder/store"
)

// deadRows is how many rows the comparison with raw deletes has in each round; LARDER_BENCH_DEAD says otherwise.
func deadRows(b *testing.B) int {
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

// rawSweep is what one writes by hand: batches of a thousand that leave alone what others hold, until one is not full.
func rawSweep(ctx context.Context, pool *pgxpool.Pool, table string) (removed int, err error) {
	sql := "DELETE FROM " + table + " WHERE key = ANY (ARRAY(SELECT key FROM " + table +
		" WHERE atime < now() - interval '2 hours' ORDER BY atime LIMIT 1000 FOR UPDATE SKIP LOCKED))"
	for {
		tag, err := pool.Exec(ctx, sql)
		if err != nil {
			return removed, err
		}
		removed += int(tag.RowsAffected())
		if tag.RowsAffected() < 1000 {
			return removed, nil
		}
	}
}

// BenchmarkSweepDead removes rows of which all are dead, in turn with the raw deletes.
func BenchmarkSweepDead(b *testing.B) {
	const rounds = 7
	n := deadRows(b)
	s := newStoreAt(b, busyServer(b).URL, nil)
	pool, ctx := pooled(s.pool), context.Background()
	var ratios, raws []float64
	var allocs [2]float64
	for b.Loop() {
		for r := range rounds {
			var took [2]time.Duration
			for j := range 2 {
				which := (r + j) % 2
				fill(b, s, n, "true", byAtime)
				for _, sql := range []string{"VACUUM ANALYZE " + s.table, "CHECKPOINT"} {
					if _, err := pool.Exec(ctx, sql); err != nil {
						b.Fatal(err)
					}
				}
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				began, removed, err := time.Now(), 0, error(nil)
				if which == 1 {
					var r store.SweepReport
					r, err = s.Sweep(ctx, store.SweepOptions{Idle: time.Hour})
					removed = r.Removed
				} else {
					removed, err = rawSweep(ctx, pool, s.table)
				}
				took[which] = time.Since(began)
				runtime.ReadMemStats(&after)
				allocs[which] = float64(after.Mallocs-before.Mallocs) / float64(n)
				if err != nil || removed != n {
					b.Fatalf("%d removed of %d, %v", removed, n, err)
				}
				if _, err := pool.Exec(ctx, "TRUNCATE "+s.table); err != nil {
					b.Fatal(err)
				}
			}
			ratios = append(ratios, float64(took[1])/float64(took[0]))
			raws = append(raws, float64(took[0].Microseconds())/float64(n))
		}
	}
	b.ReportMetric(median(ratios), "ours/raw")
	b.ReportMetric(median(raws), "raw-us/row")
	b.ReportMetric(allocs[0], "raw-allocs/row")
	b.ReportMetric(allocs[1], "our-allocs/row")
	b.ReportMetric(0, "ns/op")
}

package dbstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

const (
	benchValue  = 600    // bytes, as a session has
	benchKeys   = 10_000 // entries that stand there
	benchRounds = 9      // interleaved: what the machine does meanwhile hits both
	benchOps    = 3000   // of each in a round
	benchKeyLen = 43     // an id of 256 bits in base64
)

// bed is a table with entries in it, and two ways to it: by the driver, with the very statements of the store, and by the store.
type bed struct {
	s       *Store
	pool    *pgxpool.Pool
	value   []byte
	version []byte
}

func newBed(b *testing.B, rows int, settings ...string) *bed {
	b.Helper()
	server := testserver.NewPostgres(b, append(settings, "shared_buffers=256MB", "max_wal_size=4GB", "autovacuum=off")...)
	s := newStoreAt(b, server.URL, &Options{Expiry: store.Expiry{TouchAfter: time.Hour}})
	d := &bed{s: s, pool: pooled(s.pool), value: make([]byte, benchValue), version: make([]byte, versionSize)}
	_, err := pooled(s.pool).Exec(context.Background(), "INSERT INTO "+s.table+
		" SELECT convert_to(rpad(md5(i::text), $2, 'k'), 'UTF8'), $3, now(), NULL, $4 FROM generate_series(0, $1 - 1) AS i", rows, benchKeyLen, d.value, d.version)
	if err == nil {
		_, err = pooled(s.pool).Exec(context.Background(), "ANALYZE "+s.table)
	}
	if err != nil {
		b.Fatal(err)
	}
	return d
}

// keys reads keys back, in an order of chance.
func (d *bed) keys(b *testing.B, n int) []string {
	b.Helper()
	rows, _ := d.pool.Query(context.Background(), "SELECT convert_from(key, 'UTF8') FROM "+d.s.table+" LIMIT $1", n)
	keys, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		b.Fatal(err)
	}
	rand.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	return keys
}

func (d *bed) rawGet(ctx context.Context, key string) error {
	var value []byte
	var state int16
	err := d.pool.QueryRow(ctx, d.s.sql.get.sql, []byte(key)).Scan(&state, &value)
	if err == nil && len(value) != benchValue {
		err = fmt.Errorf("%d bytes", len(value))
	}
	return err
}

func (d *bed) rawSet(ctx context.Context, key string) error {
	_, err := d.pool.Exec(ctx, d.s.sql.set.sql, []byte(key), d.value, d.version)
	return err
}

func (d *bed) get(ctx context.Context, key string) error { _, err := d.s.Get(ctx, key); return err }
func (d *bed) set(ctx context.Context, key string) error { return d.s.Set(ctx, key, d.value) }

type operation func(ctx context.Context, key string) error

// compare reports the median over rounds of our p50 in relation to the driver's, and the allocations of both.
func compare(b *testing.B, ctx context.Context, keys []string, raw, ours operation) {
	b.Helper()
	var ratios, rawTimes, ourTimes []float64
	for b.Loop() {
		for range benchRounds {
			r, o := p50s(b, ctx, keys, raw, ours)
			rawTimes, ourTimes, ratios = append(rawTimes, r), append(ourTimes, o), append(ratios, o/r)
		}
	}
	b.ReportMetric(median(ratios), "p50-ratio")
	b.ReportMetric(median(rawTimes)/1000, "raw-µs")
	b.ReportMetric(median(ourTimes)/1000, "our-µs")
	b.ReportMetric(allocations(b, ctx, keys, raw), "raw-allocs")
	b.ReportMetric(allocations(b, ctx, keys, ours), "our-allocs")
	b.ReportMetric(0, "ns/op")
}

// p50s times both, turn by turn.
func p50s(b *testing.B, ctx context.Context, keys []string, raw, ours operation) (r, o float64) {
	var times [2][]float64
	for i := range benchOps {
		key := keys[rand.N(len(keys))]
		for j := range 2 {
			which := (i + j) % 2 // neither always meets the page that the other has just read
			at := time.Now()
			err := [...]operation{raw, ours}[which](ctx, key)
			times[which] = append(times[which], float64(time.Since(at)))
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	return median(times[0]), median(times[1])
}

func allocations(b *testing.B, ctx context.Context, keys []string, op operation) float64 {
	const n = 2000
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range n {
		if err := op(ctx, keys[i%len(keys)]); err != nil {
			b.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / n
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}

func BenchmarkGet(b *testing.B) {
	d := newBed(b, benchKeys)
	keys := d.keys(b, benchKeys)
	b.Run("background", func(b *testing.B) { compare(b, context.Background(), keys, d.rawGet, d.get) })
	b.Run("cancellable", func(b *testing.B) { compare(b, b.Context(), keys, d.rawGet, d.get) })
}

func BenchmarkSet(b *testing.B) {
	d := newBed(b, benchKeys)
	keys := d.keys(b, benchKeys)
	b.Run("background", func(b *testing.B) { compare(b, context.Background(), keys, d.rawSet, d.set) })
	b.Run("cancellable", func(b *testing.B) { compare(b, b.Context(), keys, d.rawSet, d.set) })
}

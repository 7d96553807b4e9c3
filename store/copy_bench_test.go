package store_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.etcd.io/bbolt"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/dbstore"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// What a copy comes to beside the bare driver of the slower side, which does the same upserts with as many workers, from memory.

const (
	copyValue   = 600 // bytes, as a session has
	copyWorkers = 8
	copyRounds  = 7 // interleaved: what the machine does meanwhile hits both
)

// copyCount is how many entries are copied in a round; LARDER_SOAK makes it one round of a million, or of 100,000 where files take part.
func copyCount(synced, files bool) (entries, rounds int) {
	switch {
	case os.Getenv("LARDER_SOAK") == "" && synced: // each upsert waits for the disk
		return 1000, copyRounds
	case os.Getenv("LARDER_SOAK") == "":
		return 20_000, copyRounds
	case synced, files:
		return 100_000, 1
	}
	return 1_000_000, 1
}

// benchEntries makes n entries whose keys are spread over the whole range, as random ids are.
func benchEntries(n int) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		now := time.Now()
		for i := range n {
			e := store.Entry{Key: benchKey(i), Item: store.Item{Value: make([]byte, copyValue), Atime: now.Add(-time.Duration(i%3600) * time.Second)}}
			if !yield(e, nil) {
				return
			}
		}
	}
}

func benchKey(i int) string { return fmt.Sprintf("%016x%027d", uint64(i)*0x9E3779B97F4A7C15, i) }

// sortedKeys are those of benchEntries as a source lists them: the bare upserts are to meet the pages of the index in the same order.
func sortedKeys(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = benchKey(i)
	}
	slices.Sort(keys)
	return keys
}

// copyPlace opens new stores of one kind, and does the bare upserts there.
type copyPlace struct {
	name string
	open func(b *testing.B) store.Closer
	raw  func(b *testing.B) (upsert func(key string) error, end func())
}

func postgresPlace(b *testing.B, server *testserver.Server) copyPlace {
	config, err := pgxpool.ParseConfig(server.URL)
	if err != nil {
		b.Fatal(err)
	}
	config.MaxConns = copyWorkers
	pool, err := pgxpool.NewWithConfig(b.Context(), config)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	schema := func(b *testing.B) string {
		name := "copy_" + hex.EncodeToString([]byte(rand.Text()[:6]))
		m, err := dbstore.NewMigrator(pool, &dbstore.MigratorOptions{Schema: name})
		if err == nil {
			_, err = m.Up(b.Context())
		}
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { pool.Exec(context.Background(), "DROP SCHEMA "+name+" CASCADE") })
		return name
	}
	return copyPlace{
		name: "postgres",
		open: func(b *testing.B) store.Closer {
			return openCopy(b, server.URL+"?x-schema="+schema(b)+"&pool_max_conns="+strconv.Itoa(copyWorkers))
		},
		raw: func(b *testing.B) (func(string) error, func()) {
			sql := "INSERT INTO " + schema(b) + ".larder_entries (key, value, version, atime, expires) VALUES ($1, $2, $3, $4, NULL)" +
				" ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value, version = EXCLUDED.version, atime = EXCLUDED.atime, expires = EXCLUDED.expires"
			value, now := make([]byte, copyValue), time.Now()
			return func(key string) error {
				var version [16]byte
				rand.Read(version[:])
				_, err := pool.Exec(context.Background(), sql, []byte(key), value, version[:], now)
				return err
			}, func() {}
		},
	}
}

func boltPlace() copyPlace {
	return copyPlace{
		name: "bolt",
		open: func(b *testing.B) store.Closer { return openCopy(b, "bolt:"+filepath.Join(b.TempDir(), "larder.db")) },
		raw: func(b *testing.B) (func(string) error, func()) {
			db, err := bbolt.Open(filepath.Join(b.TempDir(), "raw.db"), 0o600, nil)
			name := []byte("raw")
			if err == nil {
				err = db.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket(name); return err })
			}
			if err != nil {
				b.Fatal(err)
			}
			value := make([]byte, copyValue)
			return func(key string) error {
				return db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(name).Put([]byte(key), value) })
			}, func() { db.Close() }
		},
	}
}

func filePlace() copyPlace {
	return copyPlace{
		name: "file",
		open: func(b *testing.B) store.Closer {
			s := openCopy(b, "file:"+b.TempDir())
			_, err := store.PutItems(b.Context(), store.Prefix(s, "old:"), benchEntries(1500), &store.CopyOptions{Workers: 64})
			for info := range store.List(b.Context(), s, "") { // every folder has been used
				err = errors.Join(err, s.Delete(b.Context(), info.Key))
			}
			if err != nil {
				b.Fatal(err)
			}
			return s
		},
		raw: func(b *testing.B) (func(string) error, func()) {
			dir, value := b.TempDir(), make([]byte, copyValue)
			for i := range 256 {
				if err := os.Mkdir(filepath.Join(dir, fmt.Sprintf("%02x", i)), 0o700); err != nil {
					b.Fatal(err)
				}
			}
			return func(key string) error {
				sum := sha256.Sum256([]byte(key)) // spread as a store's are
				name := hex.EncodeToString(sum[:])
				return putFile(filepath.Join(dir, name[:2]), name, value)
			}, func() {}
		},
	}
}

// putFile is what it takes to have a file survive a power cut.
func putFile(dir, name string, value []byte) error {
	f, err := os.CreateTemp(dir, "")
	if err != nil {
		return err
	}
	_, err = f.Write(value)
	err = errors.Join(err, f.Sync(), f.Close(), os.Rename(f.Name(), filepath.Join(dir, name)))
	if err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func openCopy(b *testing.B, url string) store.Closer {
	s, err := larder.Open(b.Context(), url)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

// compareCopy reports the median over rounds of the rate of a copy in relation to that of the bare upserts.
func compareCopy(b *testing.B, from, to copyPlace) {
	n, rounds := copyCount(to.name != "postgres", from.name == "file" || to.name == "file")
	src, keys := from.open(b), sortedKeys(n)
	if _, err := store.PutItems(b.Context(), src, benchEntries(n), &store.CopyOptions{Workers: 64}); err != nil {
		b.Fatal(err)
	}
	var ratios, raws, ours, rawAllocs, ourAllocs []float64
	for b.Loop() {
		for range rounds {
			upsert, end := to.raw(b)
			took, allocs := measured(func() { bareUpserts(b, keys, upsert) })
			end()
			raws, rawAllocs = append(raws, float64(n)/took.Seconds()), append(rawAllocs, allocs/float64(n))

			dst := to.open(b)
			took, allocs = measured(func() {
				r, err := store.Copy(b.Context(), src, dst, &store.CopyOptions{Workers: copyWorkers, Checkpoint: "bench"})
				if err != nil || r.Copied != n {
					b.Fatalf("%+v, %v", r, err)
				}
			})
			dst.Close()
			ours, ourAllocs = append(ours, float64(n)/took.Seconds()), append(ourAllocs, allocs/float64(n))
			ratios = append(ratios, ours[len(ours)-1]/raws[len(raws)-1])
		}
	}
	b.ReportMetric(middle(ratios), "rate-ratio")
	b.ReportMetric(middle(raws), "raw-entries/s")
	b.ReportMetric(middle(ours), "our-entries/s")
	b.ReportMetric(middle(rawAllocs), "raw-allocs")
	b.ReportMetric(middle(ourAllocs), "our-allocs")
	b.ReportMetric(0, "ns/op")
}

func bareUpserts(b *testing.B, keys []string, upsert func(string) error) {
	var next atomic.Int64
	var workers sync.WaitGroup
	for range copyWorkers {
		workers.Go(func() {
			for i := int(next.Add(1)); i <= len(keys); i = int(next.Add(1)) {
				if err := upsert(keys[i-1]); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	workers.Wait()
}

func measured(fn func()) (took time.Duration, allocs float64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begun := time.Now()
	fn()
	took = time.Since(begun)
	runtime.ReadMemStats(&after)
	return took, float64(after.Mallocs - before.Mallocs)
}

func middle(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}

func BenchmarkCopyRatio(b *testing.B) {
	server := testserver.NewPostgres(b, "shared_buffers=256MB", "max_wal_size=4GB", "autovacuum=off")
	postgres, bolt, file := postgresPlace(b, server), boltPlace(), filePlace()
	for _, pair := range [][2]copyPlace{{bolt, postgres}, {postgres, bolt}, {file, postgres}, {postgres, file}} {
		b.Run(pair[0].name+"-"+pair[1].name, func(b *testing.B) { compareCopy(b, pair[0], pair[1]) })
	}
}

package diskstore_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// ratio runs raw and ours in turn, in rounds of n calls each, and reports the median of ours/raw over the rounds: what disturbs
// the machine meanwhile disturbs both.
func ratio(b *testing.B, n int, raw, ours func(i int) error) {
	const rounds = 15
	var ratios, raws []float64
	for b.Loop() {
		ratios, raws = nil, nil
		for r := range rounds {
			var took [2]time.Duration
			for j := range 2 {
				which := (r + j) % 2
				fn := [2]func(int) error{raw, ours}[which]
				start := time.Now()
				for i := range n {
					if err := fn(r*n + i); err != nil {
						b.Fatal(err)
					}
				}
				took[which] = time.Since(start)
			}
			ratios = append(ratios, float64(took[1])/float64(took[0]))
			raws = append(raws, float64(took[0])/float64(n)/1000)
		}
	}
	slices.Sort(ratios)
	slices.Sort(raws)
	b.ReportMetric(ratios[rounds/2], "ours/raw")
	b.ReportMetric(raws[rounds/2], "raw-us/call")
	b.ReportMetric(0, "ns/op")
}

const benchSize = 600

func BenchmarkRatioGet(b *testing.B) {
	dir := b.TempDir()
	s := open(b, filepath.Join(dir, "store"), nil)
	keys, paths := make([]string, 1000), make([]string, 1000)
	raw := filepath.Join(dir, "raw")
	for i := range keys {
		keys[i] = fmt.Sprintf("key-%d", i)
		if err := s.Set(b.Context(), keys[i], value(benchSize, i)); err != nil {
			b.Fatal(err)
		}
		name := fileName(keys[i])
		paths[i] = filepath.Join(raw, name[:2], name)
		if err := os.MkdirAll(filepath.Dir(paths[i]), 0o700); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(paths[i], value(benchSize, i), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	ratio(b, 5000,
		func(i int) error { _, err := os.ReadFile(paths[i%1000]); return err },
		func(i int) error { _, err := s.Get(b.Context(), keys[i%1000]); return err })
}

// durable is what a careful program writes by hand: a temporary file, synced, renamed, and the folder synced.
func durable(dir, name string, data []byte) error {
	temp := filepath.Join(dir, "tmp-"+name)
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(temp, filepath.Join(dir, name)); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// benchWrite compares Set with durable, over names that repeat after n.
func benchWrite(b *testing.B, n int) {
	dir := b.TempDir()
	s := open(b, filepath.Join(dir, "store"), nil)
	raw := filepath.Join(dir, "raw")
	for i := range 256 {
		if err := os.MkdirAll(filepath.Join(raw, fmt.Sprintf("%02x", i)), 0o700); err != nil {
			b.Fatal(err)
		}
	}
	for i := range 2000 { // every folder has been used
		if err := s.Set(b.Context(), fmt.Sprintf("old-%d", i%1000), value(benchSize, i)); err != nil {
			b.Fatal(err)
		}
	}
	calls := 0
	if n == 0 {
		n = 1 << 30
	} else {
		for i := range 2 * n {
			if err := s.Set(b.Context(), fmt.Sprintf("key-%d", i%n), value(benchSize, i)); err != nil {
				b.Fatal(err)
			}
			name := fileName(fmt.Sprintf("key-%d", i%n))
			if err := durable(filepath.Join(raw, name[:2]), name, value(benchSize, i)); err != nil {
				b.Fatal(err)
			}
		}
	}
	ratio(b, 100,
		func(i int) error {
			calls++
			name := fileName(fmt.Sprintf("key-%d", calls%n))
			return durable(filepath.Join(raw, name[:2]), name, value(benchSize, i))
		},
		func(i int) error {
			calls++
			return s.Set(b.Context(), fmt.Sprintf("key-%d", calls%n), value(benchSize, i))
		})
}

func BenchmarkRatioNew(b *testing.B) { benchWrite(b, 0) }

func BenchmarkRatioOverwrite(b *testing.B) { benchWrite(b, 100) }

func BenchmarkGet(b *testing.B) {
	s := open(b, b.TempDir(), nil)
	if err := s.Set(b.Context(), "key", value(benchSize, 0)); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Get(b.Context(), "key"); err != nil {
			b.Fatal(err)
		}
	}
}

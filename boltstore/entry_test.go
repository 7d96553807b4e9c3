package boltstore

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/store"
)

// golden is one entry as version 1 lays it out. A change of these bytes leaves users without their data.
const goldenHead = "01000000" + // version, reserved
	"18aaecba5e8f5015" + // atime
	"18aaecba2298aa15" + // place, 1.006 s before it
	"18aaf0008a4dc000" + // deadline
	"d06a7b77" // CRC-32C

var goldenTimes = head{atime: 0x18aaecba5e8f5015, place: 0x18aaecba2298aa15, deadline: 0x18aaf0008a4dc000}

func TestGoldenHead(t *testing.T) {
	got := make([]byte, headSize)
	goldenTimes.put(got)
	if hex.EncodeToString(got) != goldenHead {
		t.Errorf("the head is written as\n%x, want\n%s", got, goldenHead)
	}
	want, err := hex.DecodeString(goldenHead)
	if err != nil {
		t.Fatal(err)
	}
	if h, err := parseHead(want); err != nil || h != goldenTimes {
		t.Errorf("the head is read as %+v, %v", h, err)
	}
	for bit := range 8 * headSize {
		bad := bytes.Clone(want)
		bad[bit/8] ^= 1 << (bit % 8)
		if _, err := parseHead(bad); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("with bit %d flipped: %v", bit, err)
		}
	}
}

// TestGoldenFile opens a database that an earlier version wrote.
func TestGoldenFile(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "v1.db"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "v1.db")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s := newStore(t, db, nil)
	checkOrders(t, s, 0)
	var infos []store.Info
	for info, err := range s.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		info.Atime, info.Expires = info.Atime.UTC(), info.Expires.UTC()
		infos = append(infos, info)
	}
	if !slices.Equal(infos, goldenInfos()) {
		t.Errorf("the file holds %v, want %v", infos, goldenInfos())
	}
	want := []string{"larder", "larder\x00atime", "larder\x00deadline"}
	var names []string
	err = db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, _ *bbolt.Bucket) error { names = append(names, string(name)); return nil })
	})
	if err != nil || !slices.Equal(names, want) {
		t.Errorf("the buckets are %q, %v", names, err)
	}
}

func goldenInfos() []store.Info {
	atime := time.Date(2026, 11, 1, 12, 0, 0, 123, time.UTC)
	return []store.Info{
		{Key: "b", Size: 600, Atime: atime.Add(2 * time.Second), Expires: time.Date(2226, 1, 1, 0, 0, 0, 0, time.UTC)},
		{Key: "ä/empty", Atime: atime.Add(time.Second)},
	}
}

// TestWriteGolden writes testdata/v1.db anew; set LARDER_WRITE_GOLDEN only for a new version of the format.
func TestWriteGolden(t *testing.T) {
	if os.Getenv("LARDER_WRITE_GOLDEN") == "" {
		t.Skip("LARDER_WRITE_GOLDEN is not set")
	}
	path := filepath.Join("testdata", "v1.db")
	if err := errors.Join(os.MkdirAll("testdata", 0o755), os.RemoveAll(path)); err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(path, 0o644, &bbolt.Options{PageSize: 4096})
	if err != nil {
		t.Fatal(err)
	}
	db.AllocSize = 4096 // or the file is 16 MB
	s := newStore(t, db, nil)
	for _, info := range goldenInfos() {
		item := &store.Item{Value: bytes.Repeat([]byte{'v'}, int(info.Size)), Atime: info.Atime, Expires: info.Expires}
		if _, err := s.Swap(context.Background(), info.Key, "", item); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// Bytes of places compare as their times do, and then as their keys.
func TestOrderKey(t *testing.T) {
	times := []int64{math.MinInt64, -1e18, -1, 0, 1, 1e18, math.MaxInt64}
	var all [][]byte
	for _, nanos := range times {
		for _, key := range []string{"\x01", "a", "ab", "b"} {
			k := orderKey(nanos, []byte(key))
			all = append(all, k)
			if n, back, ok := splitOrderKey(k); !ok || n != nanos || string(back) != key {
				t.Errorf("%d %q comes back as %d %q %v", nanos, key, n, back, ok)
			}
		}
	}
	if !slices.IsSortedFunc(all, bytes.Compare) {
		t.Error("the order of the bytes is not that of times and keys")
	}
	for _, k := range [][]byte{nil, make([]byte, orderTime)} {
		if _, _, ok := splitOrderKey(k); ok {
			t.Errorf("% x passes for a place", k)
		}
	}
}

// Times far out are kept as the nearest that a record can say, and expire as they should.
func TestFarTimes(t *testing.T) {
	ctx := t.Context()
	s := newStore(t, openDB(t), &Options{Expiry: store.Expiry{Timeout: time.Hour}})
	far := &store.Item{Expires: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
	if _, err := s.Swap(ctx, "far", "", far); err != nil {
		t.Fatal(err)
	}
	for name, item := range map[string]*store.Item{
		"dead by deadline": {Expires: time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC)},
		"dead by atime":    {Atime: time.Date(1500, 1, 1, 0, 0, 0, 0, time.UTC)},
		"dead at zero":     {Expires: time.Unix(0, 0)},
	} {
		if _, err := s.Swap(ctx, name, "", item); err != nil {
			t.Fatal(err)
		}
		if there, err := s.Contains(ctx, name); there || err != nil {
			t.Errorf("%s: %v, %v", name, there, err)
		}
	}
	if there, err := s.Contains(ctx, "far"); !there || err != nil {
		t.Errorf("far: %v, %v", there, err)
	}
	checkOrders(t, s, 0)
	if n, err := s.Cleanup(ctx, 0); n != 3 || err != nil {
		t.Errorf("Cleanup: %d, %v", n, err)
	}
	checkOrders(t, s, 0)
}

// Whatever stands where an entry should: no panic, an error that says corrupt, and what can be read is written the same.
func FuzzParse(f *testing.F) {
	head, err := hex.DecodeString(goldenHead)
	if err != nil {
		f.Fatal(err)
	}
	r := record.Record{Key: "key", Value: []byte("value"), Written: time.Unix(1, 0)}
	f.Add(r.Append(bytes.Clone(head)), "key")
	f.Add(head, "key")
	f.Add([]byte{}, "")
	f.Fuzz(func(t *testing.T, stored []byte, key string) {
		e, err := parse(stored, key)
		if err != nil {
			if !errors.Is(err, store.ErrCorrupt) {
				t.Fatalf("an error that does not say corrupt: %v", err)
			}
			if h, err := parseHead(stored); err == nil {
				if n := valueSize(stored); n < 0 || n > len(stored) {
					t.Fatalf("a value of %d bytes in %d, head %+v", n, len(stored), h)
				}
			}
			return
		}
		again := bytes.Clone(stored)
		e.head.put(again)
		if !bytes.Equal(again, stored) || len(e.value) != valueSize(stored) {
			t.Fatal("what was read is not what was written")
		}
	})
}

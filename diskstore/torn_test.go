package diskstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/store"
)

func openTest(t testing.TB, o *Options) (*Store, string) {
	t.Helper()
	dir := t.TempDir()
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, dir
}

func pathOf(dir, key string) string {
	p := placeOf(key)
	return filepath.Join(dir, shardName(p.shard), p.name)
}

// change rewrites a file in place and leaves its time.
func change(t *testing.T, path string, fn func([]byte) []byte) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, fn(data), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, info.ModTime()); err != nil {
		t.Fatal(err)
	}
}

// TestTorn leaves a slot as a power cut in the middle of an overwrite would. The last acknowledged value is read by every way, a use of it
// repairs the file, and it can be written to.
func TestTorn(t *testing.T) {
	for _, tt := range []struct {
		name string
		sets int
		tear func(data []byte) []byte
	}{
		{"grown", 1, func(data []byte) []byte {
			data = data[:min(len(data), blockSize)]
			full := append(data, make([]byte, blockSize-len(data))...)
			return appendSlot(full, 2, &record.Record{Key: "key", Value: []byte("lost")})[:blockSize+30]
		}},
		{"new-head", 2, func(data []byte) []byte { // slot 0 is the older one
			binary.BigEndian.PutUint64(data[headSize:], 3)
			return data
		}},
		{"new-half", 3, func(data []byte) []byte {
			slot := appendSlot(nil, 4, &record.Record{Key: "key", Value: []byte("lost, and longer")})
			copy(data[blockSize:], slot[:40])
			return data
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, dir := openTest(t, nil)
			last := ""
			for i := range tt.sets {
				last = fmt.Sprint("value ", i)
				if err := s.Set(t.Context(), "key", []byte(last)); err != nil {
					t.Fatal(err)
				}
			}
			change(t, pathOf(dir, "key"), tt.tear)
			doubt := func() bool {
				data, err := os.ReadFile(pathOf(dir, "key"))
				if err != nil {
					t.Fatal(err)
				}
				c, err := decode(data, "key")
				if err != nil || string(c.Value) != last {
					t.Fatalf("%q, %v", c.Value, err)
				}
				return c.doubt
			}
			if !doubt() {
				t.Fatal("the slot is not torn: the test is wrong")
			}
			if item, err := s.Peek(t.Context(), "key"); err != nil || string(item.Value) != last {
				t.Fatalf("Peek: %v, %v", item, err)
			}
			if !doubt() {
				t.Error("Peek has changed the file")
			}
			if v, err := s.Get(t.Context(), "key"); err != nil || string(v) != last {
				t.Fatalf("Get: %q, %v", v, err)
			}
			if doubt() {
				t.Error("Get has not repaired the file")
			}
			change(t, pathOf(dir, "key"), func(data []byte) []byte {
				if len(data) > blockSize {
					return tt.tear(data)
				}
				return data
			})
			last = "written over it"
			if err := s.Set(t.Context(), "key", []byte(last)); err != nil {
				t.Fatal(err)
			}
			if v, err := s.Get(t.Context(), "key"); err != nil || string(v) != last {
				t.Fatalf("Get: %q, %v", v, err)
			}
		})
	}
}

// TestBothTorn has no good slot left. Only what does not ask for the old value replaces it.
func TestBothTorn(t *testing.T) {
	for what, write := range map[string]func(s *Store) error{
		"set":    func(s *Store) error { return s.Set(context.Background(), "key", []byte("new")) },
		"delete": func(s *Store) error { return s.Delete(context.Background(), "key") },
		"swap": func(s *Store) error {
			_, err := s.Swap(context.Background(), "key", store.AnyVersion, &store.Item{})
			return err
		},
	} {
		t.Run(what, func(t *testing.T) {
			s, dir := openTest(t, nil)
			for range 2 {
				if err := s.Set(t.Context(), "key", []byte("value")); err != nil {
					t.Fatal(err)
				}
			}
			change(t, pathOf(dir, "key"), func(data []byte) []byte {
				data[headSize+20]++
				data[blockSize+20]++
				return data
			})
			_, get := s.Get(t.Context(), "key")
			_, contains := s.Contains(t.Context(), "key")
			_, swap := s.Swap(t.Context(), "key", "", &store.Item{})
			for _, err := range []error{get, contains, swap, s.Touch(t.Context(), "key")} {
				if !errors.Is(err, store.ErrCorrupt) {
					t.Errorf("%v; want ErrCorrupt", err)
				}
			}
			if err := write(s); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Get(t.Context(), "key"); err != nil && (what != "delete" || err != store.ErrNotFound) {
				t.Error(err)
			}
		})
	}
}

// TestReadersOvertaken lets readers without a lock read what two writers, one of them through a second handle, overwrite all the time. No reader
// sees a number go back, or one that is lower than what was acknowledged before it began.
func TestReadersOvertaken(t *testing.T) {
	dir, err := os.MkdirTemp("/dev/shm", "larder-test-") // in memory a write is as quick as a read, which is when they meet
	if err != nil {
		dir = t.TempDir()
	}
	defer os.RemoveAll(dir)
	var stores [2]*Store
	for i := range stores {
		if stores[i], err = Open(dir, nil); err != nil {
			t.Fatal(err)
		}
		defer stores[i].Close()
	}
	number := func(n uint64) []byte { // as large as three blocks, so that a read can be overtaken
		b := make([]byte, 12000)
		for i := 0; i < len(b); i += 8 {
			binary.BigEndian.PutUint64(b[i:], n)
		}
		return b
	}
	var mu sync.Mutex // orders the writers, so that numbers rise
	next := uint64(1)
	var acked atomic.Uint64
	if err := stores[0].Set(t.Context(), "key", number(0)); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(2 * time.Second)
	if testing.Short() {
		deadline = time.Now().Add(300 * time.Millisecond)
	}
	var all sync.WaitGroup
	for i := range stores {
		all.Go(func() {
			for time.Now().Before(deadline) {
				mu.Lock()
				n := next
				next++
				err := stores[i].Set(t.Context(), "key", number(n))
				acked.Store(n)
				mu.Unlock()
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 4 {
		all.Go(func() {
			seen := uint64(0)
			for time.Now().Before(deadline) {
				from := max(seen, acked.Load())
				v, err := stores[i%2].Get(t.Context(), "key")
				if err != nil {
					t.Error(err)
					return
				}
				seen = binary.BigEndian.Uint64(v)
				for at := 0; at < len(v); at += 8 {
					if n := binary.BigEndian.Uint64(v[at:]); n != seen {
						t.Errorf("a value of %d and %d", seen, n)
						return
					}
				}
				if seen < from {
					t.Errorf("read %d after %d was there", seen, from)
					return
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d writes", acked.Load())
}

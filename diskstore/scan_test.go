package diskstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/larder-go/larder/diskstore"
	"github.com/larder-go/larder/store"
)

// watched calls back whenever a store asks whether the context has ended: a scan does so at each name, in the midst of a folder.
type watched struct {
	context.Context
	err func() error
}

func (w watched) Err() error { return w.err() }

// scans are the operations that go through whole folders.
var scans = []struct {
	name string
	run  func(context.Context, *diskstore.Store) error
}{
	{"Sweep", func(ctx context.Context, s *diskstore.Store) error {
		_, err := s.Sweep(ctx, store.SweepOptions{})
		return err
	}},
	{"List", func(ctx context.Context, s *diskstore.Store) error {
		for _, err := range s.List(ctx, "") {
			if err != nil {
				return err
			}
		}
		return nil
	}},
}

// goesThrough fails the test if fn waits for what only ends after it. The time is no measure: it only ends a test that hangs.
func goesThrough(t *testing.T, what string, fn func() error) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- fn() }()
	select {
	case err := <-done:
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("%s waits", what)
	}
}

// TestScanStallsNobody writes and reads an entry wherever a scan looks at its context, so also amid the scan of that entry's folder.
func TestScanStallsNobody(t *testing.T) {
	for _, scan := range scans {
		t.Run(scan.name, func(t *testing.T) {
			s, err := diskstore.Open(memoryDir(t), nil) // a cleanup that closed it would wait with a scan that hangs
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			use := func() error {
				n++
				want := value(600, n)
				if err := s.Set(t.Context(), "key", want); err != nil {
					return err
				}
				got, err := s.Get(t.Context(), "key")
				if err == nil && !bytes.Equal(got, want) {
					err = errors.New("it reads another value")
				}
				return err
			}
			if err := use(); err != nil {
				t.Fatal(err)
			}
			goesThrough(t, scan.name, func() error { return scan.run(watched{t.Context(), use}, s) })
			if n < 256+1 {
				t.Errorf("it looked at its context %d times", n)
			}
			goesThrough(t, "Close", s.Close)
		})
	}
}

// TestWriteWaitsForNoReader writes into a folder in which a reader is just opening a file, however long that may take.
func TestWriteWaitsForNoReader(t *testing.T) {
	s := open(t, memoryDir(t), nil)
	if err := s.Set(t.Context(), "key", nil); err != nil {
		t.Fatal(err)
	}
	release := diskstore.HoldFolder(t, s, "key")
	defer release()
	goesThrough(t, "Set", func() error { return s.Set(t.Context(), "key", nil) })
	goesThrough(t, "Get", func() error { _, err := s.Get(t.Context(), "key"); return err })
}

// TestCloseWaitsForScan closes the store wherever a scan looks at its context: the scan must end with os.ErrClosed, and never
// meet a folder that was closed under it. Only then may Close return.
func TestCloseWaitsForScan(t *testing.T) {
	for _, scan := range scans {
		t.Run(scan.name, func(t *testing.T) {
			dir := memoryDir(t)
			for i := range 3 {
				diskstore.WriteEntry(t, dir, fmt.Sprint("key", i), nil, time.Now())
			}
			for at := 1; ; at++ {
				s := open(t, dir, nil)
				n := 0
				closed := make(chan error, 1)
				err := scan.run(watched{t.Context(), func() error {
					if n++; n != at {
						return nil
					}
					go func() { closed <- s.Close() }()
					for !errors.Is(s.Set(t.Context(), "other", nil), os.ErrClosed) {
					}
					return nil
				}}, s)
				if n < at {
					return
				}
				if err != nil && !errors.Is(err, os.ErrClosed) {
					t.Fatalf("closed at %d: %v", at, err)
				}
				goesThrough(t, "Close", func() error { return <-closed })
			}
		})
	}
}

// TestSweepCountsOnce replaces all entries of a folder in the midst of its scan. Where the file system then tells of them again (tmpfs
// does, ext4 does not), the sweep must neither count them again nor, in a dry run, what has to go.
func TestSweepCountsOnce(t *testing.T) {
	dir := memoryDir(t)
	s := open(t, dir, nil)
	var keys []string
	for i := 0; len(keys) < 600; i++ { // more than are read at once
		if key := fmt.Sprint("key", i); fileName(key)[:2] == "00" {
			keys = append(keys, key)
			diskstore.WriteEntry(t, dir, key, nil, time.Now().Add(-2*time.Hour))
		}
	}
	looks := 0
	r, err := s.Sweep(watched{t.Context(), func() error {
		if looks++; looks != 200 {
			return nil
		}
		for _, key := range keys {
			if err := os.Remove(entryFile(dir, key)); err != nil {
				return err
			}
			diskstore.WriteEntry(t, dir, key, nil, time.Now().Add(-2*time.Hour))
		}
		return nil
	}}, store.SweepOptions{Idle: time.Hour, DryRun: true})
	if err != nil || looks <= 200 || r.Scanned > len(keys) || r.Removed > len(keys) {
		t.Errorf("a sweep of %d entries, after %d looks at its context: %+v, %v", len(keys), looks, r, err)
	}
}

package session

import (
	"bytes"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/store"
)

// TestKeptKey: all managers on a store have one key, also those that start at once on an empty one, and it stays while it is used.
func TestKeptKey(t *testing.T) {
	for range 100 {
		s := store.NewMap(nil)
		managers := make([]*Manager, 8)
		var wg sync.WaitGroup
		for n := range managers {
			wg.Go(func() {
				var err error
				if managers[n], err = New(s, &Options{Logger: slog.New(slog.DiscardHandler)}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		i := newID()
		token := managers[0].ring.sign(&i)
		for n, m := range managers {
			if _, _, ok := m.ring.verify(token); !ok {
				t.Fatalf("manager %d has another key", n)
			}
		}
	}
}

func TestKeptKeyIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store.NewMap(nil)
		m, err := New(s, nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 30 * 24 { // two and a half years, with a cleanup as sharp as the manager's own idle time-out
			time.Sleep(30 * time.Hour)
			m.kept.keep(t.Context(), m)
			if _, err := s.Cleanup(t.Context(), 24*time.Hour); err != nil {
				t.Fatal(err)
			}
		}
		if item, err := s.Peek(t.Context(), m.kept.name); err != nil || !bytes.HasSuffix(item.Value, m.kept.value) {
			t.Fatalf("%v, want the key of the beginning", err)
		}
		time.Sleep(keptFor)
		if _, err := s.Peek(t.Context(), m.kept.name); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%v: the key of a program that nobody runs any more is still there", err)
		}
	})
}

// TestKeptKeyReplaced: who finds no key in the store puts his own back, and who finds another one signs with that.
func TestKeptKeyReplaced(t *testing.T) {
	s := store.NewMap(nil)
	m, err := New(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), m.kept.name); err != nil {
		t.Fatal(err)
	}
	if _, err := m.kept.use(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if item, err := s.Peek(t.Context(), m.kept.name); err != nil || !bytes.HasSuffix(item.Value, m.kept.value) {
		t.Fatalf("%v, want the key put back", err)
	}
	if err := s.Delete(t.Context(), m.kept.name); err != nil {
		t.Fatal(err)
	}
	i := newID()
	before := m.ring.sign(&i)
	other, err := New(s, nil) // as one that starts first after memcached did
	if err != nil {
		t.Fatal(err)
	}
	m.kept.seen.Store(0)
	m.kept.keep(t.Context(), m)
	for _, token := range []string{before, m.ring.sign(&i), other.ring.sign(&i)} {
		if _, _, ok := m.ring.verify(token); !ok {
			t.Error("the manager that was there refuses a token, of itself or of the new one")
		}
	}
	if _, _, ok := other.ring.verify(m.ring.sign(&i)); !ok {
		t.Error("the two sign with different keys")
	}
	if err := s.Set(t.Context(), m.kept.name, []byte("what is this")); err != nil {
		t.Fatal(err)
	}
	if _, err := New(s, nil); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("New: %v, want ErrCorrupt", err)
	}
}

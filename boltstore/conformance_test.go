package boltstore

import (
	"testing"

	"go.etcd.io/bbolt"

	"github.com/larder-go/larder/internal/traits"
	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest"
)

// conformance is what storetest is told of this package. mangle damages a stored value.
func conformance(o Options, mangle func(stored []byte) []byte) storetest.Config {
	return storetest.Config{
		New: func(t *testing.T, e store.Expiry) store.Store {
			o := o
			o.Expiry = e
			return newStore(t, openDB(t), &o)
		},
		MaxValue: o.MaxValue,
		Lacks:    traits.Of("bolt").Lacks,
		Reopen: func(t *testing.T, s store.Store) store.Store {
			old := s.(*Store)
			return newStore(t, old.db, &Options{Expiry: old.expiry, MaxValue: old.maxValue, Bucket: o.Bucket})
		},
		Corrupt: func(t *testing.T, s store.Store, key string) {
			rewrite(t, s.(*Store), key, mangle)
		},
	}
}

// rewrite puts what mangle makes of it in place of what is stored under key, past the store.
func rewrite(t testing.TB, s *Store, key string, mangle func(stored []byte) []byte) {
	t.Helper()
	err := s.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(s.names[records])
		return b.Put([]byte(key), mangle(append([]byte(nil), b.Get([]byte(key))...)))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func flip(at func(n int) int) func([]byte) []byte {
	return func(stored []byte) []byte {
		stored[at(len(stored))] ^= 0x40
		return stored
	}
}

func TestConformance(t *testing.T) {
	storetest.Run(t, conformance(Options{}, flip(func(n int) int { return n - 1 })))
}

func TestConformanceBubble(t *testing.T) {
	cfg := conformance(Options{MaxValue: 1_000_000}, flip(func(n int) int { return headSize + 3 }))
	cfg.Bubble = true
	storetest.Run(t, cfg)
}

// Where the head is damaged too, the order by atime alone still knows of the entry.
func TestConformanceHeadDamaged(t *testing.T) {
	cfg := conformance(Options{Bucket: "other"}, func([]byte) []byte { return []byte("rubbish") })
	cfg.Bubble = true
	storetest.Run(t, cfg)
}

// TestTraits: what the README says of the largest value is so.
func TestTraits(t *testing.T) {
	if s := newStore(t, openDB(t), nil); s.maxValue != traits.Of("bolt").MaxValue {
		t.Errorf("the default limit is %d bytes", s.maxValue)
	}
}

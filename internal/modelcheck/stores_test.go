package modelcheck

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/larder-go/larder/boltstore"
	"github.com/larder-go/larder/diskstore"
	"github.com/larder-go/larder/store"
)

// backend is a kind of store that is checked. Those that sync do so in memory where there is a file system for that: crashes are tested
// elsewhere.
type backend struct {
	name string

	// place returns a new place for entries, and each call of what it returns, a new handle of it that ends with t.
	place func(t testing.TB) (open func() store.Store)

	net     bool // each call is a round trip to a server, and a place costs much to make
	single  bool // one handle at a time
	forgets bool // entries that are absent may go before a sweep counts them
}

func backends() []backend {
	return append([]backend{{
		name: "map", single: true, place: func(testing.TB) func() store.Store {
			return func() store.Store { return store.NewMap(&store.MapOptions{Expiry: Expiry}) }
		},
	}, {
		name: "disk", place: placeDisk,
	}, {
		name: "bolt", single: true, place: placeBolt,
	}}, servers()...)
}

func placeDisk(t testing.TB) func() store.Store {
	folder := dir(t)
	return func() store.Store {
		s, err := diskstore.Open(folder, &diskstore.Options{Expiry: Expiry})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
}

func placeBolt(t testing.TB) func() store.Store {
	db, err := bbolt.Open(filepath.Join(dir(t), "model.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return func() store.Store {
		s, err := boltstore.New(db, &boltstore.Options{Expiry: Expiry})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

func dir(t testing.TB) string {
	parent := "/dev/shm"
	if _, err := os.Stat(parent); err != nil {
		parent = ""
	}
	dir, err := os.MkdirTemp(parent, "larder")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestModel(t *testing.T) {
	for _, b := range backends() {
		t.Run(b.name, func(t *testing.T) {
			if !b.net {
				Model(t, b.forgets, func(t testing.TB) store.Store { return b.place(t)() })
				return
			}
			open := b.place(t)
			Model(t, b.forgets, func(t testing.TB) store.Store {
				s := open()
				Clear(t, s)
				return s
			})
		})
	}
}

// ops is how many calls a history has: with LARDER_SOAK=1 a hundred thousand.
func (b backend) ops() int {
	switch {
	case os.Getenv("LARDER_SOAK") != "":
		return 100_000
	case b.net:
		return 8000
	}
	return 24_000
}

func TestLinear(t *testing.T) {
	for _, b := range backends() {
		t.Run(b.name, func(t *testing.T) { Linear(t, b.place(t)(), b.ops(), uint64(time.Now().UnixNano())) })
	}
}

// Calls go to one of two handles of the same place, as those of two processes would.
func TestLinearTwoHandles(t *testing.T) {
	for _, b := range backends() {
		if b.single {
			continue
		}
		t.Run(b.name, func(t *testing.T) {
			open := b.place(t)
			Linear(t, either{open(), open()}, b.ops(), uint64(time.Now().UnixNano()))
		})
	}
}

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

// The stores that are checked. Those that sync do so in memory where there is a file system for that: crashes are tested elsewhere.
var stores = map[string]func(t testing.TB) store.Store{
	"map": openMap,
	"disk": func(t testing.TB) store.Store {
		s, err := diskstore.Open(dir(t), &diskstore.Options{Expiry: Expiry})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	},
	"bolt": func(t testing.TB) store.Store {
		db, err := bbolt.Open(filepath.Join(dir(t), "model.db"), 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		s, err := boltstore.New(db, &boltstore.Options{Expiry: Expiry})
		if err != nil {
			t.Fatal(err)
		}
		return s
	},
}

func openMap(testing.TB) store.Store { return store.NewMap(&store.MapOptions{Expiry: Expiry}) }

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
	for name, open := range stores {
		t.Run(name, func(t *testing.T) { Model(t, open) })
	}
}

func TestLinear(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) { Linear(t, open(t), 100_000, uint64(time.Now().UnixNano())) })
	}
}

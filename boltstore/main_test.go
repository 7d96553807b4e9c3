package boltstore

import (
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// openDB opens a new database. It does not sync: what a test of behaviour shows is the same, and much faster.
func openDB(t testing.TB) *bbolt.DB {
	t.Helper()
	o := &bbolt.Options{NoSync: true}
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "larder.db"), 0o600, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func newStore(t testing.TB, db *bbolt.DB, o *Options) *Store {
	t.Helper()
	s, err := New(db, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

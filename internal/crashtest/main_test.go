//go:build unix

package crashtest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/larder-go/larder/boltstore"
	"github.com/larder-go/larder/diskstore"
)

func TestMain(m *testing.M) {
	Writer(append(append(toys(), boltNoSync()), subjects()...)...)
	if left := Leftovers(); len(left) > 0 {
		fmt.Fprintf(os.Stderr, "crashtest: the mounts of another run are here. If none is under way, remove them:\n")
		for _, command := range left {
			fmt.Fprintf(os.Stderr, "\t%s\n", command)
		}
	}
	m.Run()
}

// subjects are the real stores.
func subjects() []Subject {
	temps := 1
	if runtime.GOOS != "linux" { // nowhere else can two files change names in one step
		temps = 2
	}
	return []Subject{
		{Name: "diskstore", Open: openDisk, Temps: diskTemps, TempsPerWorker: temps, Procs: 2, Workers: 2},
		{Name: "boltstore", Open: openBoltURL, Verify: verifyBolt, Procs: 1, Workers: 4},
	}
}

func openDisk(dir string) (Opened, error) {
	s, err := diskstore.Open(dir, &diskstore.Options{Expiry: Expiry()})
	if err != nil {
		return nil, err // not s: a nil *Store is no nil Opened
	}
	return s, nil
}

func diskTemps(dir string) ([]string, error) { return filepath.Glob(filepath.Join(dir, "??", "tmp-*")) }

// openBoltURL opens as programs do, which also makes the name of a new file durable.
func openBoltURL(dir string) (Opened, error) {
	o := Expiry()
	query := url.Values{"x-timeout": {o.Timeout.String()}, "x-touch-after": {o.TouchAfter.String()}}
	s, err := boltstore.OpenURL(context.Background(), &url.URL{Scheme: "bolt", Path: boltFile(dir), RawQuery: query.Encode()})
	if err != nil {
		return nil, err
	}
	return s.(*boltstore.Store), nil
}

// bolt is a boltstore with a file that was opened in another way.
type bolt struct {
	*boltstore.Store
	db *bbolt.DB
}

func (b bolt) Close() error { return b.db.Close() }

func boltFile(dir string) string { return dir + ".db" }

func openBolt(o *bbolt.Options) func(string) (Opened, error) {
	return func(dir string) (Opened, error) {
		db, err := bbolt.Open(boltFile(dir), 0o600, o)
		if err != nil {
			return nil, err
		}
		s, err := boltstore.New(db, &boltstore.Options{Expiry: Expiry()})
		if err != nil {
			return nil, err
		}
		return bolt{s, db}, nil
	}
}

// verifyBolt runs bbolt's own look at its pages.
func verifyBolt(dir string) error {
	if _, err := os.Stat(boltFile(dir)); err != nil {
		return nil // killed before it was made
	}
	db, err := bbolt.Open(boltFile(dir), 0o600, nil)
	if err != nil {
		return err
	}
	defer db.Close()
	return db.View(func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			return err
		}
		return nil
	})
}

// boltNoSync is bbolt told not to fsync: the harness must catch it. It writes its list of free pages, as it does by default: else
// it looks for them in a goroutine when it is opened, and would end the test where that one panics over what a cut has left.
func boltNoSync() Subject {
	return Subject{Name: "bbolt without fsync", Open: openBolt(&bbolt.Options{NoSync: true}), Procs: 1, Workers: 4}
}

// scratch is a folder in memory where there is one: fsync costs little there, so a crash finds more done. A kill does not care, and
// a cut takes away what the image's own file system has not written, wherever the image lies.
func scratch(t *testing.T) string {
	t.Helper()
	parent := "/dev/shm"
	if _, err := os.Stat(parent); err != nil {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(parent, filepath.Base(os.Args[0]))
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

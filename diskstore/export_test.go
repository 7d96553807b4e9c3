package diskstore

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/record"
)

// HoldLock takes the lock of the folder that key belongs to, as a write does.
func HoldLock(t *testing.T, s *Store, key string) (release func()) {
	i := placeOf(key).shard
	d, err := s.lock(t.Context(), i, true)
	if err != nil {
		t.Fatal(err)
	}
	return func() { s.unlock(i, d) }
}

// HoldFolder holds the folder that key belongs to as a reader does who is just opening a file in it.
func HoldFolder(t *testing.T, s *Store, key string) (release func()) {
	sh, err := s.shards.hold(placeOf(key).shard)
	if err != nil {
		t.Fatal(err)
	}
	return sh.mu.RUnlock
}

// WriteEntry writes the file of an entry that was last used at atime, without the syncs, for tests that need very many.
func WriteEntry(t testing.TB, dir, key string, value []byte, atime time.Time) {
	p := placeOf(key)
	r := &record.Record{Key: key, Value: value, Version: record.NewVersion(), Written: atime}
	shard := filepath.Join(dir, shardName(p.shard))
	if err := os.MkdirAll(shard, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(shard, p.name)
	if err := os.WriteFile(path, appendFile(nil, r), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, atime); err != nil {
		t.Fatal(err)
	}
}

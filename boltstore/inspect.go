package boltstore

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"go.etcd.io/bbolt"

	"github.com/larder-go/larder/internal/folder"
	"github.com/larder-go/larder/store"
)

// manyFree is how much of a file may be free before a smaller copy is worth the trouble.
const manyFree = 64 << 20

// Inspect tells of the file, and how it is kept.
func (s *Store) Inspect(ctx context.Context) ([]store.Fact, error) {
	if err := s.ready(ctx, "inspect"); err != nil {
		return nil, err
	}
	facts, err := s.inspect()
	if err != nil {
		return nil, store.Wrap("boltstore", "inspect", cause(err))
	}
	return facts, nil
}

func (s *Store) inspect() ([]store.Fact, error) {
	var size, free int64
	err := s.db.View(func(tx *bbolt.Tx) error {
		stats := s.db.Stats()
		size, free = tx.Size(), int64(stats.FreePageN+stats.PendingPageN)*int64(s.db.Info().PageSize)
		return nil
	})
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(s.db.Path())
	if err != nil {
		return nil, err
	}
	file := store.Fact{Name: "file", Value: fmt.Sprintf("%d bytes, of which %d are free", size, free)}
	if free > manyFree && free > size/2 {
		file.Warn = "the file does not shrink by itself: bbolt compact makes a smaller copy"
	}
	persistence, room := s.fileSystem()
	if s.db.NoSync {
		persistence = store.Fact{Name: "persistence", Value: "writes are not synced",
			Warn: "a power cut may take what was acknowledged, or the whole file: open the database without NoSync"}
	}
	mode := store.Fact{Name: "mode", Value: info.Mode().String()}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		mode.Warn = "other users of the machine can open the file, and keys are bearer tokens: chmod 600"
	}
	facts := append([]store.Fact{{Name: "server", Value: "none: a bbolt file, which one process at a time can open"}, file, persistence}, room...)
	return append(facts, mode, store.Fact{Name: "largest value", Value: strconv.Itoa(s.maxValue) + " bytes"}), nil
}

// fileSystem tells of that on which the file lies, and what is left there. Who may not read the folder is told less.
func (s *Store) fileSystem() (persistence store.Fact, room []store.Fact) {
	space, network, err := spaceOf(filepath.Dir(s.db.Path()))
	if err != nil {
		space, network = folder.Space{}, ""
	}
	persistence.Name = "persistence"
	persistence.Value, persistence.Warn = space.Persists(network)
	for _, r := range space.Rooms() {
		if r.Name == "free inodes" {
			continue // the store is one file, and it is there
		}
		f := store.Fact{Name: r.Name, Value: r.Value}
		if r.Scarce {
			f.Warn = "soon the file cannot grow, and nothing can be stored: make room, or let cleanup free pages in it"
		}
		room = append(room, f)
	}
	return persistence, room
}

func spaceOf(dir string) (space folder.Space, network string, err error) {
	if dir, err = filepath.EvalSymlinks(dir); err != nil { // package folder follows none
		return space, "", err
	}
	d, err := folder.Open(dir)
	if err != nil {
		return space, "", err
	}
	defer d.Close()
	if network, err = d.Network(); err != nil {
		return space, "", err
	}
	space, err = d.Space()
	return space, network, err
}

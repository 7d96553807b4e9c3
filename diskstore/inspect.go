package diskstore

import (
	"context"
	"io/fs"
	"os"
	"runtime"
	"strconv"

	"github.com/larder-go/larder/internal/folder"
	"github.com/larder-go/larder/store"
)

// Inspect tells of the folder and of the file system on which it lies. It counts no entries: that would read every name.
func (s *Store) Inspect(ctx context.Context) ([]store.Fact, error) {
	if err := s.ready(ctx); err != nil {
		return nil, wrap("inspect", err)
	}
	space, network, err := s.shards.space()
	if err != nil {
		return nil, wrap("inspect", err)
	}
	facts := []store.Fact{{Name: "server", Value: "none: a folder of files"}, fileSystem(space, network)}
	facts = append(facts, room(space)...)
	return append(facts, permissions(space.Mode),
		store.Fact{Name: "largest value", Value: strconv.Itoa(s.maxValue) + " bytes"}), nil
}

func (s *shards) space() (space folder.Space, network string, err error) {
	s.rootMu.RLock()
	defer s.rootMu.RUnlock()
	if network, err = s.root.Network(); err != nil {
		return space, "", err
	}
	space, err = s.root.Space()
	return space, network, err
}

func fileSystem(space folder.Space, network string) store.Fact {
	value, warn := space.Persists(network)
	return store.Fact{Name: "persistence", Value: value, Warn: warn}
}

// room tells what is left on the file system, if the system says so.
func room(space folder.Space) (facts []store.Fact) {
	for _, r := range space.Rooms() {
		f := store.Fact{Name: r.Name, Value: r.Value}
		if r.Scarce {
			f.Warn = "soon nothing can be stored: make room, or run larder cleanup"
		}
		facts = append(facts, f)
	}
	return facts
}

func permissions(m fs.FileMode) store.Fact {
	f := store.Fact{Name: "mode", Value: (os.ModeDir | m).String()}
	switch {
	case runtime.GOOS == "windows":
	case m&0o022 != 0:
		f.Warn = "other users of the machine can remove entries and put others in their place: chmod 700"
	case m&0o055 != 0:
		f.Warn = "other users of the machine can see how many entries there are, and when they were used: chmod 700"
	}
	return f
}

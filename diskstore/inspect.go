package diskstore

import (
	"context"
	"fmt"
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
	f := store.Fact{Name: "persistence", Value: "each write is synced before it is acknowledged"}
	if space.Kind != "" {
		f.Value += "; the file system is " + space.Kind
	}
	switch {
	case network != "":
		f.Warn = fmt.Sprintf("locks and syncs of a network file system (%s) cannot be relied on: move the store to a local one", network)
	case space.Gone:
		f.Warn = "it is in memory, and nothing on it survives a restart of the machine: move the store to a disk"
	case space.Kind == "overlay":
		f.Warn = "it is perhaps a container's own layer, which goes when the container does: put the store on a volume"
	case runtime.GOOS == "windows":
		f.Warn = "on Windows the store works within one process, and nothing is promised about crashes"
	}
	return f
}

// room tells what is left on the file system, if the system says so.
func room(space folder.Space) (facts []store.Fact) {
	const scarce = 50 // a fiftieth
	add := func(name, unit string, free, all uint64) {
		if all == 0 {
			return
		}
		f := store.Fact{Name: name, Value: fmt.Sprintf("%d %s of %d", free, unit, all)}
		if free < all/scarce {
			f.Warn = "soon nothing can be stored: make room, or run larder cleanup"
		}
		facts = append(facts, f)
	}
	add("free space", "bytes", space.FreeBytes, space.Bytes)
	add("free inodes", "inodes", space.FreeFiles, space.Files)
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

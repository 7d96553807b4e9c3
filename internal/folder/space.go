package folder

import (
	"fmt"
	"io/fs"
	"runtime"
)

// Space tells about the file system on which a folder lies, and the folder's own mode.
type Space struct {
	Kind string // its name, "" where that is not known
	Gone bool   // it is in memory: what is on it does not survive a restart
	Mode fs.FileMode

	Bytes, FreeBytes uint64 // both 0: not known
	Files, FreeFiles uint64 // both 0: not known, or it has no limit
}

// Persists says what becomes of synced writes on this file system, which Network calls so, and what is wrong with that; "": nothing.
func (s Space) Persists(network string) (value, warn string) {
	value = "each write is synced before it is acknowledged"
	if s.Kind != "" {
		value += "; the file system is " + s.Kind
	}
	switch {
	case network != "":
		warn = fmt.Sprintf("locks and syncs of a network file system (%s) cannot be relied on: move the store to a local one", network)
	case s.Gone:
		warn = "it is in memory, and nothing on it survives a restart of the machine: move the store to a disk"
	case s.Kind == "overlay":
		warn = "it is perhaps a container's own layer, which goes when the container does: put the store on a volume"
	case runtime.GOOS == "windows":
		warn = "on Windows the store works within one process, and nothing is promised about crashes"
	}
	return value, warn
}

// Room is what is left of something.
type Room struct {
	Name, Value string
	Scarce      bool // less than a fiftieth
}

// Rooms tell what is left, as far as the system says so.
func (s Space) Rooms() (rooms []Room) {
	add := func(name, unit string, free, all uint64) {
		if all > 0 {
			rooms = append(rooms, Room{name, fmt.Sprintf("%d %s of %d", free, unit, all), free < all/50})
		}
	}
	add("free space", "bytes", s.FreeBytes, s.Bytes)
	add("free inodes", "inodes", s.FreeFiles, s.Files)
	return rooms
}

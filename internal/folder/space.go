package folder

import "io/fs"

// Space tells about the file system on which a folder lies, and the folder's own mode.
type Space struct {
	Kind string // its name, "" where that is not known
	Gone bool   // it is in memory: what is on it does not survive a restart
	Mode fs.FileMode

	Bytes, FreeBytes uint64 // both 0: not known
	Files, FreeFiles uint64 // both 0: not known, or it has no limit
}

package folder

import (
	"fmt"
	"io/fs"
	"syscall"
)

// Space asks the system.
func (d *Folder) Space() (Space, error) {
	var fsys syscall.Statfs_t
	if err := retry(func() error { return syscall.Fstatfs(d.fd, &fsys) }); err != nil {
		return Space{}, err
	}
	var own syscall.Stat_t
	if err := retry(func() error { return syscall.Fstat(d.fd, &own) }); err != nil {
		return Space{}, err
	}
	kind, gone := kindName(uint32(fsys.Type))
	return Space{
		Kind: kind, Gone: gone, Mode: fs.FileMode(own.Mode & 0o777),
		Bytes: fsys.Blocks * uint64(fsys.Bsize), FreeBytes: fsys.Bavail * uint64(fsys.Bsize),
		Files: fsys.Files, FreeFiles: fsys.Ffree,
	}, nil
}

// kindName knows file systems by the magic number of statfs(2).
func kindName(magic uint32) (name string, gone bool) {
	switch magic {
	case 0xEF53:
		return "ext4", false // or its forebears, which have the same number
	case 0x58465342:
		return "xfs", false
	case 0x9123683E:
		return "btrfs", false
	case 0x2FC12FC1:
		return "zfs", false
	case 0xF2F52010:
		return "f2fs", false
	case 0x794C7630:
		return "overlay", false
	case 0x01021994:
		return "tmpfs", true
	case 0x858458F6:
		return "ramfs", true
	}
	if name := networkName(magic); name != "" {
		return name, false
	}
	return fmt.Sprintf("one with the number %#x", magic), false
}

//go:build unix && !linux && !aix && !solaris && !illumos

package folder

import (
	"os"
	"syscall"
)

const (
	foldersSync  = true
	errNotFolder = syscall.ENOTDIR
	errNotFile   = syscall.ELOOP
)

type lock struct{ dir *os.File }

func newLock(_ string, dir *os.File) (lock, error) { return lock{dir}, nil }

func (l lock) try() (bool, error) { return tryFlock(int(l.dir.Fd())) }

func (l lock) release() error { return unFlock(int(l.dir.Fd())) }

func links(info os.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Nlink)
	}
	return 1
}

// ownerOf returns to whom the superuser gives what it makes in dir.
func ownerOf(dir *os.File) owner {
	info, err := dir.Stat()
	if err != nil || os.Geteuid() != 0 {
		return owner{}
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Uid == 0 {
		return owner{}
	}
	return owner{int(st.Uid), int(st.Gid), true}
}

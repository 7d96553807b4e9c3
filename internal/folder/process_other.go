//go:build !unix || aix || solaris || illumos

package folder

import (
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

const (
	foldersSync  = false // Windows has no call for it
	errNotFolder = syscall.ENOTDIR
	errNotFile   = syscall.EINVAL
)

// held are the folders that are locked, by path. It is the one piece of state of a package: where the kernel has no flock,
// those in one process that opened the same folder meet here. Processes do not meet at all.
var held struct {
	sync.Mutex
	paths map[string]bool
}

type lock struct{ path string }

func newLock(path string, _ *os.File) (lock, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return lock{}, err
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	return lock{path}, nil
}

func (l lock) try() (bool, error) {
	held.Lock()
	defer held.Unlock()
	if held.paths[l.path] {
		return false, nil
	}
	if held.paths == nil {
		held.paths = make(map[string]bool)
	}
	held.paths[l.path] = true
	return true, nil
}

func (l lock) release() error {
	held.Lock()
	defer held.Unlock()
	delete(held.paths, l.path)
	return nil
}

func links(os.FileInfo) uint64 { return 1 }

// ownerOf: there is nobody to give anything to.
func ownerOf(*os.File) owner { return owner{} }

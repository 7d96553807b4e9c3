//go:build unix && !aix && !solaris && !illumos

package folder

import "syscall"

// tryFlock takes the lock on an open folder itself. A lock file beside it would be one more thing to lose, and a time stamp in
// one would let two holders in; the kernel frees this lock however its holder ends.
func tryFlock(fd int) (bool, error) {
	err := retry(func() error { return syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB) })
	if err == syscall.EWOULDBLOCK {
		return false, nil
	}
	return err == nil, err
}

func unFlock(fd int) error {
	return retry(func() error { return syscall.Flock(fd, syscall.LOCK_UN) })
}

//go:build unix

package cli

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// noFollow has an open fail at a symbolic link. It never waits, either, as it would for a named pipe.
const noFollow = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// isLink reports that an open with noFollow failed at a symbolic link: ELOOP, or EMLINK on FreeBSD.
func isLink(err error) bool { return errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.EMLINK) }

func ownFile(info fs.FileInfo) bool { return owner(info) == os.Geteuid() }

func privateFile(info fs.FileInfo) bool { return info.Mode().Perm()&0o077 == 0 }

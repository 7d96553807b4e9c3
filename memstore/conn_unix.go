//go:build unix

package memstore

import "syscall"

// isStale tells whether there is anything to read: the other side's goodbye, or what nobody has asked for.
func isStale(raw syscall.RawConn) bool {
	var peeked error
	err := raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, _, peeked = syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK)
		return true // do not wait: sockets of package net do not block
	})
	return err != nil || peeked != syscall.EAGAIN && peeked != syscall.EINTR
}

package crashtest

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"syscall"
	"unsafe"
)

// A kill from outside mostly meets a writer that waits for a disk, and a commit on its way completes although nobody waits for it any more.
// The moments that matter lie between two system calls, a few microseconds each. So a writer can be doomed: from some
// moment on a seccomp filter kills the whole process, no code of its own run, at the entry of the next call of one kind.

// drawDoom draws the system call that ends a writer.
func drawDoom(rng *rand.Rand) int {
	calls := []int{
		syscall.SYS_FSYNC, syscall.SYS_FSYNC, syscall.SYS_FSYNC, syscall.SYS_FDATASYNC, syscall.SYS_FDATASYNC, syscall.SYS_FDATASYNC,
		syscall.SYS_RENAMEAT, syscall.SYS_UNLINKAT, syscall.SYS_PWRITE64, syscall.SYS_FTRUNCATE, syscall.SYS_UTIMENSAT,
		syscall.SYS_OPENAT, syscall.SYS_MKDIRAT,
	}
	return calls[rng.IntN(len(calls))]
}

// doom installs the filter in all threads.
func doom(call int) error {
	seccomp := map[string]uintptr{"amd64": 317, "arm64": 277}[runtime.GOARCH]
	if seccomp == 0 {
		return fmt.Errorf("crashtest: no number of seccomp(2) for %s", runtime.GOARCH)
	}
	const (
		noNewPrivs = 38 // PR_SET_NO_NEW_PRIVS
		setFilter  = 1  // SECCOMP_SET_MODE_FILTER
		allThreads = 1  // SECCOMP_FILTER_FLAG_TSYNC

		load, equal, answer = 0x20, 0x15, 0x06
		allow, killProcess  = 0x7fff0000, 0x80000000
	)
	type instruction struct {
		code   uint16
		jt, jf uint8
		k      uint32
	}
	program := []instruction{
		{load, 0, 0, 0}, // the number of the call
		{equal, 0, 1, uint32(call)},
		{answer, 0, 0, killProcess},
		{answer, 0, 0, allow},
	}
	filter := struct {
		length uint16
		first  *instruction
	}{uint16(len(program)), &program[0]}

	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, noNewPrivs, 1, 0, 0, 0, 0); errno != 0 {
		return errno
	}
	if _, _, errno := syscall.RawSyscall(seccomp, setFilter, allThreads, uintptr(unsafe.Pointer(&filter))); errno != 0 {
		return errno
	}
	return nil
}

package folder

import (
	"errors"
	"runtime"
	"syscall"
	"unsafe"
)

// Exchange lets two files change names in one step. Where the system or the file system has no such call, the error wraps
// errors.ErrUnsupported.
func (d *Folder) Exchange(a, b string) error {
	const exchange = 2 // RENAME_EXCHANGE
	number := renameat2()
	if number == 0 {
		return errors.ErrUnsupported
	}
	pa, err := syscall.BytePtrFromString(a)
	if err != nil {
		return err
	}
	pb, err := syscall.BytePtrFromString(b)
	if err != nil {
		return err
	}
	err = retry(func() error {
		return failed(syscall.Syscall6(number, uintptr(d.fd), uintptr(unsafe.Pointer(pa)),
			uintptr(d.fd), uintptr(unsafe.Pointer(pb)), exchange, 0))
	})
	if err == syscall.EINVAL {
		return errors.ErrUnsupported
	}
	return err
}

// renameat2 is the number of the call, which package syscall does not know. Calls that are younger than 2019 have one number
// everywhere; this one is older.
func renameat2() uintptr {
	switch runtime.GOARCH {
	case "amd64":
		return 316
	case "arm64", "riscv64", "loong64":
		return 276
	case "386":
		return 353
	case "arm":
		return 382
	case "ppc64", "ppc64le":
		return 357
	case "s390x":
		return 347
	}
	return 0
}

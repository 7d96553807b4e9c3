package folder

import (
	"io"
	"os"
	"syscall"
	"time"
	"unsafe"
)

const (
	openFolder = syscall.O_RDONLY | syscall.O_DIRECTORY | syscall.O_CLOEXEC
	openFile   = syscall.O_NOFOLLOW | syscall.O_CLOEXEC | syscall.O_NONBLOCK // a pipe under the name must not hang us
)

// Folder is an open folder. Its methods may be called at the same time, but not beside Close.
type Folder struct {
	fd    int
	owner owner
}

// owner is to whom goes what the superuser makes: whose the first folder is. Otherwise a command that an administrator runs would leave files
// behind which the program that the store belongs to cannot open. Nobody else could give anything away.
type owner struct {
	uid, gid int
	other    bool // than who we are
}

// File is an open file.
type File struct{ fd int }

// Open opens the folder at path. Links in the path are followed: it is the user's own.
func Open(path string) (*Folder, error) {
	fd, err := openat(atCWD, path, openFolder, 0)
	if err != nil {
		return nil, err
	}
	d := &Folder{fd: fd}
	var st syscall.Stat_t
	if os.Geteuid() == 0 && syscall.Fstat(fd, &st) == nil && st.Uid != 0 {
		d.owner = owner{int(st.Uid), int(st.Gid), true}
	}
	return d, nil
}

const atCWD = -100 // AT_FDCWD

func openat(dir int, name string, flags int, mode uint32) (fd int, err error) {
	err = retry(func() error {
		fd, err = syscall.Openat(dir, name, flags, mode)
		return err
	})
	return fd, err
}

// OpenSub opens the folder name, which must be a folder and no link to one.
func (d *Folder) OpenSub(name string) (*Folder, error) {
	fd, err := openat(d.fd, name, openFolder|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	return &Folder{fd, d.owner}, nil
}

// MakeSub makes the folder name for its owner alone. That it is there already is fs.ErrExist.
func (d *Folder) MakeSub(name string) error {
	err := retry(func() error { return syscall.Mkdirat(d.fd, name, 0o700) })
	if err == nil && d.owner.other {
		err = retry(func() error { return syscall.Fchownat(d.fd, name, d.owner.uid, d.owner.gid, noFollow) })
	}
	return err
}

// Open opens a file for reading. A link in its place is ELOOP.
func (d *Folder) Open(name string) (File, error) {
	for {
		fd, err := syscall.Openat(d.fd, name, syscall.O_RDONLY|openFile, 0)
		if err != syscall.EINTR {
			return File{fd}, err
		}
	}
}

// OpenWrite opens a file for reading and writing.
func (d *Folder) OpenWrite(name string) (File, error) {
	fd, err := openat(d.fd, name, syscall.O_RDWR|openFile, 0)
	return File{fd}, err
}

// Create makes a file that was not there, for its owner alone, and opens it for writing.
func (d *Folder) Create(name string) (File, error) {
	fd, err := openat(d.fd, name, syscall.O_WRONLY|syscall.O_CREAT|syscall.O_EXCL|openFile, 0o600)
	if err == nil && d.owner.other {
		if err = retry(func() error { return syscall.Fchown(fd, d.owner.uid, d.owner.gid) }); err != nil {
			syscall.Close(fd)
			d.Remove(name)
		}
	}
	return File{fd}, err
}

// Rename gives a file another name, and takes the place of what stands there.
func (d *Folder) Rename(from, to string) error {
	return retry(func() error { return syscall.Renameat(d.fd, from, d.fd, to) })
}

// Link gives a file a second name.
func (d *Folder) Link(from, to string) error {
	f, err := syscall.BytePtrFromString(from)
	if err != nil {
		return err
	}
	t, err := syscall.BytePtrFromString(to)
	if err != nil {
		return err
	}
	return retry(func() error {
		return failed(syscall.Syscall6(syscall.SYS_LINKAT, uintptr(d.fd), uintptr(unsafe.Pointer(f)),
			uintptr(d.fd), uintptr(unsafe.Pointer(t)), 0, 0))
	})
}

// Stat tells of what stands under the name, without opening it: of a link itself, not of what it leads to.
func (d *Folder) Stat(name string) (Info, error) {
	if sysFstatat == 0 {
		f, err := d.Open(name)
		if err != nil {
			return Info{}, err
		}
		defer f.Close()
		return f.Stat()
	}
	p, err := syscall.BytePtrFromString(name)
	if err != nil {
		return Info{}, err
	}
	var st syscall.Stat_t
	err = retry(func() error {
		return failed(syscall.Syscall6(sysFstatat, uintptr(d.fd), uintptr(unsafe.Pointer(p)), uintptr(unsafe.Pointer(&st)), noFollow, 0, 0))
	})
	return info(&st), err
}

const noFollow = 0x100 // AT_SYMLINK_NOFOLLOW

// Remove takes a name away from a file, never from a folder.
func (d *Folder) Remove(name string) error {
	return retry(func() error { return syscall.Unlinkat(d.fd, name) })
}

// Sync makes what happened to the names in d survive a power cut.
func (d *Folder) Sync() error { return retry(func() error { return syscall.Fsync(d.fd) }) }

// Gone reports whether somebody has removed the folder that d has open.
func (d *Folder) Gone() bool {
	var st syscall.Stat_t
	return syscall.Fstat(d.fd, &st) == nil && st.Nlink == 0
}

// Names calls visit with the names in d until it returns an error, in constant memory.
func (d *Folder) Names(visit func(name string) error) error {
	fd, err := openat(d.fd, ".", openFolder, 0) // a place of its own in the folder
	if err != nil {
		return err
	}
	return names(os.NewFile(uintptr(fd), "folder"), visit)
}

// TryLock takes the lock of the folder, against all who have opened it in any process, or reports that it is taken.
func (d *Folder) TryLock() (bool, error) { return tryFlock(d.fd) }

// Unlock gives the lock back. So does the end of the process, however it ends.
func (d *Folder) Unlock() error { return unFlock(d.fd) }

// Close lets go of d.
func (d *Folder) Close() error { return syscall.Close(d.fd) }

// Stat tells of the file.
func (f File) Stat() (Info, error) {
	var st syscall.Stat_t
	if err := retry(func() error { return syscall.Fstat(f.fd, &st) }); err != nil {
		return Info{}, err
	}
	return info(&st), nil
}

func info(st *syscall.Stat_t) Info {
	return Info{
		Size:    st.Size,
		Time:    time.Unix(st.Mtim.Unix()),
		Regular: st.Mode&syscall.S_IFMT == syscall.S_IFREG,
		Links:   uint64(st.Nlink),
	}
}

// ReadAt fills b from off on, or as far as the file goes: then n < len(b) and err is nil.
func (f File) ReadAt(b []byte, off int64) (n int, err error) {
	for n < len(b) {
		m, err := syscall.Pread(f.fd, b[n:], off+int64(n))
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return n, err
		case m == 0:
			return n, nil
		default:
			n += m
			if n >= len(b) || n < shortRead {
				return n, nil
			}
		}
	}
	return n, nil
}

// shortRead spares a call: a plain file gives fewer than these many bytes at its end only, or where a signal came between.
const shortRead = 4096

// WriteAt writes all of b, or says why not.
func (f File) WriteAt(b []byte, off int64) error {
	for len(b) > 0 {
		n, err := syscall.Pwrite(f.fd, b, off)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return err
		case n == 0:
			return io.ErrShortWrite
		default:
			b, off = b[n:], off+int64(n)
		}
	}
	return nil
}

// Truncate cuts the file off.
func (f File) Truncate(size int64) error {
	return retry(func() error { return syscall.Ftruncate(f.fd, size) })
}

// SetTime sets the time of the last modification. It needs no descriptor for writing, but to be the owner.
func (f File) SetTime(t time.Time) error {
	const omit = 1<<30 - 2 // UTIME_OMIT: the file system's own atime is none of ours
	times := [2]syscall.Timespec{{Nsec: omit}, syscall.NsecToTimespec(t.UnixNano())}
	return retry(func() error {
		return failed(syscall.Syscall6(syscall.SYS_UTIMENSAT, uintptr(f.fd), 0, uintptr(unsafe.Pointer(&times)), 0, 0, 0))
	})
}

// Sync makes all of the file survive a power cut, Datasync its bytes and its length.
func (f File) Sync() error { return retry(func() error { return syscall.Fsync(f.fd) }) }

func (f File) Datasync() error { return retry(func() error { return syscall.Fdatasync(f.fd) }) }

// Close lets go of f.
func (f File) Close() error { return syscall.Close(f.fd) }

func failed(_, _ uintptr, errno syscall.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}

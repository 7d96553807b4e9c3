//go:build !linux

package folder

import (
	"errors"
	"io"
	"os"
	"syscall"
	"time"
)

// Folder is an open folder. Its methods may be called at the same time, but not beside Close.
type Folder struct {
	root  *os.Root
	dir   *os.File
	lock  lock
	owner owner
}

// owner is to whom goes what the superuser makes: whose the folder is. Otherwise a command that an administrator runs would leave files
// behind which the program that the store belongs to cannot open. Nobody else could give anything away.
type owner struct {
	uid, gid int
	other    bool // than who we are
}

// File is an open file.
type File struct {
	f    *os.File
	root *os.Root
	name string
}

// Open opens the folder at path. Links in the path are followed: it is the user's own.
func Open(path string) (*Folder, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, Cause(err)
	}
	return newFolder(root)
}

func newFolder(root *os.Root) (*Folder, error) {
	dir, err := root.Open(".")
	if err != nil {
		root.Close()
		return nil, Cause(err)
	}
	d := &Folder{root: root, dir: dir, owner: ownerOf(dir)}
	if d.lock, err = newLock(root.Name(), dir); err != nil {
		d.Close()
		return nil, Cause(err)
	}
	return d, nil
}

// OpenSub opens the folder name, which must be a folder and no link to one. Who swaps in a link right after that was checked
// is led no further than d, as os.Root has it.
func (d *Folder) OpenSub(name string) (*Folder, error) {
	info, err := d.root.Lstat(name)
	if err != nil {
		return nil, Cause(err)
	}
	if !info.IsDir() {
		return nil, errNotFolder
	}
	root, err := d.root.OpenRoot(name)
	if err != nil {
		return nil, Cause(err)
	}
	return newFolder(root)
}

// MakeSub makes the folder name for its owner alone. That it is there already is fs.ErrExist.
func (d *Folder) MakeSub(name string) error {
	err := d.root.Mkdir(name, 0o700)
	if err == nil && d.owner.other {
		err = d.root.Lchown(name, d.owner.uid, d.owner.gid)
	}
	return Cause(err)
}

// Open opens a file for reading. A link in its place is refused.
func (d *Folder) Open(name string) (File, error) { return d.open(name, os.O_RDONLY) }

// OpenWrite opens a file for reading and writing.
func (d *Folder) OpenWrite(name string) (File, error) { return d.open(name, os.O_RDWR) }

func (d *Folder) open(name string, flags int) (File, error) {
	info, err := d.root.Lstat(name)
	if err != nil {
		return File{}, Cause(err)
	}
	if info.IsDir() {
		return File{}, syscall.EISDIR
	}
	if !info.Mode().IsRegular() {
		return File{}, errNotFile
	}
	f, err := d.root.OpenFile(name, flags, 0)
	return File{f, d.root, name}, Cause(err)
}

// Create makes a file that was not there, for its owner alone, and opens it for writing.
func (d *Folder) Create(name string) (File, error) {
	f, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil && d.owner.other {
		if err = f.Chown(d.owner.uid, d.owner.gid); err != nil {
			f.Close()
			d.root.Remove(name)
		}
	}
	return File{f, d.root, name}, Cause(err)
}

// Rename gives a file another name, and takes the place of what stands there.
func (d *Folder) Rename(from, to string) error { return Cause(d.root.Rename(from, to)) }

// Link gives a file a second name.
func (d *Folder) Link(from, to string) error { return Cause(d.root.Link(from, to)) }

// Exchange would let two files change names in one step; here it is not supported.
func (d *Folder) Exchange(_, _ string) error { return errors.ErrUnsupported }

// Stat tells of what stands under the name, of a link itself.
func (d *Folder) Stat(name string) (Info, error) {
	info, err := d.root.Lstat(name)
	if err != nil {
		return Info{}, Cause(err)
	}
	return Info{Size: info.Size(), Time: info.ModTime(), Regular: info.Mode().IsRegular(), Links: links(info)}, nil
}

// Remove takes a name away from a file. Of a folder it takes an empty one only.
func (d *Folder) Remove(name string) error { return Cause(d.root.Remove(name)) }

// Sync makes what happened to the names in d survive a power cut, where the system has that.
func (d *Folder) Sync() error {
	if !foldersSync {
		return nil
	}
	return Cause(d.dir.Sync())
}

// Gone reports whether somebody has removed the folder that d has open.
func (d *Folder) Gone() bool {
	info, err := d.dir.Stat()
	return err == nil && links(info) == 0
}

// Names calls visit with the names in d until it returns an error, in constant memory.
func (d *Folder) Names(visit func(name string) error) error {
	dir, err := d.root.Open(".")
	if err != nil {
		return Cause(err)
	}
	return names(dir, visit)
}

// TryLock takes the lock of the folder or reports that it is taken.
func (d *Folder) TryLock() (bool, error) { return d.lock.try() }

// Unlock gives the lock back.
func (d *Folder) Unlock() error { return d.lock.release() }

// Close lets go of d.
func (d *Folder) Close() error {
	err := d.dir.Close()
	if e := d.root.Close(); err == nil {
		err = e
	}
	return Cause(err)
}

// Stat tells of the file.
func (f File) Stat() (Info, error) {
	info, err := f.f.Stat()
	if err != nil {
		return Info{}, Cause(err)
	}
	return Info{Size: info.Size(), Time: info.ModTime(), Regular: info.Mode().IsRegular(), Links: links(info)}, nil
}

// ReadAt fills b from off on, or as far as the file goes: then n < len(b) and err is nil.
func (f File) ReadAt(b []byte, off int64) (int, error) {
	n, err := f.f.ReadAt(b, off)
	if err == io.EOF {
		err = nil
	}
	return n, Cause(err)
}

// WriteAt writes all of b, or says why not.
func (f File) WriteAt(b []byte, off int64) error {
	_, err := f.f.WriteAt(b, off)
	return Cause(err)
}

// Truncate cuts the file off.
func (f File) Truncate(size int64) error { return Cause(f.f.Truncate(size)) }

// SetTime sets the time of the last modification, by name: the caller holds the lock under which the name stays this file's.
func (f File) SetTime(t time.Time) error { return Cause(f.root.Chtimes(f.name, time.Time{}, t)) }

// Sync makes all of the file survive a power cut; Datasync is the same here.
func (f File) Sync() error { return Cause(f.f.Sync()) }

func (f File) Datasync() error { return Cause(f.f.Sync()) }

// Close lets go of f.
func (f File) Close() error { return Cause(f.f.Close()) }

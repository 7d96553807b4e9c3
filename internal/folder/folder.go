// Package folder works on an open folder and the files right inside it, by bare name. Nothing here follows a symbolic link,
// whoever swaps one in meanwhile: on Linux every call goes through the folder's own descriptor with O_NOFOLLOW, elsewhere
// through [os.Root], which confines it. Errors are bare causes, without path or name: names here stand for secrets.
//
// On Linux the calls are made directly, since a look-up by descriptor costs half of one by path, and package os makes a File,
// with its finalizer and poller, of everything that it opens.
package folder

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// Info is what a store wants to know of a file.
type Info struct {
	Size    int64
	Time    time.Time // of the last modification, or as SetTime left it
	Regular bool      // a plain file: neither folder, link, pipe nor device
	Links   uint64    // how many names it has
}

// namesChunk bounds the memory of Names: so many names are read at once.
const namesChunk = 256

// names calls visit with the names in the folder that dir has open, and closes dir.
func names(dir *os.File, visit func(name string) error) error {
	defer dir.Close()
	for {
		chunk, err := dir.Readdirnames(namesChunk)
		for _, name := range chunk {
			if err := visit(name); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return Cause(err)
		}
	}
}

// Cause takes off what package os puts around the cause of an error: the name of the file, above all.
func Cause(err error) error {
	var (
		path *fs.PathError
		link *os.LinkError
		call *os.SyscallError
	)
	switch {
	case errors.As(err, &path):
		return Cause(path.Err)
	case errors.As(err, &link):
		return Cause(link.Err)
	case errors.As(err, &call):
		return Cause(call.Err)
	}
	return err
}

// retry calls fn again where a signal interrupted it, which is no failure.
func retry(fn func() error) error {
	for {
		if err := fn(); err != syscall.EINTR {
			return err
		}
	}
}

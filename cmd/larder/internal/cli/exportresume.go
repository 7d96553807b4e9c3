package cli

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"

	"github.com/larder-go/larder/store"
)

// resume reads what there is, cuts off what is not whole, and has the export go on behind the last entry.
func (e *exporter) resume(s store.Store) (complete bool, err error) {
	info, err := e.file.Stat()
	if err != nil {
		return false, err
	}
	e.out = bufio.NewWriterSize(e.file, 64<<10)
	if info.Size() == 0 {
		return false, e.begin()
	}
	if cut, err := cutHeader(e.file, info.Size()); err != nil {
		return false, err
	} else if cut {
		if err := e.file.Truncate(0); err != nil {
			return false, err
		}
		return false, e.begin()
	}
	r, err := readExport(e.file)
	if err != nil {
		return false, err
	}
	if r.header.Prefix != e.header.Prefix || r.header.Store != e.header.Store {
		return false, usage("finish it with the same --store and --prefix, or export to another file", "the file was begun from another store or with another --prefix")
	}
	if err := e.scan(r); err != nil {
		return false, err
	}
	e.header, e.sum, e.count = r.header, r.sum, r.count
	e.result.Resumed = e.result.Exported + e.result.Corrupt
	if r.end != nil {
		return true, r.wrong
	}
	if !store.CanListAfter(s) {
		return false, usage("export to another file", "this kind of store lists in no order, so that an export cannot be taken up again")
	}
	if err := e.file.Truncate(r.good); err != nil {
		return false, err
	}
	_, err = e.file.Seek(r.good, io.SeekStart)
	return false, err
}

const longestHeader = 64 << 10

// cutHeader reports that the file is the beginning of an export's first line, and leaves it at its beginning.
func cutHeader(file *os.File, size int64) (bool, error) {
	start := []byte(`{"format":"` + exportName + `"`)
	content := make([]byte, min(size, longestHeader))
	if _, err := io.ReadFull(file, content); err != nil {
		return false, err
	}
	_, err := file.Seek(0, io.SeekStart)
	cut := size < longestHeader && bytes.IndexByte(content, '\n') < 0 && (bytes.HasPrefix(content, start) || bytes.HasPrefix(start, content))
	return cut, err
}

// openOwn opens a file that is there, if nobody else can read it or has put it there: what is written into it are bearer tokens.
func openOwn(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|noFollow, 0)
	if isLink(err) {
		return nil, usage("name the file itself", "%s is a symbolic link, and an export is not written through one", quoteUnlessPlain(path))
	} else if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = usage("export to a file", "%s is no file", quoteUnlessPlain(path))
	case !ownFile(info):
		err = usage("export to another file", "%s belongs to another user", quoteUnlessPlain(path))
	case !privateFile(info) && info.Size() == 0:
		err = file.Chmod(0o600)
	case !privateFile(info):
		err = usage("chmod 600 "+quoteUnlessPlain(path), "others than its owner may use %s, and keys are bearer tokens", quoteUnlessPlain(path))
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// scan reads up to the trailer, or to the first line that is not as it was written: what comes behind that is exported again.
func (e *exporter) scan(r *exportReader) error {
	for {
		whole, err := r.next()
		if err == io.EOF || err == nil && !whole {
			return nil
		} else if err != nil {
			return err
		}
		entry, end, err := parseLine(r.line)
		switch {
		case end != nil:
			r.finish(end)
			if f := new(failure); errors.As(r.wrong, &f) {
				f.code, f.hint = exitError, "export to another file"
			}
			return nil
		case err == nil:
			e.after = entry.Key
			e.result.Exported++
		case errors.Is(err, errUnreadable):
			e.result.Corrupt++
		default:
			return nil
		}
		r.count++
		r.accept()
	}
}

package migrations

import (
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// For returns the files of [FS] for another table, quoted: for goose, and for whoever reads them. An empty schema leaves the table to
// the search_path, an empty table is [DefaultTable]. The schema must exist before they run. Give goose a version table of its own for
// each table, by goose.WithTableName.
func For(schema, table string) (fs.FS, error) {
	n, err := resolve(schema, table)
	if err != nil {
		return nil, err
	}
	entries, err := FS.ReadDir(".")
	if err != nil {
		return nil, err
	}
	t := make(texts, len(entries))
	for i, e := range entries {
		data, err := FS.ReadFile(e.Name())
		if err != nil {
			return nil, err
		}
		t[i] = text{e.Name(), n.replace(string(data))}
	}
	return t, nil
}

// texts is a folder of files in memory, sorted by name.
type texts []text

// text is a file and what there is to know about it.
type text struct{ name, content string }

func (t text) Name() string               { return t.name }
func (t text) Size() int64                { return int64(len(t.content)) }
func (t text) Mode() fs.FileMode          { return 0o444 }
func (t text) Type() fs.FileMode          { return 0 }
func (t text) ModTime() time.Time         { return time.Time{} }
func (t text) IsDir() bool                { return false }
func (t text) Sys() any                   { return nil }
func (t text) Info() (fs.FileInfo, error) { return t, nil }

func (t texts) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	if name == "." {
		return &folder{rest: t}, nil
	}
	i := slices.IndexFunc(t, func(f text) bool { return f.name == name })
	if i < 0 {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &file{t[i], strings.NewReader(t[i].content)}, nil
}

type file struct {
	text
	*strings.Reader
}

func (f *file) Size() int64                { return f.text.Size() }
func (f *file) Stat() (fs.FileInfo, error) { return f.text, nil }
func (f *file) Close() error               { return nil }

type folder struct{ rest []text }

func (f *folder) Stat() (fs.FileInfo, error) { return root{}, nil }
func (f *folder) Close() error               { return nil }

func (f *folder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: ".", Err: fs.ErrInvalid}
}

func (f *folder) ReadDir(n int) ([]fs.DirEntry, error) {
	if n > 0 && len(f.rest) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(f.rest) {
		n = len(f.rest)
	}
	entries := make([]fs.DirEntry, n)
	for i, t := range f.rest[:n] {
		entries[i] = t
	}
	f.rest = f.rest[n:]
	return entries, nil
}

// root is what there is to know about the folder itself.
type root struct{ text }

func (root) Name() string      { return "." }
func (root) Mode() fs.FileMode { return fs.ModeDir | 0o555 }
func (root) Type() fs.FileMode { return fs.ModeDir }
func (root) IsDir() bool       { return true }

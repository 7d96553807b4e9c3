//go:build unix

package crashtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/store"
)

// toy is the shortest file store that survives kills and cuts: temporary file, fsync, rename, fsync of the folder, all under
// one flock. Its faults are what the harness must catch, each of them a line that shipped stores lack.
type toy struct {
	dir    string
	lock   *os.File
	faults faults
}

type faults struct {
	noFileSync   bool // of the temporary file before the rename
	noDirSync    bool // of the folder after the rename
	noDeleteSync bool // of the folder after an unlink
	inPlace      bool // writes over the old file
	noSweep      bool // never removes temporary files
	ignoresDead  bool // a write to a dead entry first brings it back
	trustsAbsent bool // takes a removal for durable because there is nothing: whoever unlinked it may have been killed before the fsync
}

const toyTemp = ".tmp"

func openToy(dir string, f faults) (Opened, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, ".lock")); err != nil { // new: its name must last
		if err := syncDir(filepath.Dir(dir)); err != nil {
			return nil, err
		}
	}
	lock, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	return &toy{dir, lock, f}, err
}

func (s *toy) Close() error { return s.lock.Close() }

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (s *toy) path(key string) string {
	sum := sha256.Sum256([]byte(key))
	return filepath.Join(s.dir, hex.EncodeToString(sum[:]))
}

// locked runs f alone among all processes. A second descriptor of the lock file makes the workers of one process meet too.
func (s *toy) locked(f func() error) error {
	lock, err := os.Open(s.lock.Name())
	if err != nil {
		return err
	}
	defer lock.Close()
	for {
		if err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != syscall.EINTR {
			break
		}
	}
	return errors.Join(err, f())
}

func (s *toy) read(key string) (record.Record, error) {
	data, err := os.ReadFile(s.path(key))
	if errors.Is(err, fs.ErrNotExist) {
		return record.Record{}, store.ErrNotFound
	} else if err != nil {
		return record.Record{}, err
	}
	r, err := record.Decode(data, key)
	if err == nil && Expiry().Absent(time.Now(), r.Written, r.Expires) {
		return r, store.ErrNotFound
	}
	return r, err
}

func (s *toy) write(key string, item *store.Item) error {
	if item == nil {
		return s.remove(key)
	}
	r := record.Record{Key: key, Value: item.Value, Expires: item.Expires, Written: item.Atime, Version: record.NewVersion()}
	if r.Written.IsZero() {
		r.Written = time.Now()
	}
	if s.faults.inPlace {
		return os.WriteFile(s.path(key), r.Append(nil), 0o600)
	}
	if s.faults.ignoresDead {
		if old, err := s.read(key); err == store.ErrNotFound && old.Key != "" {
			old.Written, old.Expires = time.Now(), time.Time{}
			if err := s.replace(key, &old); err != nil {
				return err
			}
		}
	}
	return s.replace(key, &r)
}

func (s *toy) replace(key string, r *record.Record) error {
	temp, err := os.CreateTemp(s.dir, toyTemp)
	if err != nil {
		return err
	}
	_, err = temp.Write(r.Append(nil))
	if !s.faults.noFileSync {
		err = errors.Join(err, temp.Sync())
	}
	if err := errors.Join(err, temp.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), s.path(key)); err != nil || s.faults.noDirSync {
		return err
	}
	return syncDir(s.dir)
}

func (s *toy) remove(key string) error {
	err := os.Remove(s.path(key))
	absent := errors.Is(err, fs.ErrNotExist)
	switch {
	case err != nil && !absent:
		return err
	case s.faults.noDeleteSync, absent && s.faults.trustsAbsent:
		return nil
	}
	return syncDir(s.dir)
}

func (s *toy) Contains(_ context.Context, key string) (bool, error) {
	_, err := s.read(key)
	if err == store.ErrNotFound {
		return false, nil
	}
	return err == nil, err
}

func (s *toy) Get(_ context.Context, key string) ([]byte, error) {
	r, err := s.read(key)
	return r.Value, err
}

func (s *toy) Touch(_ context.Context, key string) error {
	_, err := s.read(key)
	return err
}

func (s *toy) Load(ctx context.Context, key string) (*store.Item, error) { return s.Peek(ctx, key) }

func (s *toy) Peek(_ context.Context, key string) (*store.Item, error) {
	r, err := s.read(key)
	if err != nil {
		return nil, err
	}
	return &store.Item{Value: r.Value, Expires: r.Expires, Atime: r.Written, Version: r.Version.Text()}, nil
}

func (s *toy) Set(_ context.Context, key string, b []byte) error {
	return s.locked(func() error { return s.write(key, &store.Item{Value: b}) })
}

func (s *toy) Delete(_ context.Context, key string) error {
	return s.locked(func() error { return s.remove(key) })
}

func (s *toy) Swap(_ context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	return "", s.locked(func() error {
		r, err := s.read(key)
		version := store.Version("")
		if err == nil {
			version = r.Version.Text()
		} else if err != store.ErrNotFound {
			return err
		}
		if old != store.AnyVersion && old != version {
			return store.ErrConflict
		}
		return s.write(key, item)
	})
}

// Cleanup removes old temporary files only.
func (s *toy) Cleanup(context.Context, time.Duration) (int, error) {
	temps, err := toyTemps(s.dir)
	for _, name := range temps {
		info, statErr := os.Stat(name)
		if statErr == nil && time.Since(info.ModTime()) > time.Hour && !s.faults.noSweep {
			err = errors.Join(err, os.Remove(name))
		}
	}
	return 0, err
}

func toyTemps(dir string) ([]string, error) { return filepath.Glob(filepath.Join(dir, toyTemp+"*")) }

func (s *toy) List(context.Context, string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		files, err := os.ReadDir(s.dir)
		if err != nil {
			yield(store.Info{}, err)
			return
		}
		for _, f := range files {
			if strings.HasPrefix(f.Name(), ".") {
				continue
			}
			data, err := os.ReadFile(filepath.Join(s.dir, f.Name()))
			if err != nil {
				continue
			}
			r, err := record.Decode(data, "")
			if err == nil && Expiry().Absent(time.Now(), r.Written, r.Expires) {
				continue
			}
			if !yield(store.Info{Key: r.Key, Size: int64(len(r.Value))}, err) {
				return
			}
		}
	}
}

// toySubject is the toy with faults, one writer process or two.
func toySubject(name string, f faults) Subject {
	return Subject{
		Name: name, Procs: 2, Workers: 1, Temps: toyTemps,
		Open: func(dir string) (Opened, error) { return openToy(dir, f) },
	}
}

// toys are the file stores of the self-check. Only the first keeps its promises.
func toys() []Subject {
	return []Subject{
		toySubject("correct", faults{}),
		toySubject("no fsync of the file", faults{noFileSync: true}),
		toySubject("no fsync of the folder", faults{noDirSync: true}),
		toySubject("no fsync of a delete", faults{noDeleteSync: true}),
		toySubject("writes in place", faults{inPlace: true}),
		toySubject("never sweeps", faults{noSweep: true}),
		toySubject("revives the dead", faults{ignoresDead: true}),
		toySubject("trusts an absence", faults{trustsAbsent: true}),
	}
}

package diskstore

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"syscall"
	"time"

	"github.com/larder-go/larder/internal/folder"
	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/store"
)

// wallNow is the wall clock without its monotonic part, which no time in a file has.
func wallNow() time.Time { return time.Now().Round(0) }

// entry is an entry as it was read.
type entry struct {
	current
	atime time.Time
}

func (s *Store) absent(e *entry, now time.Time) bool {
	return s.expiry.For(e.Key).Absent(now, e.atime, e.Expires)
}

func (s *Store) Contains(ctx context.Context, key string) (bool, error) {
	buf := s.buffer()
	defer s.buffers.Put(buf)
	_, err := s.read(ctx, key, view, buf)
	if err == store.ErrNotFound {
		return false, nil
	}
	return err == nil, wrap("contains", err)
}

func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	buf := s.buffer()
	defer s.buffers.Put(buf)
	e, err := s.read(ctx, key, use, buf)
	if err != nil {
		return nil, wrap("get", err)
	}
	return own(&e), nil
}

func (s *Store) Touch(ctx context.Context, key string) error {
	buf := s.buffer()
	defer s.buffers.Put(buf)
	_, err := s.read(ctx, key, use, buf)
	return wrap("touch", err)
}

func (s *Store) Load(ctx context.Context, key string) (*store.Item, error) {
	return s.load(ctx, "load", key, use)
}

func (s *Store) Peek(ctx context.Context, key string) (*store.Item, error) {
	return s.load(ctx, "peek", key, view)
}

func (s *Store) load(ctx context.Context, op, key string, m mode) (*store.Item, error) {
	buf := s.buffer()
	defer s.buffers.Put(buf)
	e, err := s.read(ctx, key, m, buf)
	if err != nil {
		return nil, wrap(op, err)
	}
	return &store.Item{Value: own(&e), Expires: e.Expires, Atime: e.atime, Version: e.Version.Text()}, nil
}

// buffer lends memory for one file, of firstRead bytes or more. What is read into it is good until it is put back.
func (s *Store) buffer() *[]byte { return s.buffers.Get().(*[]byte) }

// own returns the value of e as the caller may keep it. What lies in a buffer of the store is copied.
func own(e *entry) []byte {
	if e.size == 0 { // read into memory of its own
		return e.Value
	}
	value := make([]byte, len(e.Value)) // never nil: an empty value is a value
	copy(value, e.Value)
	return value
}

// mode says what a read is for.
type mode int

const (
	glance mode = iota // at what is there, for a list: that something has just gone need not be certain
	view               // by one who relies on the answer
	use                // and who must be able to find the entry again
)

// read returns the live entry under key. Its Value may lie in *buf.
func (s *Store) read(ctx context.Context, key string, m mode, buf *[]byte) (entry, error) {
	p, err := s.begin(ctx, key)
	if err != nil {
		return entry{}, err
	}
	return s.readAt(ctx, p, key, m, buf)
}

// readAt is read for an entry of which key may be "", not known, but the place is.
//
// It reads without the lock, and that answer stands if it is sure: a live entry, read whole. Whatever else it finds, it asks again, in the
// end under the lock. A slot that was just being written may hide a value that was acknowledged before this call began; an entry that
// looks absent may be in the hands of somebody who found it live and is about to refresh it.
func (s *Store) readAt(ctx context.Context, p place, key string, m mode, buf *[]byte) (entry, error) {
	for range 2 {
		f, err := s.shards.openFile(p)
		if err == errGone {
			break
		}
		if err != nil {
			return entry{}, missing(err)
		}
		now := wallNow()
		e, err := s.readFile(f, key, buf, now)
		f.Close()
		if err != nil && !errors.Is(err, store.ErrCorrupt) {
			return entry{}, err
		}
		if err != nil || e.doubt {
			continue
		}
		absent := s.absent(&e, now)
		if absent && m == glance {
			return entry{}, store.ErrNotFound
		}
		if absent || m == use && s.expiry.Stale(now, e.atime) {
			break
		}
		return e, nil
	}
	return s.readLocked(ctx, p, key, m, buf)
}

// missing turns what the file system says of a file, or of its folder, that is not there.
func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return store.ErrNotFound
	}
	return notFile(err)
}

// notFile calls a link in the place of an entry what it is.
func notFile(err error) error {
	if errors.Is(err, syscall.ELOOP) {
		return errNotFile
	}
	return err
}

// readLocked is readAt under the lock, where it also records the use.
func (s *Store) readLocked(ctx context.Context, p place, key string, m mode, buf *[]byte) (e entry, err error) {
	d, err := s.lock(ctx, p.shard, false)
	if err != nil {
		return e, missing(err)
	}
	defer s.unlock(p.shard, d)
	f, err := d.Open(p.name)
	if err != nil {
		return e, missing(err)
	}
	defer f.Close()
	now := wallNow() // under the lock, or an entry that somebody saw absent meanwhile would come back
	if e, err = s.readFile(f, key, buf, now); err != nil {
		return e, err
	}
	if s.absent(&e, now) {
		return e, store.ErrNotFound
	}
	if m != use || !e.doubt && !s.expiry.Stale(now, e.atime) {
		return e, nil
	}
	if e.doubt {
		s.repair(d, p, &e)
	}
	e.atime = now
	return e, f.SetTime(now)
}

// repair empties a slot that a crash has left half written, so that the next reader need not come here again. It is done along with
// a use, since it makes the file look used. If it cannot be done, nothing is lost.
func (s *Store) repair(d *folder.Folder, p place, e *entry) {
	f, err := d.OpenWrite(p.name)
	if err != nil {
		return
	}
	defer f.Close()
	f.WriteAt(make([]byte, slotHead), int64(slotOffset(e.size, 1-e.index)))
}

// firstRead is what one call reads of a file: all of it where its slots are the smallest.
const firstRead = 2 * blockSize

// readFile reads the entry in f, into *buf unless it is a large one. Where the record's own time tells that the entry
// was used just now, the file's need not be looked at: only an older one is ever refreshed.
func (s *Store) readFile(f folder.File, key string, buf *[]byte, now time.Time) (e entry, err error) {
	data, err := readAll(f, buf)
	if err != nil {
		return e, err
	}
	if e.current, err = decode(data, key); err != nil {
		return e, err
	}
	e.atime = e.Written
	if s.expiry.Stale(now, e.Written) {
		info, err := f.Stat()
		if err != nil {
			return e, err
		}
		e.atime = later(e.Written, info.Time)
	}
	return e, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// readAll reads what a file holds of slots.
func readAll(f folder.File, buf *[]byte) ([]byte, error) {
	n, err := f.ReadAt((*buf)[:firstRead], 0)
	switch {
	case errors.Is(err, syscall.ESPIPE), errors.Is(err, syscall.EAGAIN):
		return nil, errNotFile
	case err != nil:
		return nil, err
	case n < firstRead:
		return (*buf)[:n], nil
	}
	size, err := slotSize((*buf)[:n])
	if err != nil {
		return nil, err
	}
	if size == 0 {
		return readLarge(f, (*buf)[:n])
	}
	if size > blockSize {
		*buf = slices.Grow((*buf)[:n], 2*size-n)[:2*size]
		m, err := f.ReadAt((*buf)[n:], int64(n))
		return (*buf)[:n+m], err
	}
	return (*buf)[:n], nil
}

// readLarge reads a file with a single slot, of which head has been read, into memory of its own.
func readLarge(f folder.File, head []byte) ([]byte, error) {
	length, err := record.Length(head[headSize+slotHead:])
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	length += headSize + slotHead
	if info.Size < int64(length) { // before a broken header makes us allocate what is not there
		return nil, corrupt("the file is cut off")
	}
	data := make([]byte, length)
	n := copy(data, head)
	if n < length {
		m, err := f.ReadAt(data[n:], int64(n))
		return data[:n+m], err
	}
	return data, nil
}

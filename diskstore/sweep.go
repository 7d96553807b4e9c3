package diskstore

import (
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"strings"
	"time"

	"github.com/larder-go/larder/internal/folder"
	"github.com/larder-go/larder/store"
)

const (
	// sweepBatch is how many entries a sweep removes between two pauses, and two calls of Progress, unless the caller says otherwise.
	sweepBatch = 1000

	// sweepChunk is how many entries are removed under one lock, at most: a few milliseconds.
	sweepChunk = 64

	// sweepBytes ends a chunk before that where the entries are large, for they are read under the lock.
	sweepBytes = 4 << 20

	// tempAge is how old a temporary file is before a sweep takes it for one that a killed process has left.
	tempAge = time.Hour
)

// Cleanup is Sweep with nothing but an idle time.
func (s *Store) Cleanup(ctx context.Context, idle time.Duration) (int, error) {
	r, err := s.sweep(ctx, store.SweepOptions{Idle: idle})
	return r.Removed, wrap("cleanup", err)
}

// Sweep looks at every file. Where one cannot be looked at or removed, it goes on with the others and returns the first error
// in the end.
func (s *Store) Sweep(ctx context.Context, o store.SweepOptions) (store.SweepReport, error) {
	r, err := s.sweep(ctx, o)
	return r, wrap("sweep", err)
}

func (s *Store) sweep(ctx context.Context, o store.SweepOptions) (store.SweepReport, error) {
	w := sweeper{store: s, o: o, now: wallNow(), batch: sweepBatch}
	w.cutoff = s.expiry.Cutoff(w.now, o.Idle)
	if o.Batch > 0 {
		w.batch = o.Batch
	}
	err := s.ready(ctx)
	for i := 0; i < shardCount && err == nil && !w.full(); i++ {
		err = w.shard(ctx, i)
	}
	if err == nil && !w.full() {
		err = w.rootTemps(ctx)
	}
	if err == nil {
		err = w.failed
	}
	if w.report.Removed > w.told {
		w.tell()
	}
	w.report.Done = err == nil && !w.full()
	return w.report, err
}

// sweeper is a sweep at work. Its clock stands: what dies meanwhile is the next one's.
type sweeper struct {
	store  *Store
	o      store.SweepOptions
	now    time.Time
	cutoff time.Time
	batch  int
	report store.SweepReport
	failed error // the first about a single file
	told   int   // what had been removed when the last batch ended
	owed   bool  // a pause, before the next entry is removed

	seen []digest // in the folder that is being looked at

	first  [blockSize + peekSize]byte // what mayGo reads of a file, not to allocate it for each
	second [peekSize]byte
}

func (w *sweeper) full() bool { return w.o.Limit > 0 && w.report.Removed >= w.o.Limit }

// due tells whether an entry must go; its key is "" where it is not known.
func (w *sweeper) due(key string, atime, expires time.Time) bool {
	return atime.Before(w.cutoff) && !store.Reserved(key) || !expires.IsZero() && !w.now.Before(expires)
}

// fail keeps the first error about a single file. That one is gone, by another cleaner's hand, is none.
func (w *sweeper) fail(err error) {
	if w.failed == nil && err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNotFile) {
		w.failed = err
	}
}

// shard first looks at everything in the folder i, without its lock, and then judges again, under the lock, what may have to go. Names
// are removed only after all have been read, for some file systems lose the place in a folder that changes.
func (w *sweeper) shard(ctx context.Context, i int) error {
	var due []digest
	var temps []string
	w.seen = w.seen[:0]
	err := w.store.visit(ctx, i, func(d *folder.Folder, name string) error {
		switch {
		case isTemp(name):
			if w.oldTemp(d, name) {
				temps = append(temps, name)
			}
		case isEntry(i, name):
			var g digest
			hex.Decode(g[:], []byte(name))
			w.seen = append(w.seen, g)
			if w.mayGo(d, name) {
				due = append(due, g)
			}
		}
		return nil
	})
	w.report.Scanned += len(distinct(w.seen))
	if err != nil {
		return err
	}
	due = distinct(due)
	if len(due)+len(temps) == 0 {
		return nil
	}
	synced, err := w.syncs(i)
	if err != nil {
		return err
	}
	defer synced()
	for len(due)+len(temps) > 0 && !w.full() {
		more := false
		if due, more, err = w.remove(ctx, i, due, temps); err != nil {
			return err
		}
		temps = nil
		if w.report.Removed-w.told == w.batch {
			w.tell()
			w.owed = w.o.Pause > 0 && !w.o.DryRun
		}
		if more {
			if err := w.store.sleep(ctx, w.o.Pause); err != nil {
				return err
			}
			w.owed = false
		}
	}
	return nil
}

// syncs opens the folder i, and synced makes the removals in it survive a power cut: once for them all, and not under the lock. Only a writer
// could rely on one before that, and writers sync the folder themselves.
func (w *sweeper) syncs(i int) (synced func(), err error) {
	shards := &w.store.shards
	shards.rootMu.RLock()
	defer shards.rootMu.RUnlock()
	if err := w.store.ready(context.Background()); err != nil {
		return nil, err
	}
	d, err := shards.root.OpenSub(shardName(i))
	if errors.Is(err, fs.ErrNotExist) {
		return func() {}, nil // with all that was in it
	}
	if err != nil {
		return nil, err
	}
	before := w.report.Removed
	return func() {
		if w.report.Removed > before && !w.o.DryRun {
			w.fail(d.Sync())
		}
		d.Close()
	}, nil
}

// tell ends a batch, over however many folders and chunks it went: most folders have only a few entries that must go.
func (w *sweeper) tell() {
	w.told = w.report.Removed
	if w.o.Progress != nil {
		w.o.Progress(w.report)
	}
}

// mayGo tells whether the entry may have to go, by the file's time and, for its deadline, by the heads of its slots.
func (w *sweeper) mayGo(d *folder.Folder, name string) bool {
	info, err := d.Stat(name)
	if err != nil || !info.Regular {
		w.fail(err)
		return false
	}
	if info.Time.Before(w.cutoff) {
		return true
	}
	f, err := d.Open(name)
	if err != nil {
		w.fail(notFile(err))
		return false
	}
	defer f.Close()
	n, err := f.ReadAt(w.first[:], 0)
	if err != nil {
		w.fail(err)
		return false
	}
	data := w.first[:n]
	expires, next := peekDeadline(data, nil)
	if next > 0 { // slot 1 begins further behind
		n, err := f.ReadAt(w.second[:], int64(next))
		if err != nil {
			w.fail(err)
			return false
		}
		expires, _ = peekDeadline(data, w.second[:n])
	}
	return w.due("", info.Time, expires)
}

// remove removes those of the entries in due that must go, up to a chunk or to the end of the batch, and what there is of temps, and
// returns the rest of due. Where a pause is owed it stops before the first entry that must go and says so with more: only then is it
// certain that the pause comes between two batches.
func (w *sweeper) remove(ctx context.Context, i int, due []digest, temps []string) (rest []digest, more bool, err error) {
	d, err := w.store.lock(ctx, i, false)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return nil, false, err
	}
	defer w.store.unlock(i, d)
	for _, name := range temps {
		if w.oldTemp(d, name) {
			w.fail(d.Remove(name))
		}
	}
	room := min(sweepChunk, w.batch-(w.report.Removed-w.told))
	if w.o.Limit > 0 {
		room = min(room, w.o.Limit-w.report.Removed)
	}
	removed, read := 0, int64(0)
	for len(due) > 0 && removed < room && read < sweepBytes && ctx.Err() == nil {
		e, size, err := w.judge(d, due[0].place())
		if err == nil && e != nil && w.owed {
			return due, true, ctx.Err()
		}
		due = due[1:]
		read += size
		if err == nil && !w.o.DryRun && e != nil {
			err = d.Remove(e.name)
		}
		if err != nil || e == nil {
			w.fail(err)
			continue
		}
		removed++
		w.report.Add(int64(e.value), e.atime, e.due)
	}
	return due, false, ctx.Err()
}

// condemned is an entry that must go.
type condemned struct {
	name  string
	value int
	atime time.Time
	due   time.Time // since when
}

// judge returns the entry at p if it must go, and how much had to be read for that. What is corrupt has its file's time only.
func (w *sweeper) judge(d *folder.Folder, p place) (*condemned, int64, error) {
	f, err := d.Open(p.name)
	if err != nil {
		return nil, 0, notFile(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Regular {
		return nil, 0, err
	}
	buf := w.store.buffer()
	defer w.store.buffers.Put(buf)
	var e current
	data, err := readAll(f, buf)
	if err == nil {
		e, err = decode(data, "")
	}
	if err == nil && placeOf(e.Key) != p {
		err = errMisplaced
	}
	if errors.Is(err, store.ErrCorrupt) {
		e, err = current{}, nil // no deadline, and no key that could have a prefix
	}
	c := &condemned{name: p.name, value: len(e.Value), atime: later(e.Written, info.Time)}
	if c.due = e.Expires; !store.Reserved(e.Key) {
		c.due = w.store.expiry.Due(c.atime, e.Expires, w.o.Idle)
	}
	below := w.o.Prefix == "" || e.Key != w.o.Prefix && strings.HasPrefix(e.Key, w.o.Prefix)
	if err != nil || !below || !w.due(e.Key, c.atime, e.Expires) {
		c = nil
	}
	return c, info.Size, err
}

// oldTemp tells whether name is a temporary file that nobody is writing any more.
func (w *sweeper) oldTemp(d *folder.Folder, name string) bool {
	if w.o.DryRun || w.o.Prefix != "" {
		return false
	}
	f, err := d.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.Stat()
	return err == nil && info.Regular && w.now.Sub(info.Time) > tempAge
}

// rootTemps removes what a killed process has left beside the folders: a marker that was not yet named so.
func (w *sweeper) rootTemps(ctx context.Context) error {
	var temps []string
	shards := &w.store.shards
	shards.rootMu.RLock()
	defer shards.rootMu.RUnlock()
	if err := w.store.ready(ctx); err != nil {
		return err
	}
	root := shards.root
	err := root.Names(func(name string) error {
		if isTemp(name) && w.oldTemp(root, name) {
			temps = append(temps, name)
		}
		return w.store.ready(ctx)
	})
	for _, name := range temps {
		w.fail(root.Remove(name))
	}
	return err
}

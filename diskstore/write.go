package diskstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"github.com/larder-go/larder/internal/folder"
	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/store"
)

func (s *Store) Set(ctx context.Context, key string, value []byte) error {
	_, err := s.write(ctx, key, store.AnyVersion, &store.Item{Value: value})
	return wrap("set", err)
}

func (s *Store) Delete(ctx context.Context, key string) error {
	_, err := s.write(ctx, key, store.AnyVersion, nil)
	return wrap("delete", err)
}

func (s *Store) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	v, err := s.write(ctx, key, old, item)
	return v, wrap("swap", err)
}

// write is Swap, and with AnyVersion also Set and Delete.
func (s *Store) write(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	p, err := s.begin(ctx, key)
	if err != nil {
		return "", err
	}
	if item != nil && len(item.Value) > s.maxValue {
		return "", fmt.Errorf("%w: %d bytes, the limit is %d", store.ErrTooLarge, len(item.Value), s.maxValue)
	}
	d, err := s.lock(ctx, p.shard, item != nil)
	if item == nil && errors.Is(err, fs.ErrNotExist) { // no folder, so no entry
		if old != "" && old != store.AnyVersion {
			return "", store.ErrConflict
		}
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer s.unlock(p.shard, d)

	t := target{store: s, folder: d, name: p.name}
	if err := t.look(key); err != nil {
		return "", err
	}
	defer t.close()
	if old != store.AnyVersion {
		if t.corrupt != nil {
			return "", t.corrupt
		}
		if old != t.version() {
			return "", store.ErrConflict
		}
	}
	if item == nil {
		return "", t.remove()
	}
	r := &record.Record{Key: key, Value: item.Value, Version: record.NewVersion(), Expires: item.Expires, Written: t.now}
	carried := !item.Atime.IsZero() && item.Atime.Before(t.now)
	if carried {
		r.Written = item.Atime
	}
	if t.live && !carried && fits(t.entry.size, r.Size()) && t.info.Links == 1 {
		err = t.overwrite(r)
	} else {
		err = t.replace(r)
	}
	if err != nil {
		return "", err
	}
	return r.Version.Text(), nil
}

// target is the file that a write is about, as it was found under the lock.
type target struct {
	store  *Store
	folder *folder.Folder
	name   string
	now    time.Time

	file    folder.File // open where there is one
	there   bool
	info    folder.Info
	entry   entry
	live    bool
	corrupt error
}

// look reads what stands in the target's place. That it is corrupt is no error yet.
func (t *target) look(key string) error {
	f, err := t.folder.OpenWrite(t.name)
	t.now = wallNow() // under the lock: see readLocked
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, syscall.ELOOP): // a link takes the place of an entry: so does the entry of the link
		t.corrupt = errNotFile
		return nil
	case err != nil:
		return err
	}
	t.file, t.there = f, true
	if err = t.read(key); err != nil {
		t.close()
	}
	return err
}

func (t *target) read(key string) (err error) {
	if t.info, err = t.file.Stat(); err != nil {
		return err
	}
	if !t.info.Regular {
		t.corrupt = errNotFile
		return nil
	}
	buf := t.store.buffer()
	defer t.store.buffers.Put(buf)
	t.entry, err = t.store.readFile(t.file, key, buf, t.now)
	if errors.Is(err, store.ErrCorrupt) {
		t.corrupt = err
		return nil
	}
	t.entry.Value = nil // it lies in buf
	t.live = err == nil && !t.store.absent(&t.entry, t.now)
	return err
}

func (t *target) close() {
	if t.there {
		t.file.Close()
		t.there = false
	}
}

// version is that of the live entry, or "".
func (t *target) version() store.Version {
	if !t.live {
		return ""
	}
	return t.entry.Version.Text()
}

// overwrite writes r to the slot that does not hold the entry. The file must hold a live one: to an absent entry the write
// itself, which makes the file look used, would give back its old value for a moment.
func (t *target) overwrite(r *record.Record) error {
	// A file whose rename was the last thing that a killed process did may lose its name in a power cut, and what is written now with it.
	// So the folder is synced before a second number stands in the file; a file with a higher one is safe.
	if t.entry.seq == 1 {
		if err := t.folder.Sync(); err != nil {
			return err
		}
	} else if !t.settled() {
		if err := t.file.Datasync(); err != nil {
			return err
		}
	}
	offset := int64(slotOffset(t.entry.size, 1-t.entry.index))
	buf := t.store.buffer()
	defer t.store.buffers.Put(buf)
	*buf = appendSlot((*buf)[:0], t.entry.seq+1, r)
	err := t.file.WriteAt(*buf, offset)
	*buf = (*buf)[:cap(*buf)]
	if err == nil {
		err = t.file.Datasync()
	}
	if err == nil {
		err = t.file.SetTime(r.Written) // after the sync: see settled
	}
	if err != nil {
		t.undo(offset)
	}
	return err
}

// settled tells whether the slot that holds the entry is known to be on the disk. A process that was killed before it synced leaves one
// that is valid to all who look, while the last acknowledged value stands in the other one, which is about to be overwritten:
// the disk could then have neither. The file's time says who came to the end: it is that of the record only since the
// sync. A use that was recorded since only costs a sync too many.
func (t *target) settled() bool { return t.info.Time.Equal(t.entry.Written) }

// undo empties the slot again, after an error. It is not synced: a sync that failed is not tried again on the same file, and
// whether the new value is on the disk is not known then.
func (t *target) undo(offset int64) {
	if offset < t.info.Size || t.file.Truncate(t.info.Size) != nil {
		t.file.WriteAt(make([]byte, slotHead), offset)
	}
	t.file.SetTime(t.info.Time)
}

// replace writes r to a new file and gives it the entry's name. The old file keeps a name until the new one's is safe, so that it
// can come back.
func (t *target) replace(r *record.Record) error {
	temp := newTemp()
	if err := t.create(temp, r); err != nil {
		return err
	}
	backup, err := t.place(temp)
	if err != nil {
		t.folder.Remove(temp)
		return err
	}
	if err = t.folder.Sync(); err != nil {
		switch {
		case backup != "":
			t.folder.Rename(backup, t.name)
			return err
		case !t.live:
			t.folder.Remove(t.name)
		}
	}
	if backup != "" {
		t.folder.Remove(backup)
	}
	return err
}

// place moves the file temp to the entry's name. A live entry's old file is then found under the name backup. The two change names
// where that can be done: so no more than one temporary file is left by a kill. The last resort is "", on a file system without
// second names: then an error from the last sync leaves it open which value stands.
func (t *target) place(temp string) (backup string, err error) {
	if t.live {
		if err := t.folder.Exchange(temp, t.name); !errors.Is(err, errors.ErrUnsupported) {
			return temp, err
		}
		backup = newTemp()
		if t.folder.Link(t.name, backup) != nil {
			backup = ""
		}
	}
	if err = t.folder.Rename(temp, t.name); err != nil && backup != "" {
		t.folder.Remove(backup)
		backup = ""
	}
	return backup, err
}

// create writes a whole new file under the name temp, or leaves none.
func (t *target) create(temp string, r *record.Record) error {
	f, err := t.folder.Create(temp)
	if err != nil {
		return err
	}
	buf := t.store.buffer()
	defer t.store.buffers.Put(buf)
	data := appendFile((*buf)[:0], r)
	if r.Size() <= maxInPlace { // a large one is not kept
		*buf = data[:cap(data)]
	}
	err = f.WriteAt(data, 0)
	if err == nil {
		err = f.SetTime(r.Written)
	}
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		t.folder.Remove(temp)
	}
	return err
}

// remove takes the entry out of its place. It is moved aside first, so that it can come back if the sync fails. The folder is synced also
// where nothing was there: somebody may have been killed between the removal and the sync.
func (t *target) remove() error {
	aside := ""
	if t.there || t.corrupt != nil {
		aside = newTemp()
		if err := t.folder.Rename(t.name, aside); err != nil {
			return err
		}
	}
	err := t.folder.Sync()
	switch {
	case aside == "":
	case err != nil:
		t.folder.Rename(aside, t.name)
	default:
		t.folder.Remove(aside)
	}
	return err
}

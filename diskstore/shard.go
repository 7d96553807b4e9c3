package diskstore

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/larder-go/larder/internal/folder"
)

// shards are the folders of a store. Each is opened when it is first needed and stays open: a file is then found by one
// look-up in it, whatever the store's own path is.
type shards struct {
	root   *folder.Folder
	rootMu sync.RWMutex // held by who uses root without holding a shard, be it long, and to close it
	all    [shardCount]shard
}

// shard is one folder. Whoever writes in it, and whoever refreshes an atime, holds its lock: first sem, against the goroutines of
// this process, and then the lock of the open folder itself, against all others. Readers hold neither.
type shard struct {
	sem chan struct{} // of one, and not a mutex, so that a context can end the wait

	mu     sync.RWMutex   // guards what follows; readers hold it while they open a file, so that the descriptor stays theirs
	folder *folder.Folder // nil: not opened yet; once open, it changes only under sem too
	closed bool

	safe bool // the folder's own name survives a power cut; guarded by sem
}

func (s *shards) init(root *folder.Folder) {
	s.root = root
	for i := range s.all {
		s.all[i].sem = make(chan struct{}, 1)
	}
}

// close waits until nobody is at work in a folder. Nobody waits for a lock by now, and nobody opens a folder that was closed here,
// so that none of them uses root, which comes last.
func (s *shards) close() {
	for i := range s.all {
		sh := &s.all[i]
		sh.sem <- struct{}{}
		sh.mu.Lock()
		sh.drop()
		sh.closed = true
		sh.mu.Unlock()
		<-sh.sem
	}
	s.rootMu.Lock()
	s.root.Close()
	s.rootMu.Unlock()
}

func (sh *shard) drop() {
	if sh.folder != nil {
		sh.folder.Close()
		sh.folder = nil
	}
}

// openFile opens the file at p for reading, without the lock.
func (s *shards) openFile(p place) (folder.File, error) {
	sh, err := s.hold(p.shard)
	if err != nil {
		return folder.File{}, err
	}
	defer sh.mu.RUnlock()
	f, err := sh.folder.Open(p.name)
	if errors.Is(err, fs.ErrNotExist) && sh.folder.Gone() {
		err = errGone
	}
	return f, err
}

// errGone says that the folder which a shard has open was removed: another may stand there now. Who takes the lock gets that one.
var errGone = errors.New("the folder was removed")

// hold sees to it that the folder i is open, and stays so until mu.RUnlock, which must be soon: Close waits. Where there is no such
// folder the error is fs.ErrNotExist.
func (s *shards) hold(i int) (*shard, error) {
	sh := &s.all[i]
	sh.mu.RLock()
	for sh.folder == nil {
		sh.mu.RUnlock()
		if err := s.open(i); err != nil {
			return nil, err
		}
		sh.mu.RLock()
	}
	return sh, nil
}

// open opens the folder i. Where it is open already, which each write asks, that takes no more than a reader's lock: one that waited to
// be alone would hold up every reader who comes after it.
func (s *shards) open(i int) error {
	sh := &s.all[i]
	sh.mu.RLock()
	isOpen := sh.folder != nil
	sh.mu.RUnlock()
	if isOpen {
		return nil
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.closed {
		return os.ErrClosed
	}
	if sh.folder != nil {
		return nil
	}
	d, err := s.root.OpenSub(shardName(i))
	if err != nil {
		return err
	}
	sh.folder = d
	return nil
}

// lock takes the lock of the folder i and returns the folder, until unlock. With create the folder is made if it is missing;
// otherwise the error is fs.ErrNotExist. The wait ends with ctx, or with the store.
func (s *Store) lock(ctx context.Context, i int, create bool) (*folder.Folder, error) {
	sh := &s.shards.all[i]
	select {
	case sh.sem <- struct{}{}:
	case <-s.closed:
		return nil, os.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	d, err := s.lockFolder(ctx, i, create)
	if err != nil {
		<-sh.sem
	}
	return d, err
}

func (s *Store) unlock(i int, d *folder.Folder) {
	d.Unlock() // an error would leave it locked until Close; there is nothing better to do with it
	<-s.shards.all[i].sem
}

// lockFolder is the part of lock that happens under sem.
func (s *Store) lockFolder(ctx context.Context, i int, create bool) (*folder.Folder, error) {
	sh := &s.shards.all[i]
	for {
		if err := s.ready(ctx); err != nil {
			return nil, err
		}
		err := s.shards.open(i)
		if create && errors.Is(err, fs.ErrNotExist) {
			if err = s.shards.root.MakeSub(shardName(i)); err == nil || errors.Is(err, fs.ErrExist) {
				sh.safe = false
				err = s.shards.open(i)
			}
		}
		if err != nil {
			return nil, err
		}
		d := sh.folder // stays, since we hold sem
		if err := s.wait(ctx, d); err != nil {
			return nil, err
		}
		if !d.Gone() {
			if err := s.settle(sh, create); err != nil {
				d.Unlock()
				return nil, err
			}
			return d, nil
		}
		// Somebody has removed the folder: what we wrote there would be lost.
		sh.mu.Lock()
		sh.drop()
		sh.mu.Unlock()
	}
}

// settle syncs the store's folder before this store first writes in one of its folders. Whoever made that one may have been killed
// before it did so.
func (s *Store) settle(sh *shard, create bool) error {
	if sh.safe || !create {
		return nil
	}
	if err := s.shards.root.Sync(); err != nil {
		return err
	}
	sh.safe = true
	return nil
}

// Another process holds the lock of a folder for one write, some hundred microseconds. Who waits looks again after growing pauses
// rather than sleep in the kernel, where no context would reach it.
const (
	minPause = 50 * time.Microsecond
	maxPause = 2 * time.Millisecond
)

func (s *Store) wait(ctx context.Context, d *folder.Folder) error {
	for pause := minPause; ; pause = min(2*pause, maxPause) {
		if ok, err := d.TryLock(); ok || err != nil {
			return err
		}
		if err := s.sleep(ctx, pause/2+rand.N(pause)); err != nil {
			return err
		}
	}
}

func (s *Store) sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-s.closed:
		return os.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

package diskstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"sort"
	"strings"
	"syscall"

	"github.com/larder-go/larder/internal/folder"
	"github.com/larder-go/larder/store"
)

// digest is the name of an entry in a quarter of the memory.
type digest [sha256.Size]byte

func (g *digest) place() place { return place{int(g[0]), hex.EncodeToString(g[:])} }

// List reads the names of one folder at a time, and then the entries one by one. Nothing is open while the body runs.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) { s.list(ctx, "list", prefix, 0, nil, yield) }
}

// ListAfter is List, whose order is that of the names: of the hashes of the keys.
func (s *Store) ListAfter(ctx context.Context, prefix, after string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		if after == "" {
			s.list(ctx, "list after", prefix, 0, nil, yield)
			return
		}
		if err := store.CheckKey(after); err != nil {
			yield(store.Info{}, wrap("list after", fmt.Errorf("the key to begin behind: %w", err)))
			return
		}
		last := digest(sha256.Sum256([]byte(after)))
		s.list(ctx, "list after", prefix, int(last[0]), &last, yield)
	}
}

// list begins in the folder first, and there behind the name last, if there is one.
func (s *Store) list(ctx context.Context, op, prefix string, first int, last *digest, yield func(store.Info, error) bool) {
	for i := first; i < shardCount; i++ {
		names, err := s.names(ctx, i)
		if err != nil {
			yield(store.Info{}, wrap(op, err))
			return
		}
		for _, g := range names {
			if i == first && last != nil && bytes.Compare(g[:], last[:]) <= 0 {
				continue
			}
			info, err := s.info(ctx, g.place())
			if err == nil && (!strings.HasPrefix(info.Key, prefix) || store.Reserved(info.Key)) || errors.Is(err, store.ErrNotFound) {
				continue
			}
			if !yield(info, wrap(op, err)) || err != nil && !errors.Is(err, store.ErrCorrupt) {
				return
			}
		}
	}
}

// names returns what in the folder i is named as an entry, each name once.
func (s *Store) names(ctx context.Context, i int) ([]digest, error) {
	var names []digest
	err := s.visit(ctx, i, func(_ *folder.Folder, name string) error {
		var g digest
		if isEntry(i, name) {
			hex.Decode(g[:], []byte(name))
			names = append(names, g)
		}
		return nil
	})
	return distinct(names), err
}

// distinct sorts names and drops what is there twice: some file systems, tmpfs among them, tell again of a file that took its name anew
// while they were telling.
func distinct(names []digest) []digest {
	sort.Sort(digests(names))
	return slices.Compact(names)
}

// digests sort themselves: slices.SortFunc is made anew for each type that it sorts, and has twenty kilobytes.
type digests []digest

func (d digests) Len() int           { return len(d) }
func (d digests) Less(i, j int) bool { return bytes.Compare(d[i][:], d[j][:]) < 0 }
func (d digests) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }

// visit calls fn with each name in the folder i, if there is one, and perhaps with some twice. What stands in the place of a folder and is none is not ours.
//
// It opens the folder once more, for itself: a folder may hold very many files, and whoever reads or writes one of them meanwhile must
// not wait for it. Only Close does.
func (s *Store) visit(ctx context.Context, i int, fn func(d *folder.Folder, name string) error) error {
	s.shards.rootMu.RLock()
	defer s.shards.rootMu.RUnlock()
	if err := s.ready(ctx); err != nil {
		return err
	}
	d, err := s.shards.root.OpenSub(shardName(i))
	if err == nil {
		defer d.Close()
		err = d.Names(func(name string) error {
			if err := s.ready(ctx); err != nil {
				return err
			}
			return fn(d, name)
		})
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP) {
		return nil
	}
	return err
}

// info tells of the entry at p, or returns ErrNotFound where there is none that is live.
func (s *Store) info(ctx context.Context, p place) (info store.Info, err error) {
	if err := s.ready(ctx); err != nil {
		return info, err
	}
	buf := s.buffer()
	defer s.buffers.Put(buf)
	e, err := s.readAt(ctx, p, "", glance, buf)
	switch {
	case errors.Is(err, errNotFile), errors.Is(err, syscall.EISDIR): // not ours
		return info, store.ErrNotFound
	case err != nil:
		return info, err
	case placeOf(e.Key) != p:
		return info, errMisplaced
	}
	return store.Info{Key: e.Key, Size: int64(len(e.Value)), Atime: e.atime, Expires: e.Expires}, nil
}

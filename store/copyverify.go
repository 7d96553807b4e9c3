package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"
)

// What a comparison finds of one entry.
const (
	isSame outcome = iota
	isChanged
	isNewer
	isMissing
	isDifferent
	isDamaged
	isAbsent // gone from the source: not counted
	isUnknown
)

// compared is what was found of one entry.
type compared struct {
	key     string
	outcome outcome
	sums    [2]copySum
	err     error
}

type copySum [sha256.Size]byte

// sums of all entries, in any order.
func (s *copySum) add(other copySum) {
	for i := range s {
		s[i] ^= other[i]
	}
}

// verify compares what the source lists with what the target has.
func (c *copier) verify() error {
	c.report.Verifying = true
	n, sums := 0, [2]copySum{}
	v := &c.report.Verify
	err := through(c, relay[listed, compared]{work: c.compare, size: listed.size, fold: func(r compared) bool {
		n++
		switch r.outcome {
		case isRestarted:
			n, sums, *v = 0, [2]copySum{}, VerifyReport{}
		case isSame:
			v.Same++
		case isChanged:
			v.Changed++
		case isNewer:
			v.Newer++
		case isMissing:
			v.Missing++
		case isDifferent:
			v.Different++
		case isDamaged:
			v.Corrupt++
		case isUnknown:
			c.stop(r.err)
		}
		if r.err != nil && r.outcome != isUnknown {
			c.problem(n, r.key, r.err)
		}
		for i := range sums {
			sums[i].add(r.sums[i])
		}
		return c.stopped == nil
	}}, c.src.list(c.ctx, c.o.Prefix, ""))
	v.SourceSum, v.TargetSum = hex.EncodeToString(sums[0][:]), hex.EncodeToString(sums[1][:])
	return err
}

// compare looks at both sides of one entry.
func (c *copier) compare(ctx context.Context, l listed) compared {
	key := l.info.Key
	switch {
	case l.again:
		return compared{outcome: isRestarted}
	case l.err != nil:
		return unlike(key, l.err)
	}
	ours, err := c.src.read(ctx, l.info)
	if err == ErrNotFound || err == nil && c.dst.tooOld(ours) {
		return compared{key: key, outcome: isAbsent}
	} else if err != nil {
		return unlike(key, err)
	}
	theirs, err := c.dst.read(ctx, key)
	if errors.Is(err, ErrInvalidKey) { // the view is of a prefix that leaves no room for it
		err = ErrNotFound
	}
	if err != nil && err != ErrNotFound {
		return unlike(key, err)
	}
	if err == nil && bytes.Equal(ours.Value, theirs.Value) && (!c.dst.swaps || sameTime(ours.Expires, theirs.Expires)) {
		s := copyDigest(key, ours.Value)
		return compared{key: key, outcome: isSame, sums: [2]copySum{s, s}}
	}
	return c.judge(ctx, key, ours, theirs)
}

// judge says how two entries that differ came to. theirs is nil where there is none. What was not seen to change is no change: an alarm too many is
// better than one too few, and to compare once more tells.
func (c *copier) judge(ctx context.Context, key string, ours, theirs *Item) compared {
	again, err := c.src.read(ctx, Info{Key: key})
	switch {
	case err == ErrNotFound:
		return compared{key: key, outcome: isAbsent}
	case err != nil:
		return unlike(key, err)
	case theirs == nil:
		return compared{key: key, outcome: isMissing, sums: [2]copySum{copyDigest(key, ours.Value)}, err: fmt.Errorf("%w: it is missing there", ErrDiffers)}
	case again.Version != ours.Version, c.changed(key, ours) && ours.Atime.After(theirs.Atime.Add(granularity)):
		return compared{key: key, outcome: isChanged}
	case !ours.Atime.IsZero() && theirs.Atime.After(ours.Atime.Add(granularity)):
		return compared{key: key, outcome: isNewer}
	}
	err = fmt.Errorf("%w: it has another value there", ErrDiffers)
	if bytes.Equal(ours.Value, theirs.Value) {
		err = fmt.Errorf("%w: it has another deadline there", ErrDiffers)
	}
	return compared{key: key, outcome: isDifferent, sums: [2]copySum{copyDigest(key, ours.Value), copyDigest(key, theirs.Value)}, err: err}
}

// recent remembers versions of what this run has written.
type recent struct {
	mu       sync.Mutex
	seed     maphash.Seed
	versions map[uint64]uint64 // hashes: of key and of version
}

const (
	// clockDoubt is how far the clocks of this machine and of a source may be apart.
	clockDoubt = 2 * time.Minute

	mostRecent = 1 << 17 // some megabytes
)

// remember notes the version in which an entry was copied. What was used lately will be again, so half of the room is for that.
func (c *copier) remember(key string, item *Item) {
	r := &c.recent
	if !c.o.Verify || item.Version == "" {
		return
	}
	room := mostRecent / 2
	if item.Atime.After(c.begun.Add(-clockDoubt)) {
		room = mostRecent
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.versions == nil {
		r.seed, r.versions = maphash.MakeSeed(), make(map[uint64]uint64)
	}
	if len(r.versions) < room {
		r.versions[maphash.String(r.seed, key)] = maphash.String(r.seed, string(item.Version))
	}
}

// changed reports that the source's entry was written since this run has copied it, so far as that is remembered.
func (c *copier) changed(key string, item *Item) bool {
	r := &c.recent
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.versions == nil {
		return false
	}
	version, ok := r.versions[maphash.String(r.seed, key)]
	return ok && version != maphash.String(r.seed, string(item.Version))
}

func unlike(key string, err error) compared {
	if errors.Is(err, ErrCorrupt) {
		return compared{key: key, outcome: isDamaged, err: err}
	}
	return compared{key: key, outcome: isUnknown, err: err}
}

// read looks at an entry of the target.
func (t *target) read(ctx context.Context, key string) (item *Item, err error) {
	err = t.patience.do(ctx, func() (err error) {
		if t.swaps {
			item, err = Peek(ctx, t.s, key)
			return err
		}
		value, err := t.s.Get(ctx, key)
		item = &Item{Value: value}
		return err
	})
	return item, err
}

// sameTime compares deadlines, within what backends make of them.
func sameTime(a, b time.Time) bool {
	return a.IsZero() == b.IsZero() && a.Sub(b).Abs() <= granularity
}

func copyDigest(key string, value []byte) copySum {
	h := sha256.New()
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(key)))
	h.Write(length[:])
	h.Write([]byte(key))
	h.Write(value)
	return copySum(h.Sum(nil))
}

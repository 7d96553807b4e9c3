package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"strconv"
)

// PutItems writes entries to dst as [Copy] does: with their atime and deadline, as CopyOptions say, in parallel. Versions are ignored. An error
// that comes with an entry is counted as Corrupt if it wraps [ErrCorrupt], and ends the copy otherwise. A [Reserved] key is [ErrInvalidKey].
//
// With a Checkpoint, as many pairs of items are skipped as earlier runs have dealt with. A SHA-256 of them tells whether they are the same, in the
// same order; where they are not, all begins anew, by ranging over items a second time. Where that does not bring them again, PutItems ends
// with an error, and begins anew when it is called again.
func PutItems(ctx context.Context, dst Store, items iter.Seq2[Entry, error], o *CopyOptions) (CopyReport, error) {
	c, err := newCopier(ctx, dst, o)
	c.o.Prefix, c.o.Verify = "", false
	if err == nil {
		err = c.resume()
	}
	if err == nil {
		err = through(c, relay[found, copyResult]{work: c.putOne, fold: c.count, size: func(f found) int64 { return f.size() }}, c.pairs(items))
	}
	return c.end(err)
}

var errOtherItems = errors.New("these are not the items of the run that was to be continued, and cannot be had twice; run it again, and it begins anew")

// pairs makes one of two, and leaves out the first ones if an earlier run has dealt with them.
func (c *copier) pairs(items iter.Seq2[Entry, error]) iter.Seq[found] {
	return func(yield func(found) bool) {
		skip, _ := strconv.Atoi(c.position)
		n, sum, want := 0, copySum{}, c.sum
		for e, err := range items {
			if n >= skip {
				if !yield(found{e, err}) {
					return
				}
				continue
			}
			if err != nil && !errors.Is(err, ErrCorrupt) { // it is not of an entry
				yield(found{e, err})
				return
			}
			sum = sum.then(e.digest(err))
			if n++; n == skip && sum != want {
				break
			}
		}
		if n == skip && sum == want { // also where nothing was skipped
			return
		}
		if err := c.anew(); err != nil {
			yield(found{err: err})
			return
		}
		seen, again := 0, copySum{}
		for e, err := range items {
			if seen < n {
				again = again.then(e.digest(err))
				seen++
			}
			if err == nil && seen == n && again != sum { // the rest of what can be had once only
				break
			}
			if !yield(found{e, err}) {
				return
			}
		}
		if seen < n || again != sum {
			yield(found{err: Wrap("store", "copy", errOtherItems)})
		}
	}
}

// then returns the sum of a sequence that goes on with next.
func (s copySum) then(next copySum) copySum {
	return sha256.Sum256(append(s[:], next[:]...))
}

// digest is the sum of all that an entry is, or of its error.
func (e *Entry) digest(err error) copySum {
	if err != nil {
		return copySum{}
	}
	h := sha256.New()
	var times [4]int64
	if !e.Atime.IsZero() {
		times[0], times[1] = e.Atime.Unix(), int64(e.Atime.Nanosecond())+1
	}
	if !e.Expires.IsZero() {
		times[2], times[3] = e.Expires.Unix(), int64(e.Expires.Nanosecond())+1
	}
	for _, t := range times {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(t)))
	}
	sum := copyDigest(e.Key, e.Value)
	h.Write(sum[:])
	return copySum(h.Sum(nil))
}

// putOne writes one entry.
func (c *copier) putOne(ctx context.Context, f found) (r copyResult) {
	switch {
	case f.err != nil:
		r = c.unread(f.Key, f.err)
	case Reserved(f.Key):
		r = copyResult{key: f.Key, outcome: isFailed, err: Wrap("store", "copy", fmt.Errorf("%w: it is one of those that Larder keeps for itself", ErrInvalidKey))}
	case c.o.DryRun:
		r = c.dst.weigh(ctx, f.Key, &f.Item, int64(len(f.Value)))
	case c.dst.has(ctx, f.Key):
		r = copyResult{key: f.Key, outcome: isKept}
	default:
		r = c.dst.put(ctx, f.Key, &f.Item)
	}
	if c.saved.on {
		r.sum = f.digest(f.err)
	}
	return r
}

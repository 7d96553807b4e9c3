package store

import (
	"bytes"
	"context"
	"errors"
	"iter"
)

// border is where an earlier run has stopped, by keys about it: a store's order is its own, and any of them may be deleted by now.
type border struct {
	keys map[string]struct{}
}

const borderKeys = 64

// newBorder returns nil where there was no earlier run.
func newBorder(position string) *border {
	if position == "" {
		return nil
	}
	return &border{map[string]struct{}{position: {}}}
}

// note notes the first keys of the list behind the border.
func (b *border) note(list iter.Seq[listed]) iter.Seq[listed] {
	if b == nil {
		return list
	}
	return func(yield func(listed) bool) {
		for l := range list {
			if l.err == nil && len(b.keys) <= borderKeys {
				b.keys[l.info.Key] = struct{}{}
			}
			if !yield(l) {
				return
			}
		}
	}
}

// copyLate goes over the list up to where an earlier run has stopped, for what came since the first one began. Their atime tells, as each writing
// sets it. Where all keys at the border are gone it goes on to the end, which costs time and nothing else.
func (c *copier) copyLate(from *border) error {
	since := c.since.Add(-clockDoubt)
	list := c.src.list(c.ctx, c.o.Prefix, "")
	return through(c, relay[listed, copyResult]{work: c.lateOne, fold: c.countLate, size: listed.size}, func(yield func(listed) bool) {
		for l := range list {
			_, last := from.keys[l.info.Key]
			switch {
			case l.err != nil && errors.Is(l.err, ErrCorrupt): // it was counted, or tells no time
				continue
			case l.err == nil && !l.info.Atime.IsZero() && l.info.Atime.Before(since):
			case !yield(l):
				return
			}
			if last {
				return
			}
		}
	})
}

// lateOne copies one entry unless it is what it was.
func (c *copier) lateOne(ctx context.Context, l listed) copyResult {
	if l.err == nil && c.o.Overwrite == OverwriteAlways {
		ours, err := c.src.read(ctx, l.info)
		if err != nil {
			return c.unread(l.info.Key, err)
		}
		theirs, err := c.dst.read(ctx, l.info.Key)
		if err == nil && bytes.Equal(ours.Value, theirs.Value) && sameTime(ours.Expires, theirs.Expires) && !older(theirs, ours) {
			return copyResult{key: l.info.Key, outcome: isKept}
		}
	}
	return c.one(ctx, l)
}

// countLate counts what was written, and what could not be. The rest is counted already.
func (c *copier) countLate(r copyResult) (more bool) {
	switch r.outcome {
	case isStopped:
		c.stop(r.err)
		return false
	case isCopied:
		c.report.Late++
		c.settled.Late++
		c.settled.Copied++
		c.settled.Bytes += r.bytes
		c.report.Copied++
		c.report.Bytes += r.bytes
	case isCorrupt:
		c.report.Corrupt++
	case isFailed:
		c.report.Failed++
	default:
		return c.stopped == nil
	}
	c.n++
	if r.err != nil {
		if c.cause == nil {
			c.cause = r.err
		}
		c.problem(c.n, r.key, r.err)
	}
	return c.stopped == nil
}

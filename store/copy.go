package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// What [Copy] and [PutItems] end with where they went through to the end, but not all is as it should be. Each entry's own error reaches
// [CopyOptions.Problem].
var (
	// ErrPartial says that some entries could not be copied; the others were.
	ErrPartial = errors.New("not every entry was copied")

	// ErrDiffers says that a verification found entries missing in the target, or with another value or deadline.
	ErrDiffers = errors.New("the target differs from the source")

	// ErrDeadlineLost is the error of an entry with a deadline whose target cannot keep one, as it has no Swap. The entry is not copied: it would
	// live for longer than it may.
	ErrDeadlineLost = errors.New("the target keeps no deadlines")

	// ErrSameStore says that source and target are one.
	ErrSameStore = errors.New("source and target are the same store")
)

// Overwrite says what a copy does with an entry that the target has already.
type Overwrite int

const (
	OverwriteNever  Overwrite = iota // it stays
	OverwriteOlder                   // it is replaced where its recorded atime is known and before that of the source's
	OverwriteAlways                  // it is replaced
)

func (o Overwrite) String() string {
	switch o {
	case OverwriteNever:
		return "never"
	case OverwriteOlder:
		return "older"
	case OverwriteAlways:
		return "always"
	}
	return fmt.Sprintf("Overwrite(%d)", int(o))
}

// CopyOptions are the options of [Copy] and [PutItems]. nil means the zero value.
type CopyOptions struct {
	Prefix    string    // only keys that begin so; they stay as they are. Not for PutItems
	Workers   int       // how many entries are copied at a time; ≤ 0: 8
	Rate      float64   // entries per second, of all workers together; ≤ 0: as many as go
	Overwrite Overwrite // what happens with an entry that is there already
	DryRun    bool      // count what would be copied, write nothing. With Verify nothing is copied or counted, but verified

	// Verify compares both sides, key by key, once all is copied. Where programs still write to the source, what they have written since it was
	// listed is found missing or different. Not for PutItems.
	Verify bool

	// Checkpoint is a name under which the target keeps how far the copy has come, until it is through. A copy that was killed goes on
	// from there if it is started again with the same name, source, prefix and Overwrite, and in the end goes once more over the list up to
	// there, for what came to the source or was used there since the first run began: what of that is new arrives, and what has changed, as
	// Overwrite says. Who writes to the source with an atime in the past, as another copy does, is not seen by that, but by Verify; what was deleted
	// stays in the target. The entry is reserved and has a deadline of seven days. It needs a target with Swap; where the source cannot
	// [ListAfter] none is kept, and a copy begins anew. "": none.
	Checkpoint string

	// Patience is how long an outage of either side is waited out, with growing pauses, before the copy ends with its error. 0: 30 seconds;
	// negative: not at all. A list that an outage has ended is taken up again where it was if the source can [ListAfter], and else begun anew:
	// then what was copied is looked at once more, which for OverwriteOlder is a reading of both sides and for OverwriteAlways another
	// writing, and is counted again, as kept or copied.
	Patience time.Duration

	// Progress is called some ten times a second and at the end, from the goroutine of the caller.
	Progress func(CopyReport)

	// Problem is called for each entry that is corrupt, failed or differs, from the goroutine of the caller.
	Problem func(CopyProblem)
}

// CopyProblem is one entry that could not be copied, or that differs.
type CopyProblem struct {
	N   int    // which it was, from 1, in the order of the list
	Key string // "" where a damaged record does not tell. It is a secret, as all keys are
	Err error
}

// CopyReport says what a copy has done so far, together with the earlier runs that it continues.
type CopyReport struct {
	Copied  int   // written, or with DryRun, that would have been
	Kept    int   // left alone, as the target had them
	Gone    int   // removed or expired while the copy ran, or unused for longer than the Timeout of the target, if that tells
	Corrupt int   // cannot be read in the source
	Failed  int   // could not be written
	Bytes   int64 // length of the values that were written
	Resumed int   // of all these entries, so many were dealt with by earlier runs
	Late    int   // of Copied: came to the source, or changed there, in front of where an earlier run had stopped

	Since time.Time // when the first of the runs began, if Resumed

	Verifying bool // the entries are copied, and are being compared
	Verify    VerifyReport
	Duration  time.Duration // of this run
}

// Done is how many entries were dealt with.
func (r CopyReport) Done() int { return r.Copied + r.Kept + r.Gone + r.Corrupt + r.Failed }

// VerifyReport says what a comparison has found so far.
type VerifyReport struct {
	Same      int // value and deadline are equal
	Changed   int // differ, and were seen to change in the source since this run copied them, or while they were compared
	Newer     int // differ, but were used later in the target than in the source: it lives already
	Missing   int // are not in the target
	Different int // have another value or deadline in the target
	Corrupt   int // cannot be read on one side

	// Sums over keys and values of the entries that are Same, Different or Missing, which go into that of the source only: equal where all of
	// them have the same values, in whatever order each side lists them. Each is the XOR of a SHA-256 per entry, in hex.
	SourceSum, TargetSum string
}

// Done is how many entries were compared.
func (r VerifyReport) Done() int {
	return r.Same + r.Changed + r.Newer + r.Missing + r.Different + r.Corrupt
}

// Copy writes all entries of src to dst, with their atime and deadline: what was idle for an hour here is idle for an hour there. Nothing is removed
// from either side, reading is no use of an entry, and no more than some 64 MiB of values, or a single larger one, are in memory at a time.
//
// src must list. Where it has no Peek, it is read by Get, which is a use. Where dst has no Swap, entries are written by Set: they count as
// used now, those with a deadline fail with [ErrDeadlineLost], two writers may race, and OverwriteOlder is refused. Entries are written on
// the condition that nobody else has written them meanwhile, so that a program may use dst already.
//
// One entry that cannot be copied does not keep the others from it: in the end the error wraps [ErrPartial] and the first cause. An outage of
// either side is waited out for CopyOptions.Patience; then, or with any other error that is not one entry's own, the copy ends, and so
// it does with ctx. The report is true also when an error comes with it. Goroutines work while Copy runs and are gone when it returns.
//
// dst must not be a view of src within the prefix that is copied, for each copy would be copied in turn.
func Copy(ctx context.Context, src, dst Store, o *CopyOptions) (CopyReport, error) {
	c, err := newCopier(ctx, dst, o)
	if err == nil {
		c.src = newSource(src, c.patience)
		err = c.copyAll()
	}
	return c.end(err)
}

// copyAll is what Copy does once its options are known to make sense.
func (c *copier) copyAll() error {
	if !CanList(c.src.s) {
		return unsupported("copy from", c.src.s)
	}
	if err := c.refuseSame(); err != nil {
		return err
	}
	c.src.resumes, c.src.restarts = CanListAfter(c.src.s), true
	if c.o.DryRun && c.o.Verify {
		return c.verify()
	}
	if err := c.resume(); err != nil {
		return err
	}
	from := newBorder(c.position)
	err := through(c, relay[listed, copyResult]{work: c.one, fold: c.count, size: listed.size}, from.note(c.src.list(c.ctx, c.o.Prefix, c.position)))
	if err == nil && from != nil {
		err = c.copyLate(from)
	}
	if err == nil && c.o.Verify {
		err = c.verify()
	}
	return err
}

// one copies one entry.
func (c *copier) one(ctx context.Context, l listed) copyResult {
	switch {
	case l.again:
		return copyResult{outcome: isRestarted}
	case l.err != nil:
		return c.unread("", l.err)
	}
	key := l.info.Key
	if c.o.DryRun {
		return c.dst.weigh(ctx, key, &Item{Atime: l.info.Atime, Expires: l.info.Expires}, l.info.Size)
	}
	if c.dst.has(ctx, key) {
		return copyResult{key: key, outcome: isKept}
	}
	item, err := c.src.read(ctx, l.info)
	if err != nil {
		return c.unread(key, err)
	}
	r := c.dst.put(ctx, key, item)
	if r.outcome == isCopied {
		c.remember(key, item)
	}
	return r
}

// unread says what becomes of an entry that the source did not give.
func (c *copier) unread(key string, err error) copyResult {
	switch {
	case err == ErrNotFound:
		return copyResult{key: key, outcome: isGone}
	case errors.Is(err, ErrCorrupt):
		return copyResult{key: key, outcome: isCorrupt, err: err}
	}
	return copyResult{key: key, outcome: isStopped, err: err}
}

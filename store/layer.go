package store

import (
	"context"
	"errors"
	"hash/maphash"
	"iter"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// LayerOptions are the options of [Layer]. nil means the zero value.
type LayerOptions struct {
	// MaxAge is how long a copy may answer in place of the slow store: what another program has changed or deleted there is seen here after
	// MaxAge at the latest. ≤ 0 means one minute.
	MaxAge time.Duration

	// Loads lets copies answer Load, too, and not only Get. A Swap on what an old copy said is a conflict, and drops the copy, so that
	// [Update] and the sessions of package session lose nothing by it. Without Loads every Load is the slow store's.
	Loads bool
}

// defaultMaxAge is short enough to wait for after a logout elsewhere, and long enough to spare the slow store nearly all reads of what is hot.
const defaultMaxAge = time.Minute

// Layer returns slow with copies of what was read lately in fast: typically a [Map] or memcached before Postgres. Every ability is slow's, and
// so is every answer but those to Get, Contains and Touch, and Load where the options say so.
//
// Writes go to slow, and then drop the copy. What this Layer has written, deleted or swept is never read as it was before, whether or not the copy
// could be dropped; between several Layers, in one program or many, a copy is at most MaxAge old, and twice that where their clocks are
// MaxAge apart. Nothing is remembered of what is not there.
//
// A copy answers only as long as slow need not record the use; then slow is read, which does. So slow keeps what is hot, and no cleanup takes it,
// wherever it runs. With a negative TouchAfter every use is to be recorded, and no copy ever answers. That of a slow store without Swap
// tells no atime: there the last uses that copies answered may stay unrecorded, up to [Expiry.Slack]. Where slow's clock is ahead of this host's, they
// are recorded later by as much, but by no more than one slack: no copy is made of an entry whose atime lies in the future. A slow store that does not tell its
// Expiry ([ExpiryOf]) is taken to record a use each minute.
//
// That fast does not answer is no outage: slow is asked, and fast again each second. But Delete then returns an error, for another Layer may
// read the copy until MaxAge is over. A fast store that slow fills must be able to Swap, else each method returns an error that wraps
// [errors.ErrUnsupported]. It belongs to Layers over this slow store alone, so give it a [Prefix] of its own where others use it.
//
// Copies that nobody reads are removed from a Map as others come in. Any other fast store is to expire by itself, or to be cleaned up beside.
func Layer(fast, slow Store, o *LayerOptions) Store {
	if !CanSwap(fast) {
		return refused{fast}
	}
	l := &layer{fast: fast, slow: slow, maxAge: defaultMaxAge, slack: defaultTouchAfter, swaps: CanSwap(slow), tidies: inMemory(fast)}
	if o != nil && o.MaxAge > 0 {
		l.maxAge = o.MaxAge
	}
	l.loads = o != nil && o.Loads && l.swaps
	if e, err := ExpiryOf(slow); err == nil {
		l.slack = e.Slack()
	}
	l.id, l.seed, l.epoch = rand.Uint64(), maphash.MakeSeed(), time.Now()
	return l
}

var (
	_ Toucher = (*layer)(nil)
	_ Lister  = (*layer)(nil)
	_ Resumer = (*layer)(nil)
	_ Swapper = (*layer)(nil)
	_ Sweeper = (*layer)(nil)

	_ Inspector = (*layer)(nil)
	_ Expirer   = (*layer)(nil)
)

type layer struct {
	fast, slow    Store
	maxAge, slack time.Duration
	loads         bool // copies answer Load
	swaps         bool // slow can Swap, so it tells the atime with the value
	tidies        bool // fast is memory: what is over there is removed by the way

	trust
	rest   atomic.Int64 // until when fast is not asked, for it did not answer; 0: it did
	waited atomic.Int64 // for how long callers in a hurry have waited for fast in vain since it answered
	fills  atomic.Int64
}

func (l *layer) Get(ctx context.Context, key string) ([]byte, error) {
	if c, ok := l.hit(ctx, key); ok {
		return c.value(), nil
	}
	item, err := l.fetch(ctx, key)
	if err != nil {
		return nil, err
	}
	return item.Value, nil
}

// Load fills no copy unless copies answer Load: most who load swap next.
func (l *layer) Load(ctx context.Context, key string) (*Item, error) {
	if !l.loads {
		return Load(ctx, l.slow, key)
	}
	if c, ok := l.hit(ctx, key); ok && c.answersLoad() {
		return c.item(), nil
	}
	return l.fetch(ctx, key)
}

func (l *layer) Contains(ctx context.Context, key string) (bool, error) {
	if _, ok := l.hit(ctx, key); ok {
		return true, nil
	}
	return l.slow.Contains(ctx, key)
}

// Touch has nothing to do where slow would record nothing.
func (l *layer) Touch(ctx context.Context, key string) error {
	if _, ok := l.hit(ctx, key); ok {
		return nil
	}
	return Touch(ctx, l.slow, key)
}

// hit returns the copy of the entry under key, if one stands that may answer. Where fast finds fault with the call, slow will, too.
func (l *layer) hit(ctx context.Context, key string) (c copied, ok bool) {
	if Reserved(key) || !l.quiet(key) { // a lease must not be read as it was
		return nil, false
	}
	a, ok := l.ask(ctx)
	if !ok {
		return nil, false
	}
	c, err := l.fast.Get(a.ctx, key)
	if err != nil || a.cancel != nil || l.waited.Load() != 0 {
		l.asked(a, err)
	}
	return c, err == nil && c.valid() && l.trusts(c, key)
}

// fetch reads slow and puts a copy into fast.
func (l *layer) fetch(ctx context.Context, key string) (*Item, error) {
	// What was written before this moment is in what is read now; what is written later makes the copy void.
	tick, fetched := l.tick(), time.Now()
	item, err := l.read(ctx, key)
	if err != nil {
		return nil, err
	}
	if c := l.copyOf(item, tick, fetched); c != nil && !Reserved(key) {
		l.fill(ctx, key, c)
	}
	return item, nil
}

func (l *layer) read(ctx context.Context, key string) (*Item, error) {
	if l.swaps {
		return Load(ctx, l.slow, key)
	}
	value, err := l.slow.Get(ctx, key)
	return &Item{Value: value}, err
}

// fill puts c into fast. Whether it succeeds is nobody's concern.
func (l *layer) fill(ctx context.Context, key string, c copied) {
	s := l.slot(key)
	s.filling.Add(1) // before the look at writes: a write that is not seen there sees this
	defer s.filling.Add(-1)
	if !s.unwritten(c.tick()) {
		return
	}
	a, ok := l.ask(ctx)
	if !ok {
		return
	}
	err := l.put(a.ctx, key, c)
	l.asked(a, err)
	if err != nil && !errors.Is(err, ErrConflict) && !errors.Is(err, ErrTooLarge) {
		l.lose(s, c.tick()) // it may yet arrive, after a write has dropped the copy
	}
	if l.tidies && l.fills.Add(1)%tidyEvery == 0 {
		l.tidy(ctx)
	}
}

// put creates the copy, or replaces one that was read from slow earlier.
func (l *layer) put(ctx context.Context, key string, c copied) error {
	fresh := &Item{Value: c, Expires: c.until()}
	_, err := Swap(ctx, l.fast, key, "", fresh)
	if !errors.Is(err, ErrConflict) {
		return err
	}
	there, err := Peek(ctx, l.fast, key)
	if err != nil {
		return err
	}
	if old := copied(there.Value); old.valid() && !old.before(c) {
		return ErrConflict
	}
	_, err = Swap(ctx, l.fast, key, there.Version, fresh)
	return err
}

func (l *layer) Peek(ctx context.Context, key string) (*Item, error) { return Peek(ctx, l.slow, key) }

func (l *layer) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return List(ctx, l.slow, prefix)
}

func (l *layer) ListAfter(ctx context.Context, prefix, after string) iter.Seq2[Info, error] {
	return ListAfter(ctx, l.slow, prefix, after)
}

// Expiry is slow's: what fast forgets is only a copy.
func (l *layer) Expiry() (Expiry, error) { return ExpiryOf(l.slow) }

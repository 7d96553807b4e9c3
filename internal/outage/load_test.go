package outage

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/larder-go/larder/store"
)

// load is many goroutines that use one store. Each has keys that only it writes, so that it knows what stands there; all read keys that
// nobody writes and that are there.
type load struct {
	store    store.Store
	name     string        // every key begins with it
	own      time.Duration // the store's own time-out
	pace     time.Duration // longest pause between two operations of one goroutine
	clock    *control
	deadline atomic.Int64          // of operations that have one, from now on
	gone     atomic.Bool           // the server forgets everything when it is back
	settles  time.Duration         // how long after the server's return everything works
	memory   bool                  // where the server refuses, the store asks again only every second
	calm     bool                  // nobody cancels and nobody has a deadline: what failed has happened by the next success, or never will
	lost     func(key string) bool // whether the server that goes away has the key; nil: there is one server
	steady   []string
	workers  []*worker

	quit    chan struct{}
	running sync.WaitGroup
}

const (
	goroutines  = 32
	keysEach    = 3
	steadyKeys  = 24
	patient     = time.Second            // deadline while nothing is wrong
	impatient   = 200 * time.Millisecond // deadline in an outage
	cancelled   = 100 * time.Millisecond // a caller who goes away does so within this time
	usualPace   = 30 * time.Millisecond
	steadyValue = 1
)

func newLoad(s store.Store, name string, own time.Duration, clock *control, seed uint64) *load {
	l := &load{store: s, name: name, own: own, pace: usualPace, settles: recovery, clock: clock}
	l.deadline.Store(int64(patient))
	for i := range steadyKeys {
		l.steady = append(l.steady, fmt.Sprintf("%s/steady/%d", name, i))
	}
	for i := range goroutines {
		w := &worker{load: l, rng: rand.New(rand.NewPCG(seed, uint64(i)))}
		for j := range keysEach {
			w.entries = append(w.entries, &entry{key: fmt.Sprintf("%s/%d/%d", name, i, j)})
		}
		l.workers = append(l.workers, w)
	}
	return l
}

// seed writes the keys that are to be there.
func (l *load) seed(ctx context.Context) error {
	for _, key := range l.steady {
		if err := l.store.Set(ctx, key, value(key, steadyValue)); err != nil {
			return err
		}
	}
	return nil
}

func (l *load) start() {
	l.quit = make(chan struct{})
	for _, w := range l.workers {
		l.running.Go(func() {
			for w.wait() {
				w.step()
			}
		})
	}
}

// stop waits for operations under way.
func (l *load) stop() {
	close(l.quit)
	l.running.Wait()
}

// kind is an operation of a store.
type kind int

const (
	opGet kind = iota
	opLoad
	opContains
	opTouch
	opSet
	opSwap
	opRemove
)

func (k kind) String() string {
	return [...]string{"Get", "Load", "Contains", "Touch", "Set", "Swap", "Delete"}[k]
}

func (k kind) reads() bool { return k <= opContains }

// record is what became of one operation. Times are the control's.
type record struct {
	kind       kind
	begin, end time.Duration
	limit      time.Duration // when it should be given up: by its deadline, by its caller, by the store itself; 0: never
	why        why
	err        error
	spared     bool   // its server stays
	wrong      string // what it returned in error, of which no outage is an excuse
}

// why is the reason for which an operation is given up.
type why int

const (
	byDeadline why = iota
	byCaller       // who cancelled
	byStore        // whose context has no end
)

// worker is one goroutine.
type worker struct {
	load    *load
	rng     *rand.Rand
	entries []*entry
	records []record
	success atomic.Int64 // when it last had one
}

func (w *worker) wait() bool {
	t := time.NewTimer(time.Duration(w.rng.Int64N(int64(w.load.pace))))
	defer t.Stop()
	select {
	case <-w.load.quit:
		return false
	case <-t.C:
		return true
	}
}

// do calls a store and records what becomes of it. wrong says what is wrong with the result.
func (w *worker) do(k kind, key string, call func(ctx context.Context) (wrong string, err error)) error {
	clock := w.load.clock
	r := record{kind: k, why: byDeadline, spared: w.load.lost != nil && !w.load.lost(key)}
	ctx, cancel := context.Background(), context.CancelFunc(func() {})
	var gaveUp atomic.Int64
	switch n := w.rng.IntN(8); {
	case n == 0 || w.load.calm:
		r.why = byStore
	case n <= 2:
		r.why = byCaller
		ctx, cancel = context.WithCancel(ctx)
		goes := time.AfterFunc(time.Duration(w.rng.Int64N(int64(cancelled))), func() {
			gaveUp.Store(int64(clock.now()))
			cancel()
		})
		defer goes.Stop()
	}
	deadline := time.Duration(w.load.deadline.Load())
	r.begin = clock.now()
	switch r.why {
	case byStore:
		r.limit = r.begin + w.load.own
	case byDeadline:
		r.limit = r.begin + deadline
		ctx, cancel = context.WithDeadline(ctx, clock.epoch.Add(r.limit))
	}
	defer cancel()
	r.wrong, r.err = call(ctx)
	r.end = clock.now()
	if r.why == byCaller {
		r.limit = time.Duration(gaveUp.Load())
		if r.limit > r.end { // too late to count
			r.limit = 0
		}
	}
	if r.err != nil && strings.Contains(r.err.Error(), key) {
		r.wrong = "the error's text shows the key"
	}
	w.records = append(w.records, r)
	if r.err == nil {
		w.success.Store(int64(r.end))
	}
	return r.err
}

// step does one operation, or a Load and a Swap.
func (w *worker) step() {
	own := w.entries[w.rng.IntN(len(w.entries))]
	switch n := w.rng.IntN(100); {
	case n < 60:
		kinds := [...]kind{opGet, opGet, opLoad, opContains, opTouch}
		if k := kinds[w.rng.IntN(len(kinds))]; w.rng.IntN(3) > 0 {
			w.read(k, w.load.steady[w.rng.IntN(len(w.load.steady))], nil)
		} else {
			w.read(k, own.key, own)
		}
	case n < 75:
		seq := own.draw()
		own.wrote(write{seq: seq, calm: w.load.calm}, "", w.do(opSet, own.key, func(ctx context.Context) (string, error) {
			return "", w.load.store.Set(ctx, own.key, value(own.key, seq))
		}))
	case n < 83:
		own.wrote(write{seq: absent, calm: w.load.calm}, "", w.do(opRemove, own.key, func(ctx context.Context) (string, error) {
			return "", w.load.store.Delete(ctx, own.key)
		}))
	default:
		w.swap(own)
	}
}

// read reads a key of its own, or a steady one, where e is nil.
func (w *worker) read(k kind, key string, e *entry) (*store.Item, error) {
	s := w.load.store
	var item *store.Item
	err := w.do(k, key, func(ctx context.Context) (string, error) {
		var err error
		seq := uint64(absent)
		switch k {
		case opGet, opLoad:
			if k == opLoad {
				item, err = store.Load(ctx, s, key)
			} else {
				var data []byte
				if data, err = s.Get(ctx, key); err == nil {
					item = &store.Item{Value: data}
				}
			}
			if err == nil {
				if seq, err = parse(key, item.Value); err != nil {
					return err.Error(), nil
				}
			}
		case opContains, opTouch: // they say only whether something is there
			there := false
			if k == opContains {
				there, err = s.Contains(ctx, key)
			} else if err = store.Touch(ctx, s, key); err == nil {
				there = true
			}
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return "", err
			}
			return w.isThere(key, e, there), nil
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return "", err
		}
		return w.isRight(key, e, seq, item), nil
	})
	return item, err
}

// isThere judges an answer that says only whether the key is there.
func (w *worker) isThere(key string, e *entry, there bool) string {
	switch {
	case w.load.gone.Load() || e != nil && w.load.forgives(key):
		return ""
	case e == nil && !there:
		return fmt.Sprintf("a key that is there is said to be absent: %q", key)
	case e != nil && !there:
		return e.check(absent)
	case e != nil && e.acked == absent && len(e.unsure) == 0:
		return fmt.Sprintf("a removal undone: %q was removed, and is there", key)
	}
	return ""
}

// forgives tells whether the key may have lost acknowledged writes: a replica takes over with what it has been told.
func (l *load) forgives(key string) bool { return l.lost != nil && l.lost(key) }

func (w *worker) isRight(key string, e *entry, seq uint64, item *store.Item) string {
	switch {
	case seq == absent && w.load.gone.Load():
		return ""
	case e == nil && seq == absent:
		return fmt.Sprintf("a key that is there is said to be absent: %q", key)
	case e == nil || w.load.forgives(key):
		return ""
	}
	wrong := e.check(seq)
	if wrong == "" && item != nil && item.Version != "" {
		wrong = e.checkVersion(seq, item.Version)
	}
	return wrong
}

// swap loads an entry of its own and swaps it, or removes it, on the version that it saw.
func (w *worker) swap(e *entry) {
	old, err := w.read(opLoad, e.key, e)
	if err != nil {
		return
	}
	var version store.Version
	if old != nil {
		version = old.Version
	}
	change := write{seq: e.draw(), onlyIf: version != "", calm: w.load.calm}
	item := &store.Item{Value: value(e.key, change.seq)}
	if version != "" && w.rng.IntN(4) == 0 {
		change.seq, item = absent, nil
	}
	var drawn store.Version
	err = w.do(opSwap, e.key, func(ctx context.Context) (wrong string, err error) {
		drawn, err = store.Swap(ctx, w.load.store, e.key, version, item)
		if errors.Is(err, store.ErrConflict) && len(e.unsure) == 0 && !w.load.gone.Load() && !w.load.forgives(e.key) {
			return fmt.Sprintf("a conflict though nobody else writes %q", e.key), nil
		}
		return "", err
	})
	if !errors.Is(err, store.ErrConflict) { // then it did not happen, and something unsure did
		e.wrote(change, drawn, err)
	}
}

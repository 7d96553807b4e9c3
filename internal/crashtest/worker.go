package crashtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/larder-go/larder/store"
)

// worker is one goroutine of a writer. Its own keys nobody else writes, so it knows what they hold and can check what it reads.
type worker struct {
	s    Opened
	id   int
	keys []string
	rng  *rand.Rand
	seq  uint64
	rest bool
	left int // operations until it falls silent; < 0: never
	redo *retry
	doom func(op string)

	known map[int]state  // own keys whose state an acknowledged write of this process settled
	last  map[int]uint64 // the latest value of each key that this worker has read
	count map[int]uint64 // own increments of each counter, as last read
}

func newWorker(s Opened, o order, id int) *worker {
	w := &worker{
		s: s, id: id, keys: allKeys(o.Workers), rng: rand.New(rand.NewPCG(o.Seed, uint64(id))), seq: o.Seq, rest: o.Rest,
		known: make(map[int]state), last: make(map[int]uint64), count: make(map[int]uint64),
	}
	begun := time.Now()
	w.doom = func(op string) {
		if o.Doom >= 0 && o.DoomOp == op && time.Since(begun) > o.DoomIn {
			_ = doom(o.Doom) // else whoever started us kills us a little later
		}
	}
	if w.left = -1; o.Ops > 0 {
		w.left = 1 + w.rng.IntN(o.Ops)
	}
	for _, r := range o.Retry {
		if r.Worker == id {
			w.redo = &r
		}
	}
	if o.Lone && w.redo == nil {
		w.left = 0
	}
	return w
}

// run works until the process ends, or until something fails: the parent has its finding then.
func (w *worker) run() {
	for ; w.left != 0; w.left-- {
		l := w.next()
		if l.op == opRest {
			if w.rest {
				time.Sleep(time.Duration(w.rng.Int64N(int64(3 * time.Millisecond))))
			}
			continue
		}
		l.what = lineBegin
		say(l)
		w.doom(l.op)
		if err := w.do(&l); err != nil {
			l.what, l.text = lineFail, err.Error()
			say(l)
			return
		}
		l.what, l.text = lineAck, ""
		say(l)
	}
}

// next draws an operation.
func (w *worker) next() line {
	l := w.draw()
	switch {
	case w.redo != nil:
		l, w.redo = line{worker: w.id, key: w.redo.Key, op: w.redo.Op}, nil
	case w.left == 1 && w.rng.IntN(2) == 0: // a removal that no later fsync covers is the one to watch
		l = line{worker: w.id, key: w.present(), op: opDel}
	}
	if writes(l.op) {
		w.seq++
		l.seq = w.seq
	}
	switch {
	case l.op == opBrief:
		l.expires = time.Now().Add(time.Duration(w.rng.Int64N(int64(3 * time.Millisecond)))).UnixNano()
	case l.op == opSwap && w.rng.IntN(3) == 0:
		l.expires = time.Now().Add(24 * time.Hour).UnixNano()
	}
	return l
}

func (w *worker) draw() line {
	l := line{worker: w.id, key: ownKey(w.id, w.rng.IntN(keysPerWorker))}
	for p := w.rng.IntN(100); ; {
		for _, part := range mix() {
			if p -= part.percent; p >= 0 {
				continue
			}
			switch l.op = part.op; l.op {
			case opIncr:
				l.key = w.rng.IntN(counters)
			case opGet:
				l.key = w.rng.IntN(len(w.keys)) // anybody's
			case opClean:
				l.key = -1
			}
			return l
		}
	}
}

type part struct {
	op      string
	percent int
}

// mix says how often each operation is done. It adds up to 100.
func mix() []part {
	return []part{
		{opSet, 28}, {opSwap, 12}, {opDel, 15}, {opIncr, 12}, {opBrief, 5}, {opDead, 7},
		{opTouch, 4}, {opGet, 8}, {opClean, 1}, {opRest, 8},
	}
}

// present is an own key that holds something, if there is one.
func (w *worker) present() (key int) {
	for _, k := range w.rng.Perm(keysPerWorker) {
		key = ownKey(w.id, k)
		if ok, _ := w.s.Contains(context.Background(), w.keys[key]); ok {
			break
		}
	}
	return key
}

func (w *worker) do(l *line) error {
	ctx := context.Background()
	var err error
	switch l.op {
	case opSet:
		err = w.s.Set(ctx, w.keys[l.key], w.value(l))
	case opDel:
		err = w.remove(ctx, l)
	case opSwap, opBrief, opDead:
		err = w.update(ctx, l)
	case opIncr:
		return w.increment(ctx, l)
	case opGet:
		return w.get(ctx, l)
	case opTouch:
		if err = w.s.Touch(ctx, w.keys[l.key]); errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	case opClean:
		_, err = w.s.Cleanup(ctx, 0)
		return err
	}
	if err == nil {
		w.known[l.key] = l.result()
	}
	return err
}

// value makes the bytes that l writes. Small sizes are the rule, or a cycle would see few operations.
func (w *worker) value(l *line) []byte {
	all := sizes()
	size := all[w.rng.IntN(12)]
	if w.rng.IntN(8) == 0 {
		size = all[w.rng.IntN(len(all))]
	}
	return value{seq: l.seq}.encode(w.keys[l.key], size)
}

// remove removes by Delete, or every fourth time as a session's end does, by version. An Update that finds nothing has only read, and
// promises nothing of what another process, since killed, may have removed: then it is a Delete after all.
func (w *worker) remove(ctx context.Context, l *line) error {
	if w.rng.IntN(4) == 0 {
		there := false
		err := store.Update(ctx, w.s, w.keys[l.key], func(old *store.Item) (*store.Item, error) {
			there = old != nil
			return nil, nil
		})
		if there || err != nil {
			return err
		}
	}
	return w.s.Delete(ctx, w.keys[l.key])
}

func (w *worker) update(ctx context.Context, l *line) error {
	return store.Update(ctx, w.s, w.keys[l.key], func(old *store.Item) (*store.Item, error) {
		if old != nil {
			if _, err := decode(w.keys[l.key], old.Value); err != nil {
				return nil, err
			}
		}
		item := &store.Item{Value: w.value(l)}
		if l.expires != 0 {
			item.Expires = time.Unix(0, l.expires)
		}
		if l.op == opDead {
			item.Atime = time.Now().Add(-3 * timeout)
		}
		return item, nil
	})
}

func (w *worker) increment(ctx context.Context, l *line) error {
	key := w.keys[l.key]
	var n uint64
	err := store.Update(ctx, w.s, key, func(old *store.Item) (*store.Item, error) {
		v := value{}
		if old != nil {
			var err error
			if v, err = decode(key, old.Value); err != nil {
				return nil, err
			}
		}
		if v.counts[w.id] < w.count[l.key] {
			return nil, fmt.Errorf("the count is %d, it was %d before", v.counts[w.id], w.count[l.key])
		}
		v.seq = l.seq
		v.counts[w.id]++
		n = v.counts[w.id]
		return &store.Item{Value: v.encode(key, sizes()[w.rng.IntN(8)])}, nil
	})
	if err == nil {
		w.count[l.key] = n
	}
	return err
}

// get reads, and checks what can be known about what it reads.
func (w *worker) get(ctx context.Context, l *line) error {
	key := w.keys[l.key]
	before := time.Now()
	b, err := w.s.Get(ctx, key)
	found := state{}
	if err == nil {
		v, err := decode(key, b)
		if err != nil {
			return err
		}
		if l.key >= counters && v.seq < w.last[l.key] {
			return fmt.Errorf("read #%d after #%d", v.seq, w.last[l.key])
		}
		w.last[l.key] = v.seq
		found.seq = v.seq
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	want, ok := w.known[l.key]
	switch {
	case !ok, found.seq == 0 && want.dead(time.Now()), found.seq == want.seq && !want.dead(before):
		return nil
	}
	return fmt.Errorf("read #%d, where %s was written", found.seq, want)
}

package failover

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/larder-go/larder/store"
)

const (
	writers  = 6
	keysEach = 40
)

// writer writes keys that are its own, and knows what must stand there. It stops at the first error, so that whatever the failover leaves
// can be held against all that was acknowledged until then.
type writer struct {
	store  store.Store
	clock  clock
	rng    *rand.Rand
	keys   []*history
	faults faults
	seq    uint64
}

func newWriter(n int, seed uint64, s store.Store, c *cast, at clock, f faults) *writer {
	w := &writer{store: s, clock: at, rng: rand.New(rand.NewPCG(seed, uint64(n))), faults: f}
	for i := range keysEach {
		key := fmt.Sprintf("ledger/%d/{%d}", n, n*keysEach+i)
		w.keys = append(w.keys, &history{key: key, share: c.lost == nil || c.lost(key), deeds: []deed{{acked: true}}})
	}
	return w
}

// work writes until it is told to end, or meets an error, and returns that.
func (w *writer) work(quit <-chan struct{}) error {
	for {
		select {
		case <-quit:
			return nil
		case <-time.After(time.Duration(w.rng.IntN(2000)) * time.Microsecond):
		}
		if err := w.step(w.keys[w.rng.IntN(len(w.keys))]); err != nil {
			return err
		}
	}
}

// step looks whether the key is as it was left, and then changes it.
func (w *writer) step(h *history) error {
	old, err := w.load(h)
	if err != nil {
		return err
	}
	w.seq++
	d := deed{seq: w.seq}
	if h.last().seq != absent && w.rng.IntN(5) == 0 {
		d.seq = absent
	}
	ctx := context.Background()
	d.begin = w.clock.now()
	switch swap := w.rng.IntN(3) == 0; {
	case swap && d.seq == absent:
		_, err = store.Swap(ctx, w.store, h.key, old, nil)
	case swap:
		_, err = store.Swap(ctx, w.store, h.key, old, &store.Item{Value: value(h.key, d.seq)})
	case d.seq == absent:
		err = w.store.Delete(ctx, h.key)
	default:
		err = w.store.Set(ctx, h.key, value(h.key, d.seq))
	}
	d.end, d.acked = w.clock.now(), err == nil
	h.deeds = append(h.deeds, d)
	return err
}

// errOther is an error only where no primary was taken away: then somebody has lost a write.
var errOther = errors.New("a lost write")

// load reads a key that nobody else writes.
func (w *writer) load(h *history) (store.Version, error) {
	item, err := store.Load(context.Background(), w.store, h.key)
	seq, version := uint64(absent), store.Version("")
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return "", err
	default:
		if seq, err = parse(h.key, item.Value); err != nil {
			w.faults.say("a wrong value: %v", err)
		}
		version = item.Version
	}
	if want := h.last().seq; seq != want {
		return "", fmt.Errorf("%w: number %d of %q was acknowledged, and number %d stands there", errOther, want, h.key, seq)
	}
	return version, nil
}

// found looks what stands under its keys; they have no history after that.
func (w *writer) found(stands map[string]uint64) error {
	for _, h := range w.keys {
		item, err := store.Peek(context.Background(), w.store, h.key)
		switch {
		case errors.Is(err, store.ErrNotFound):
			stands[h.key] = absent
		case err != nil:
			return err
		default:
			if stands[h.key], err = parse(h.key, item.Value); err != nil {
				return err
			}
		}
	}
	return nil
}

// begin has the histories begin anew, with what stands there.
func (w *writer) begin(stands map[string]uint64) {
	for _, h := range w.keys {
		h.deeds = []deed{{seq: stands[h.key], acked: true}}
	}
}

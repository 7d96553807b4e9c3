package modelcheck

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/larder-go/larder/store"
)

// Linear lets clients loose on s, records when each call began and ended and what it said, and has porcupine look for an
// order of all calls that explains every answer and lies within those times. One call in a hundred has its context
// cancelled underneath it; such a write may have happened or not, then or later, but no other call may contradict itself over it.
// A cleaner runs all the while, where the store sweeps: of half the Timeout, or a store whose server forgets would not look at an entry.
//
// The history is the same for a seed, as far as the scheduler allows.
func Linear(t testing.TB, s store.Store, ops int, seed uint64) {
	t.Helper()
	history := record(t, s, ops, seed)
	result, info := porcupine.CheckOperationsVerbose(linearModel, history, 2*time.Minute)
	switch result {
	case porcupine.Illegal:
		t.Errorf("seed %d: no order explains this history of %d calls: %s", seed, len(history), visualize(t, info))
	case porcupine.Unknown:
		t.Errorf("seed %d: the history of %d calls could not be checked in time", seed, len(history))
	}
}

const clients, opsPerKey = 8, 1000

// call is what a client asked, answer what it was told.
type (
	call struct {
		op    string // get, contains, load, set, delete, swap
		key   string
		old   store.Version // of a swap
		value string        // of a set or swap; unique in the history
		gone  bool          // the swap removes, or writes an entry whose deadline has passed
	}
	answer struct {
		value    string
		version  store.Version
		found    bool
		conflict bool
		unknown  bool // cut off: it may happen yet
	}
)

func record(t testing.TB, s store.Store, ops int, seed uint64) []porcupine.Operation {
	ctx, stop := context.WithCancel(context.Background())
	var cleaners, workers sync.WaitGroup
	cleaners.Go(func() {
		for store.CanSweep(s) && ctx.Err() == nil {
			if _, err := s.Cleanup(ctx, Expiry.Timeout/2); err != nil && ctx.Err() == nil {
				t.Errorf("cleanup: %v", err)
				return
			}
		}
	})
	histories := make([][]porcupine.Operation, clients)
	start := time.Now()
	for id := range clients {
		workers.Go(func() {
			c := client{s: s, id: id, rng: rand.New(rand.NewPCG(seed, uint64(id))), versions: make(map[string]store.Version)}
			keys := max(1, ops/opsPerKey)
			for n := range ops / clients {
				in := c.next(fmt.Sprintf("key-%d", c.rng.IntN(keys)), n)
				began := time.Since(start)
				out, err := c.do(in)
				if err != nil {
					t.Errorf("%s: %v", in.op, err)
					return
				}
				op := porcupine.Operation{ClientId: id, Input: in, Call: int64(began), Output: out, Return: int64(time.Since(start))}
				if out.unknown {
					op.Return = math.MaxInt64
				}
				histories[id] = append(histories[id], op)
			}
		})
	}
	workers.Wait()
	stop()
	cleaners.Wait()
	var all []porcupine.Operation
	for _, h := range histories {
		all = append(all, h...)
	}
	return all
}

// client is one user of the store, with what it remembers of the versions that it saw.
type client struct {
	s        store.Store
	id       int
	rng      *rand.Rand
	versions map[string]store.Version
}

func (c *client) next(key string, n int) call {
	in := call{key: key, value: fmt.Sprintf("%d/%d", c.id, n)}
	switch p := c.rng.IntN(100); {
	case p < 25:
		in.op = "get"
	case p < 30:
		in.op = "contains"
	case p < 55:
		in.op = "load"
	case p < 65:
		in.op = "set"
	case p < 70:
		in.op = "delete"
	default:
		in.op, in.old = "swap", c.versions[key]
		switch p := c.rng.IntN(20); {
		case p == 0:
			in.old = store.AnyVersion
		case p < 3:
			in.old = ""
		}
		in.gone = c.rng.IntN(8) == 0
	}
	return in
}

// do makes the call. The error is one that no store may return.
func (c *client) do(in call) (answer, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if c.rng.IntN(100) == 0 {
		go cancel() // somewhere in the middle
	}
	out, err := c.ask(ctx, in)
	switch {
	case err == nil:
		out.found = in.op != "contains" || out.found
	case errors.Is(err, store.ErrNotFound):
		out = answer{}
	case errors.Is(err, store.ErrConflict):
		out = answer{conflict: true}
	case errors.Is(err, context.Canceled):
		return answer{unknown: true}, nil
	default:
		return answer{}, err
	}
	return out, nil
}

func (c *client) ask(ctx context.Context, in call) (out answer, err error) {
	switch in.op {
	case "get":
		var value []byte
		value, err = c.s.Get(ctx, in.key)
		out.value = string(value)
	case "contains":
		out.found, err = c.s.Contains(ctx, in.key)
	case "load":
		var item *store.Item
		if item, err = store.Load(ctx, c.s, in.key); err == nil {
			out.value, out.version = string(item.Value), item.Version
			c.versions[in.key] = item.Version
		}
	case "set":
		err = c.s.Set(ctx, in.key, []byte(in.value))
	case "delete":
		err = c.s.Delete(ctx, in.key)
	case "swap":
		var item *store.Item
		if !in.gone {
			item = &store.Item{Value: []byte(in.value)}
		} else if c.rng.IntN(2) == 0 {
			item = &store.Item{Value: []byte("dead"), Expires: time.Now().Add(-time.Second)}
		}
		out.version, err = store.Swap(ctx, c.s, in.key, in.old, item)
		if err == nil && !in.gone {
			c.versions[in.key] = out.version
		}
	}
	return out, err
}

package modelcheck

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/larder-go/larder/store"
)

// Two stores between which entries move, by handles of four programs: two in Prepare and two in Move at first. What is asked and told is a history
// of one register for each key. A version is not told there: to move an entry gives it another, and a Swap may fail then.

// told is a call and its answer.
type told struct {
	key, op string // get, set, create, update, replace, remove, delete
	value   string // of a write: unique in the history
	seen    string // what replace and remove expect
	found   bool
	got     string
	lost    bool
	unknown bool
}

var handoverModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[string][]porcupine.Operation{}
		for _, op := range history {
			byKey[op.Output.(told).key] = append(byKey[op.Output.(told).key], op)
		}
		var parts [][]porcupine.Operation
		for _, part := range byKey {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return "" },
	Step: func(state, _, output any) (bool, any) {
		now, c := state.(string), output.(told)
		switch c.op {
		case "set":
			return true, c.value
		case "create":
			if now == "" {
				return c.unknown || !c.lost, c.value
			}
			return c.unknown || c.lost, now
		case "update":
			return c.unknown || c.got == now+c.value, now + c.value
		case "replace", "remove":
			if now != "" && now == c.seen && !c.lost {
				return true, c.value
			}
			return c.unknown || c.lost, now
		case "delete":
			return true, ""
		}
		return c.unknown || c.found == (now != "") && c.got == now, now
	},
	DescribeOperation: func(_, output any) string { return fmt.Sprintf("%+v", output) },
}

// mover is a client of a handover.
type mover struct {
	h       *store.HandoverStore
	rng     *rand.Rand
	id      int
	n       int
	start   time.Time
	history []porcupine.Operation
	wrong   []error
}

func (m *mover) do(c told, op func(ctx context.Context, c *told) error) told {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if m.rng.IntN(100) == 0 {
		go cancel()
	}
	began := time.Since(m.start)
	err := op(ctx, &c)
	record := porcupine.Operation{ClientId: m.id, Call: int64(began), Return: int64(time.Since(m.start))}
	switch {
	case errors.Is(err, context.Canceled):
		c.unknown, record.Return = true, math.MaxInt64
	case errors.Is(err, store.ErrConflict):
		c.lost = true
	case err != nil && !errors.Is(err, store.ErrNotFound):
		m.wrong = append(m.wrong, fmt.Errorf("%s: %w", c.op, err))
	}
	record.Input, record.Output = c, c
	m.history = append(m.history, record)
	return c
}

// act is one call, or a Load and a Swap, on one of the keys.
func (m *mover) act(key string) {
	m.n++
	value := fmt.Sprintf("%d.%d", m.id, m.n)
	switch p := m.rng.IntN(100); {
	case p < 25:
		m.do(told{key: key, op: "get"}, func(ctx context.Context, c *told) error {
			v, err := m.h.Get(ctx, key)
			c.found, c.got = err == nil, string(v)
			return err
		})
	case p < 30:
		m.do(told{key: key, op: "get"}, func(ctx context.Context, c *told) error {
			item, err := m.h.Peek(ctx, key)
			if err == nil {
				c.found, c.got = true, string(item.Value)
			}
			return err
		})
	case p < 40:
		m.do(told{key: key, op: "set", value: value}, func(ctx context.Context, _ *told) error { return m.h.Set(ctx, key, []byte(value)) })
	case p < 50:
		m.do(told{key: key, op: "create", value: value}, func(ctx context.Context, _ *told) error {
			_, err := m.h.Swap(ctx, key, "", &store.Item{Value: []byte(value)})
			return err
		})
	case p < 60:
		m.do(told{key: key, op: "delete"}, func(ctx context.Context, _ *told) error { return m.h.Delete(ctx, key) })
	case p < 75:
		m.do(told{key: key, op: "update", value: "+" + value}, func(ctx context.Context, c *told) error {
			return store.Update(ctx, m.h, key, func(old *store.Item) (*store.Item, error) {
				if old == nil {
					old = &store.Item{}
				}
				c.got = string(old.Value) + "+" + value
				return &store.Item{Value: []byte(c.got)}, nil
			})
		})
	default:
		var seen *store.Item
		was := m.do(told{key: key, op: "get"}, func(ctx context.Context, c *told) (err error) {
			if seen, err = m.h.Load(ctx, key); err == nil {
				c.found, c.got = true, string(seen.Value)
			}
			return err
		})
		if !was.found {
			return
		}
		c, item := told{key: key, op: "remove", seen: was.got}, (*store.Item)(nil)
		if m.rng.IntN(2) == 0 {
			c.op, c.value, item = "replace", value, &store.Item{Value: []byte(value)}
		}
		m.do(c, func(ctx context.Context, _ *told) error { _, err := m.h.Swap(ctx, key, seen.Version, item); return err })
	}
}

// handover plays the three steps with a few calls on each of many keys, drains, and looks what the new store holds.
func handover(t *testing.T, open func(side int) store.Store, keys, calls int, seed uint64) {
	const recheck = 100 * time.Millisecond
	rng := rand.New(rand.NewPCG(seed, 9))
	old, new, start := open(0), open(1), time.Now()
	var history []porcupine.Operation
	for n := range keys { // half of them stand there before
		key, value := fmt.Sprint("key-", n), fmt.Sprint("first-", n)
		if n%2 == 0 {
			continue
		}
		if err := old.Set(t.Context(), key, []byte(value)); err != nil {
			t.Fatal(err)
		}
		history = append(history, porcupine.Operation{ClientId: 90, Call: -2, Return: -1, Input: told{}, Output: told{key: key, op: "set", value: value}})
	}
	for _, step := range [][]bool{{true, true, false, false}, {false, false, false, false}} {
		var movers []*mover
		for id, prepare := range step {
			movers = append(movers, &mover{
				h: store.Handover(open(0), open(1), &store.HandoverOptions{Prepare: prepare, Recheck: recheck}), id: id, start: start,
				rng: rand.New(rand.NewPCG(rng.Uint64(), 1)), n: len(history),
			})
		}
		var running sync.WaitGroup
		for _, m := range movers {
			running.Go(func() {
				for n := range keys * calls { // together from key to key, so that they meet
					m.act(fmt.Sprint("key-", (n/calls+m.rng.IntN(2))%keys))
				}
			})
		}
		if !slices.Contains(step, true) {
			running.Go(func() {
				clerk, ctx := store.Handover(old, new, &store.HandoverOptions{Recheck: recheck}), context.Background()
				if !store.CanList(new) { // then Drain waits for the end of all marks that there could be, for minutes
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, 3*time.Second)
					defer cancel()
				}
				r, err := clerk.Drain(ctx, &store.DrainOptions{Workers: 3})
				if !store.CanList(new) && errors.Is(err, context.DeadlineExceeded) {
					return
				}
				if err != nil || !r.Drained {
					t.Errorf("drain: %+v, %v", r, err)
				}
			})
		}
		running.Wait()
		for _, m := range movers {
			history = append(history, m.history...)
			for _, err := range m.wrong {
				t.Error(err)
			}
		}
	}
	for n := range keys {
		c := told{key: fmt.Sprint("key-", n), op: "get"}
		began := int64(time.Since(start))
		value, err := new.Get(t.Context(), c.key)
		if c.found, c.got = err == nil, string(value); err != nil && !errors.Is(err, store.ErrNotFound) {
			t.Error(err)
		}
		history = append(history, porcupine.Operation{ClientId: 91, Call: began, Return: int64(time.Since(start)), Input: c, Output: c})
	}
	if store.CanList(old) {
		for info, err := range store.List(t.Context(), old, "") {
			t.Errorf("the old store holds %+v, %v", info, err)
		}
	}
	switch result, info := porcupine.CheckOperationsVerbose(handoverModel, history, 2*time.Minute); result {
	case porcupine.Illegal:
		t.Errorf("seed %d: no order explains this history of %d calls: %s", seed, len(history), visualizeBy(t, handoverModel, info))
	case porcupine.Unknown:
		t.Errorf("seed %d: the history of %d calls could not be checked in time", seed, len(history))
	}
	t.Logf("%d calls", len(history))
}

func visualizeBy(t testing.TB, model porcupine.Model, info porcupine.LinearizationInfo) string {
	file, err := os.CreateTemp("", "larder-history-*.html")
	if err != nil {
		return err.Error()
	}
	defer file.Close()
	if err := porcupine.Visualize(model, info, file); err != nil {
		t.Log(err)
	}
	return "see " + file.Name()
}

func TestHandover(t *testing.T) {
	byName := map[string]backend{}
	for _, b := range backends() {
		byName[b.name] = b
	}
	factor := 1
	if os.Getenv("LARDER_SOAK") != "" {
		factor = 30
	}
	for _, pair := range []struct {
		old, new string
		keys     int
	}{{"map", "map", 400}, {"disk", "postgres", 40}, {"redis", "memcached", 100}, {"postgres", "redis", 60}, {"bolt", "disk", 40}} {
		t.Run(pair.old+" to "+pair.new, func(t *testing.T) {
			var places [2]func() store.Store
			for side, name := range []string{pair.old, pair.new} {
				places[side] = byName[name].place(t)
				if byName[name].single {
					one := places[side]()
					places[side] = func() store.Store { return one }
				}
			}
			handover(t, func(side int) store.Store { return places[side]() }, pair.keys*factor, 6, uint64(time.Now().UnixNano()))
		})
	}
}

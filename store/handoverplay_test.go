package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"

	"github.com/larder-go/larder/internal/interleave"
	"github.com/larder-go/larder/store"
)

// A play of a handover: handles in Prepare and in Move over two Maps, whose calls a test orders, and a history of what they were told, for which
// an order is looked for that explains it.

const playKey = "k"

// lostCreator has died before the play, after he had created an entry too late and before he knew.
const lostCreator = 7

const noOrder = "no order explains the answers"

var errDead = store.Wrap("play", "call", fmt.Errorf("%w: its process was killed", store.ErrUnavailable))

// deed is one operation of a client, as the history has it.
type deed struct {
	op      string // get, set, create, update, replace, remove, delete, nothing
	value   string // of a write: unique in the play
	seen    string // what replace and remove expect
	found   bool   // of a get
	got     string
	lost    bool // ErrConflict
	unknown bool // it was cut off
}

type handoverPlay struct {
	old, new *store.Map
	clock    int64
	history  []porcupine.Operation
	steps    []string
	dead     int // client that is killed, -1: none
	after    int // so many calls
	spoil    func(side string, c interleave.Call) (skip bool)
	limited  bool     // what stands in the old store need not move
	refuses  string   // value that is too large for the new store
	told     []string // what no order explains, for it breaks a rule by itself
}

func newHandoverPlay() *handoverPlay {
	return &handoverPlay{old: store.NewMap(nil), new: store.NewMap(nil), dead: -1}
}

// reset begins anew with the same two Maps.
func (p *handoverPlay) reset(ctx context.Context) {
	for _, m := range []*store.Map{p.old, p.new} {
		m.Delete(ctx, playKey)
	}
	p.clock, p.history, p.steps, p.told = 0, p.history[:0], p.steps[:0], nil
}

// player is a client with a handle of its own.
type player struct {
	p     *handoverPlay
	n     int
	h     *store.HandoverStore
	calls int
	began int64 // of the operation at hand; 0: it has made no call yet
	dead  bool
}

func (p *handoverPlay) player(ctx context.Context, n int, prepare bool) *player {
	c := &player{p: p, n: n}
	side := func(name string, under store.Store) store.Store {
		return &interleave.Store{Under: under, Around: func(ctx context.Context, call interleave.Call, do func() error) error {
			if c.dead {
				return errDead
			}
			where := call
			where.Key = name + call.Key
			return interleave.Turn(ctx, where, func() error {
				if c.n == p.dead && c.calls == p.after {
					c.dead = true
					return errDead
				}
				c.calls++
				if c.began == 0 {
					p.clock++
					c.began = p.clock
				}
				var err error
				if name == "new" && call.New != nil && p.refuses != "" && string(call.New.Value) == p.refuses {
					err = store.Wrap("play", "swap", store.ErrTooLarge)
				} else if p.spoil == nil || !p.spoil(name, call) {
					err = do()
				}
				p.steps = append(p.steps, fmt.Sprintf("%d %s %s %s: %v", c.n, name, call.Op, describe(call), err))
				return err
			})
		}}
	}
	c.h = store.Handover(side("old", p.old), side("new", p.new), &store.HandoverOptions{Prepare: prepare})
	c.h.Contains(ctx, "another") // it asks for news now, and not again in this play
	c.calls = 0
	return c
}

func describe(c interleave.Call) string {
	if c.Op != "swap" {
		return ""
	}
	to := "nothing"
	if c.New != nil {
		to = strings.ToValidUTF8(string(c.New.Value), "")
	}
	return fmt.Sprintf("%.4s to %q", c.Old, to)
}

// do notes what an operation says. It began with its first call: what comes before changes nothing and asks nothing.
func (c *player) do(d deed, op func(d *deed) error) {
	c.began = 0
	err := op(&d)
	c.p.clock++
	if c.began == 0 {
		c.began = c.p.clock
		c.p.clock++
	}
	operation := porcupine.Operation{ClientId: c.n, Call: c.began, Return: c.p.clock}
	switch {
	case c.dead:
		d.unknown, operation.Return = true, math.MaxInt64
	case errors.Is(err, store.ErrConflict):
		d.lost = true
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		c.p.told = append(c.p.told, fmt.Sprintf("client %d, %s: %v", c.n, d.op, err))
	}
	if store.OfHandover([]byte(d.got)) {
		c.p.told = append(c.p.told, fmt.Sprintf("client %d was given a mark", c.n))
	}
	operation.Input, operation.Output = d, d
	c.p.history = append(c.p.history, operation)
}

// handoverModel is one register.
var handoverModel = porcupine.Model{
	Init: func() any { return "" }, // absent
	Step: func(state, _, output any) (bool, any) {
		now, d := state.(string), output.(deed)
		switch d.op {
		case "get":
			return d.unknown || d.found == (now != "") && d.got == now, now
		case "set":
			return true, d.value
		case "create":
			if now == "" {
				return d.unknown || !d.lost, d.value
			}
			return d.unknown || d.lost, now
		case "update":
			return d.unknown || d.got == now+d.value, now + d.value
		case "replace", "remove": // a move may make it lose where nobody has won
			if now == d.seen && now != "" && !d.lost {
				return true, d.value
			}
			return d.unknown || d.lost, now
		case "delete":
			return true, ""
		}
		return true, now
	},
	DescribeOperation: func(_, output any) string { return fmt.Sprintf("%+v", output) },
	DescribeState:     func(state any) string { return state.(string) },
}

// judge drains by another handle, looks what the new store holds for those who know it alone, and returns what is wrong.
func (p *handoverPlay) judge(ctx context.Context) []string {
	clerk := store.Handover(p.old, p.new, nil)
	look := func(d *deed, value []byte, err error) {
		d.found, d.got = err == nil, string(value)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			p.told = append(p.told, err.Error())
		}
	}
	end := &player{p: p, n: 9}
	end.do(deed{op: "get"}, func(d *deed) error { // as anybody sees it before
		item, err := clerk.Peek(ctx, playKey)
		if err != nil {
			item = &store.Item{}
		}
		look(d, item.Value, err)
		return err
	})
	for range 3 {
		if err := store.DrainOne(ctx, clerk, playKey); err != nil {
			p.told = append(p.told, "drain: "+err.Error())
		}
	}
	if ok, _ := p.old.Contains(ctx, playKey); ok && !p.limited {
		p.told = append(p.told, "the old store is not empty after the drain")
	}
	end.do(deed{op: "get"}, func(d *deed) error {
		last := store.Store(p.new)
		if p.limited {
			last = clerk
		}
		value, err := last.Get(ctx, playKey)
		if bytes.HasPrefix(value, store.NewMark("").Value) { // Drain takes those that it finds
			value, err = nil, store.ErrNotFound
		}
		look(d, value, err)
		return err
	})
	if !porcupine.CheckOperations(handoverModel, p.history) {
		p.told = append(p.told, noOrder)
	}
	return p.told
}

// explainsWithLost reports whether there is an order if what programs in Prepare have created, and found to be too late, stood for a moment.
func (p *handoverPlay) explainsWithLost(prepare []bool, wrong []string) bool {
	history := slices.Clone(p.history)
	for _, op := range p.history {
		d := op.Output.(deed)
		if op.ClientId != lostCreator && (op.ClientId >= len(prepare) || !prepare[op.ClientId]) || d.op != "set" && (d.op != "create" || !d.lost && !d.unknown) {
			continue
		}
		for n, moment := range []deed{{op: "create", value: d.value, unknown: true}, {op: "remove", seen: d.value, unknown: true}} {
			op.ClientId, op.Input, op.Output = 100+2*len(history)+n, moment, moment
			history = append(history, op)
		}
	}
	return len(wrong) == 1 && wrong[0] == noOrder && porcupine.CheckOperations(handoverModel, history)
}

func (p *handoverPlay) String() string {
	var b strings.Builder
	for _, op := range p.history {
		fmt.Fprintf(&b, "client %d from %d to %d: %+v\n", op.ClientId, op.Call, min(op.Return, 1000), op.Output)
	}
	return b.String() + strings.Join(p.steps, "\n")
}

// act is something that a client does.
type act struct {
	name string
	move bool // only where everybody is in Move
	run  func(ctx context.Context, c *player)
}

func acts() []act {
	swap := func(op string) func(ctx context.Context, c *player) {
		return func(ctx context.Context, c *player) {
			seen := &store.Item{}
			c.do(deed{op: "get"}, func(d *deed) error {
				item, err := c.h.Load(ctx, playKey)
				if err == nil {
					seen = item
					d.found, d.got = true, string(item.Value)
				}
				return err
			})
			if seen.Version == "" || c.dead {
				return
			}
			to := deed{op: op, seen: string(seen.Value)}
			var item *store.Item
			if op == "replace" {
				to.value = fmt.Sprint("r", c.n)
				item = &store.Item{Value: []byte(to.value)}
			}
			c.do(to, func(*deed) error { _, err := c.h.Swap(ctx, playKey, seen.Version, item); return err })
		}
	}
	return []act{
		{"get", false, func(ctx context.Context, c *player) {
			c.do(deed{op: "get"}, func(d *deed) error {
				value, err := c.h.Get(ctx, playKey)
				d.found, d.got = err == nil, string(value)
				return err
			})
		}},
		{"peek", false, func(ctx context.Context, c *player) {
			c.do(deed{op: "get"}, func(d *deed) error {
				item, err := c.h.Peek(ctx, playKey)
				if err == nil {
					d.found, d.got = true, string(item.Value)
				}
				return err
			})
		}},
		{"set", false, func(ctx context.Context, c *player) {
			value := fmt.Sprint("s", c.n)
			c.do(deed{op: "set", value: value}, func(*deed) error { return c.h.Set(ctx, playKey, []byte(value)) })
		}},
		{"create", false, func(ctx context.Context, c *player) {
			value := fmt.Sprint("c", c.n)
			c.do(deed{op: "create", value: value}, func(*deed) error {
				_, err := c.h.Swap(ctx, playKey, "", &store.Item{Value: []byte(value)})
				return err
			})
		}},
		{"replace", false, swap("replace")},
		{"remove", false, swap("remove")},
		{"delete", false, func(ctx context.Context, c *player) {
			c.do(deed{op: "delete"}, func(*deed) error { return c.h.Delete(ctx, playKey) })
		}},
		{"update", false, func(ctx context.Context, c *player) {
			value := fmt.Sprint("+", c.n)
			c.do(deed{op: "update", value: value}, func(d *deed) error {
				return store.Update(ctx, c.h, playKey, func(old *store.Item) (*store.Item, error) {
					if old == nil {
						old = &store.Item{}
					}
					d.got = string(old.Value) + value
					return &store.Item{Value: []byte(d.got)}, nil
				})
			})
		}},
		{"drain", true, func(ctx context.Context, c *player) {
			c.do(deed{op: "nothing"}, func(*deed) error { return store.DrainOne(ctx, c.h, playKey) })
		}},
	}
}

// beginning is what stands under the key before.
type beginning struct {
	name string
	make func(t testing.TB, p *handoverPlay)
}

func beginnings() []beginning {
	put := func(t testing.TB, s store.Store, item *store.Item) store.Version {
		v, err := store.Swap(t.Context(), s, playKey, store.AnyVersion, item)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	stood := func(p *handoverPlay) {
		p.history = append(p.history, porcupine.Operation{ClientId: 8, Call: -2, Return: -1, Input: deed{}, Output: deed{op: "set", value: "v"}})
	}
	v := func() *store.Item { return &store.Item{Value: []byte("v")} }
	return []beginning{
		{"absent", func(testing.TB, *handoverPlay) {}},
		{"old", func(t testing.TB, p *handoverPlay) { put(t, p.old, v()); stood(p) }},
		{"new", func(t testing.TB, p *handoverPlay) { put(t, p.new, v()); stood(p) }},
		{"garbage", func(t testing.TB, p *handoverPlay) {
			put(t, p.old, &store.Item{Value: store.NewClaim("before", []byte("v"))})
			put(t, p.new, v())
			stood(p)
		}},
		{"marked", func(t testing.TB, p *handoverPlay) { put(t, p.new, store.NewMark(put(t, p.old, v()))); stood(p) }},
		{"claimed", func(t testing.TB, p *handoverPlay) {
			put(t, p.old, &store.Item{Value: store.NewClaim("before", []byte("v"))})
			put(t, p.new, store.NewMark("before"))
			stood(p)
		}},
		{"claimed, no mark", func(t testing.TB, p *handoverPlay) {
			put(t, p.old, &store.Item{Value: store.NewClaim("before", []byte("v"))})
			stood(p)
		}},
		{"mark of another", func(t testing.TB, p *handoverPlay) {
			put(t, p.old, v())
			put(t, p.new, store.NewMark("another"))
			stood(p)
		}},
		{"mark of a create", func(t testing.TB, p *handoverPlay) { put(t, p.old, v()); put(t, p.new, store.NewMark("")); stood(p) }},
		{"mark, absent", func(t testing.TB, p *handoverPlay) { put(t, p.new, store.NewMark("")) }},
		{"lost create", func(t testing.TB, p *handoverPlay) {
			put(t, p.old, &store.Item{Value: []byte("c7")})
			put(t, p.new, v())
			stood(p)
			p.history = append(p.history, porcupine.Operation{ClientId: lostCreator, Call: -2, Return: math.MaxInt64, Input: deed{}, Output: deed{op: "create", value: "c7", unknown: true}})
		}},
	}
}

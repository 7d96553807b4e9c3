package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"
)

// Inspect tells of slow, and then of the copies and of fast.
func (l *layer) Inspect(ctx context.Context) ([]Fact, error) {
	facts, err := Inspect(ctx, l.slow)
	if err != nil {
		return facts, err
	}
	facts = append(facts[:len(facts):len(facts)], Fact{Name: "copies", Value: fmt.Sprintf("in a fast store, at most %v old", min(l.maxAge, l.slack))})
	if l.slack == 0 {
		last := &facts[len(facts)-1]
		last.Value, last.Warn = "none", "Use: every use is to be recorded, so no copy answers; give the slow store a TouchAfter of some seconds"
	}
	fast, err := Inspect(ctx, l.fast)
	for _, f := range fast {
		f.Name = "fast " + f.Name
		facts = append(facts, f)
	}
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		facts = append(facts, Fact{Name: "fast", Value: "no answer", Warn: "Delete: other programs may read a copy of what is deleted for a while; bring the fast store up"})
	}
	return facts, nil
}

// refused stands for a layer whose fast store cannot do what it must.
type refused struct{ fast Store }

func (r refused) err(op string) error {
	return fmt.Errorf("store: %s: the fast store of a Layer must be able to Swap, as Map, memcached and Redis are, and %T is not: %w", op, r.fast, errors.ErrUnsupported)
}

func (r refused) Contains(context.Context, string) (bool, error)      { return false, r.err("contains") }
func (r refused) Get(context.Context, string) ([]byte, error)         { return nil, r.err("get") }
func (r refused) Set(context.Context, string, []byte) error           { return r.err("set") }
func (r refused) Delete(context.Context, string) error                { return r.err("delete") }
func (r refused) Cleanup(context.Context, time.Duration) (int, error) { return 0, r.err("cleanup") }
func (r refused) Touch(context.Context, string) error                 { return r.err("touch") }
func (r refused) Load(context.Context, string) (*Item, error)         { return nil, r.err("load") }
func (r refused) Peek(context.Context, string) (*Item, error)         { return nil, r.err("peek") }
func (r refused) Expiry() (Expiry, error)                             { return Expiry{}, r.err("expiry") }
func (r refused) Inspect(context.Context) ([]Fact, error)             { return nil, r.err("inspect") }

func (r refused) Swap(context.Context, string, Version, *Item) (Version, error) {
	return "", r.err("swap")
}

func (r refused) Sweep(context.Context, SweepOptions) (SweepReport, error) {
	return SweepReport{}, r.err("sweep")
}

func (r refused) List(context.Context, string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) { yield(Info{}, r.err("list")) }
}

func (r refused) ListAfter(context.Context, string, string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) { yield(Info{}, r.err("list after")) }
}

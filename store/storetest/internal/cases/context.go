package cases

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/larder-go/larder/store"
)

func contextCases() []Case {
	const rule = "Context: Every method returns within 50 ms of a cancel."
	return []Case{
		{Name: "context/canceled", Rule: "Errors: A cancelled context is context.Canceled and not ErrUnavailable.", Run: contextCanceled},
		{Name: "context/deadline", Rule: "Errors: A deadline that passed is both context.DeadlineExceeded and ErrUnavailable.", Run: contextDeadline},
		{Name: "context/during", Rule: rule + " A write that was cut off is an error, never a success.", Waits: true, Run: contextDuring},
		{Name: "context/update", Rule: rule + " Update does so between two attempts.", Needs: []string{Swap}, Waits: true, Run: contextUpdate},
		{Name: "context/goroutines", Rule: "Context: No call leaves a goroutine behind.", Needs: []string{goroutines}, Waits: true, Run: contextGoroutines},
	}
}

func contextCanceled(e *Env) {
	s := e.forever()
	e.set(s, "key", "value")
	ctx, cancel := context.WithCancel(e.ctx)
	cancel()
	for _, key := range []string{"key", "absent"} {
		for _, c := range e.calls() {
			err := c.do(ctx, s, key)
			if !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrNotFound) {
				e.Errorf("%s under a context that was cancelled: %v; want context.Canceled and not ErrUnavailable", c.name, err)
			}
		}
	}
	e.want(s, "key", "value")
	e.gone(s, "absent")
}

func contextDeadline(e *Env) {
	s := e.forever()
	e.set(s, "key", "value")
	ctx, cancel := context.WithDeadline(e.ctx, time.Now().Add(-time.Second))
	defer cancel()
	for _, key := range []string{"key", "absent"} {
		for _, c := range e.calls() {
			err := c.do(ctx, s, key)
			if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrNotFound) {
				e.Errorf("%s under a context whose deadline has passed: %v; want context.DeadlineExceeded and ErrUnavailable", c.name, err)
			}
		}
	}
	e.want(s, "key", "value")
}

// contextDuring cancels calls at all sorts of moments. A call that says nil must have happened, one that fails must say why.
func contextDuring(e *Env) {
	s := e.forever()
	e.together(4, func(i int) {
		key := fmt.Sprintf("key %d", i)
		for round := range e.n(100, 30) {
			ctx, cancel := context.WithCancel(e.ctx)
			timer := time.AfterFunc(time.Duration(round*7%50)*20*time.Microsecond, cancel)
			value := []byte(strconv.Itoa(round))
			err := s.Set(ctx, key, value)
			if err != nil && !errors.Is(err, context.Canceled) {
				e.Errorf("a Set that was cancelled: %v; want nil or context.Canceled", err)
			}
			got, err2 := s.Get(e.ctx, key)
			if err == nil && (err2 != nil || !bytes.Equal(got, value)) {
				e.Errorf("a Set that was cancelled says nil, and Get returns %s, %v; want %q", show(got), err2, value)
			}
			if got, err := s.Get(ctx, key); err == nil && len(got) == 0 || err != nil && err != store.ErrNotFound && !errors.Is(err, context.Canceled) {
				e.Errorf("a Get that was cancelled = %s, %v", show(got), err)
			}
			timer.Stop()
			cancel()
		}
	})
	// A call that would take long ends when its context does.
	for _, c := range e.calls() {
		ctx, cancel := context.WithCancel(e.ctx)
		ended := make(chan time.Time, 1)
		timer := time.AfterFunc(time.Millisecond, func() { ended <- time.Now(); cancel() })
		for ctx.Err() == nil {
			c.do(ctx, s, "key 0")
			e.yield()
		}
		if timer.Stop() {
			return // the whole run was ended before it fired
		}
		if late := time.Since(<-ended); late > 2*time.Second { // 50 ms on a machine that has nothing else to do
			e.Errorf("%s returned %v after the cancel", c.name, late)
		}
	}
}

// contextUpdate changes the entry in every attempt, so that Update never gets through.
func contextUpdate(e *Env) {
	s := e.forever()
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	n := 0
	begin := time.Now()
	err := store.Update(ctx, s, "key", func(*store.Item) (*store.Item, error) {
		if n++; n == 5 {
			time.AfterFunc(10*time.Millisecond, cancel)
		}
		if time.Since(begin) > 10*time.Second {
			return nil, errors.New("nothing ends it")
		}
		if err := s.Set(e.ctx, "key", []byte(strconv.Itoa(n))); err != nil {
			return nil, err
		}
		return &store.Item{Value: []byte("mine")}, nil
	})
	if !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
		e.Errorf("an Update that always meets a conflict, cancelled: %v; want context.Canceled", err)
	}
	if n < 5 {
		e.Errorf("Update gave up after %d attempts; it goes on until its context ends", n)
	}
}

// contextGoroutines counts goroutines that the store's calls have started.
func contextGoroutines(e *Env) {
	e.Goroutines(e.ctx, func(ctx context.Context, count func() int) {
		s := e.forever()
		round := func() {
			for _, c := range e.calls() {
				for _, wait := range []time.Duration{0, time.Millisecond} {
					ctx, cancel := context.WithCancel(ctx)
					if wait == 0 {
						cancel()
					}
					c.do(ctx, s, "key")
					cancel()
				}
			}
			if !e.lacks(List) {
				for range store.List(ctx, s, "") {
					break
				}
			}
		}
		round() // what a client keeps for good, it has now
		before := count()
		rounds := e.n(20, 8)
		for range rounds {
			round()
		}
		if !e.eventually(3*time.Second, func() bool { return count() < before+rounds/2 }) {
			e.Errorf("%d goroutines before %d rounds of calls, %d afterwards", before, rounds, count())
		}
	})
}

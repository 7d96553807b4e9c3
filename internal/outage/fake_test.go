package outage

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/larder-go/larder/store"
)

// fake is a store whose server can go away, with faults for the self-check.
type fake struct {
	m     *store.Map
	fault string
	away  atomic.Pointer[chan struct{}] // closed when the server is back; nil while it is there
	back  atomic.Int64                  // when it was back, in Unix nanoseconds
	calls atomic.Int64
	stray chan func() // writes that happen too late
}

const fakeOwn = 300 * time.Millisecond

func newFake(fault string) *fake {
	return &fake{m: store.NewMap(nil), fault: fault, stray: make(chan func(), 1000)}
}

func (s *fake) leave() {
	c := make(chan struct{})
	s.away.Store(&c)
}

func (s *fake) restore() {
	if s.fault == "an acknowledged write lost" {
		for i := range goroutines {
			for j := range keysEach {
				s.m.Set(context.Background(), fmt.Sprintf("fake/%d/%d", i, j), value(fmt.Sprintf("fake/%d/%d", i, j), 1))
			}
		}
	}
	s.back.Store(time.Now().UnixNano())
	close(*s.away.Swap(nil))
}

var errDown = fmt.Errorf("%w: no answer", store.ErrUnavailable)

// call asks the server. do is what it does when it is there.
func (s *fake) call(ctx context.Context, k kind, key string, do func(ctx context.Context) error) error {
	since := time.Since(time.Unix(0, s.back.Load()))
	switch n := s.calls.Add(1); {
	case s.fault == "slow to recover" && since < recovery+600*time.Millisecond,
		s.fault == "a stale connection" && since < 300*time.Millisecond && k == opGet && n%3 == 0:
		return store.Wrap("fake", k.String(), errDown)
	case s.fault == "an error without an outage" && n > 100 && n%20 == 0 && s.away.Load() == nil && s.back.Load() == 0:
		return store.Wrap("fake", k.String(), errDown)
	}
	back := s.away.Load()
	if back == nil && since > 200*time.Millisecond {
		for len(s.stray) > 0 {
			(<-s.stray)()
		}
	}
	if back == nil {
		err := do(context.WithoutCancel(ctx))
		if errors.Is(err, store.ErrConflict) {
			err = store.ErrConflict
		}
		return store.Wrap("fake", k.String(), err)
	}
	own := time.NewTimer(fakeOwn)
	defer own.Stop()
	hung := own.C
	if s.fault == "no time-out of its own" {
		hung = nil
	}
	var err error
	select {
	case <-*back:
		return s.call(ctx, k, key, do)
	case <-hung:
		err = errDown
	case <-ctx.Done():
		err = ctx.Err()
	}
	switch s.fault {
	case "an outage told as an absence":
		if k.reads() && errors.Is(err, context.DeadlineExceeded) {
			return store.ErrNotFound
		}
	case "late":
		<-time.After(2 * grace)
	case "a cancel told as an outage":
		if errors.Is(err, context.Canceled) {
			err = errDown
		}
	case "a deadline not told as an outage":
		return fmt.Errorf("fake: %v: %w", k, err)
	case "an outage told as a deadline":
		if errors.Is(err, errDown) {
			err = context.DeadlineExceeded
		}
	case "the key in an error":
		err = fmt.Errorf("%w (of %s)", err, key)
	case "a write sent twice":
		if k == opSet {
			s.stray <- func() { do(context.Background()) }
			return nil
		}
	case "a success without a server":
		return nil
	}
	return store.Wrap("fake", k.String(), err)
}

func (s *fake) Contains(ctx context.Context, key string) (there bool, err error) {
	err = s.call(ctx, opContains, key, func(ctx context.Context) (err error) {
		there, err = s.m.Contains(ctx, key)
		return err
	})
	if err == store.ErrNotFound {
		return false, nil
	}
	return there, err
}

func (s *fake) Get(ctx context.Context, key string) ([]byte, error) {
	item, err := s.Load(ctx, key)
	if err != nil {
		return nil, err
	}
	if item == nil {
		return nil, nil
	}
	return item.Value, nil
}

func (s *fake) Load(ctx context.Context, key string) (item *store.Item, err error) {
	err = s.call(ctx, opGet, key, func(ctx context.Context) (err error) {
		from := key
		if s.fault == "the value of another key" && s.calls.Load()%20 == 0 {
			from = "fake/steady/0"
		}
		item, err = s.m.Load(ctx, from)
		return err
	})
	if err == nil && item == nil {
		item = &store.Item{}
	}
	return item, err
}

func (s *fake) Peek(ctx context.Context, key string) (*store.Item, error) { return s.m.Peek(ctx, key) }

func (s *fake) Set(ctx context.Context, key string, value []byte) error {
	return s.call(ctx, opSet, key, func(ctx context.Context) error { return s.m.Set(ctx, key, value) })
}

func (s *fake) Delete(ctx context.Context, key string) error {
	return s.call(ctx, opRemove, key, func(ctx context.Context) error { return s.m.Delete(ctx, key) })
}

func (s *fake) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (v store.Version, err error) {
	err = s.call(ctx, opSwap, key, func(ctx context.Context) (err error) {
		v, err = s.m.Swap(ctx, key, old, item)
		return err
	})
	if s.fault == "a wrong version" && err == nil && v != "" && s.calls.Load()%3 == 0 {
		v = store.NewVersion()
	}
	return v, err
}

func (s *fake) Cleanup(ctx context.Context, idle time.Duration) (int, error) {
	return s.m.Cleanup(ctx, idle)
}

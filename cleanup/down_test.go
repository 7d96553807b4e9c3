package cleanup_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/store"
)

var (
	errLeaseDown = store.Wrap("set", "peek", store.ErrUnavailable)
	errNodeDown  = store.Wrap("set", "sweep", store.ErrUnavailable)
)

// oneDown is a store over two nodes, of which the one that has the lease's place is down, or both are.
type oneDown struct {
	*store.Map // the node that is up
	all        bool
	writes     bool // that one lets itself be read still
}

func (s oneDown) Peek(ctx context.Context, key string) (*store.Item, error) {
	if s.writes {
		return s.Map.Peek(ctx, key)
	}
	return nil, errLeaseDown
}

func (s oneDown) Swap(context.Context, string, store.Version, *store.Item) (store.Version, error) {
	return "", errLeaseDown
}

func (s oneDown) Sweep(ctx context.Context, o store.SweepOptions) (store.SweepReport, error) {
	if s.all {
		return store.SweepReport{}, errNodeDown
	}
	r, err := s.Map.Sweep(ctx, o)
	r.Done = false
	return r, errors.Join(err, errNodeDown)
}

// One node that is down must not keep the others from being swept, as long as it has the lease's place.
func TestLeaseOnANodeThatIsDown(t *testing.T) {
	for _, writes := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := oneDown{Map: filled(t, 10), writes: writes}
			r, err := cleanup.Run(t.Context(), s, &cleanup.Options{Idle: time.Hour, Lease: cleanup.DefaultLease})
			if !errors.Is(err, errNodeDown) || r.Removed != 10 || r.Done || r.Reason != cleanup.Failed {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}

// A store that is down as a whole says what it said about the lease.
func TestLeaseOnAStoreThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := oneDown{Map: filled(t, 10), all: true}
		want := cleanup.Report{Reason: cleanup.Failed, BacklogAtLeast: true}
		r, err := cleanup.Run(t.Context(), s, &cleanup.Options{Idle: time.Hour, Lease: cleanup.DefaultLease})
		if err != errLeaseDown || r != want {
			t.Errorf("%+v, %v", r, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		<-ctx.Done()
		if _, err := cleanup.Run(ctx, s, &cleanup.Options{Idle: time.Hour, Lease: cleanup.DefaultLease}); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

package cleanup_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/store"
)

// quiet is a logger that nobody reads.
func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func TestLoopSweepsAtOnceAndThenAtItsInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := filled(t, 10)
		start := time.Now()
		var at []time.Duration
		removed := 0
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		err := cleanup.Loop(ctx, m, &cleanup.Options{Idle: time.Hour, OnReport: func(r cleanup.Report, err error) {
			if err != nil {
				t.Error(err)
			}
			at = append(at, time.Since(start))
			removed += r.Removed
		}})
		if err != context.DeadlineExceeded {
			t.Errorf("returned %v, want the context's error", err)
		}
		if removed != 11 || count(t, m) != 0 {
			t.Errorf("removed %d, left %d", removed, count(t, m))
		}
		if len(at) < 24*6*10/11 || len(at) > 24*6 || at[0] != 0 {
			t.Fatalf("%d sweeps, the first after %v", len(at), at[0])
		}
		distinct := map[time.Duration]bool{}
		for i := range at[1:] {
			wait := at[i+1] - at[i]
			distinct[wait] = true
			if wait < 10*time.Minute || wait >= 11*time.Minute {
				t.Errorf("waited %v between sweeps", wait)
			}
		}
		if len(distinct) < 10 {
			t.Errorf("only %d distinct pauses: there is no jitter", len(distinct))
		}
	})
}

func TestLoopWithoutJitterIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second+1)
		defer cancel()
		sweeps := 0
		o := &cleanup.Options{Interval: time.Second, Jitter: -1, OnReport: func(cleanup.Report, error) { sweeps++ }}
		if err := cleanup.Loop(ctx, store.NewMap(nil), o); !errors.Is(err, context.DeadlineExceeded) || sweeps != 11 {
			t.Errorf("%d sweeps, error %v", sweeps, err)
		}
	})
}

// flaky fails every other time.
type flaky struct {
	store.Store
	calls *int
	err   error
}

func (f flaky) Cleanup(context.Context, time.Duration) (int, error) {
	if *f.calls++; *f.calls%2 == 0 {
		return 0, nil
	}
	return 3, f.err
}

func TestLoopOutlivesErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := flaky{calls: new(int), err: store.Wrap("flaky", "cleanup", store.ErrUnavailable)}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		failed, fine := 0, 0
		err := cleanup.Loop(ctx, s, &cleanup.Options{
			Interval: time.Second, Jitter: -1,
			Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			OnReport: func(r cleanup.Report, err error) {
				switch {
				case errors.Is(err, store.ErrUnavailable) && r.Removed == 3 && r.Reason == cleanup.Failed:
					failed++
				case err == nil && r.Reason == cleanup.Done:
					fine++
				default:
					t.Errorf("report %+v, error %v", r, err)
				}
			},
		})
		if !errors.Is(err, context.DeadlineExceeded) || failed < 5 || fine < 5 {
			t.Errorf("%d failed, %d fine, error %v", failed, fine, err)
		}
		if text := log.String(); strings.Count(text, "level=WARN") != failed || strings.Count(text, "level=DEBUG") != fine {
			t.Errorf("%d failed, %d fine, but the log is\n%s", failed, fine, text)
		}
	})
}

// What no wait will mend is told at once.
func TestLoopEndsOnUnsupported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := flaky{calls: new(int), err: errors.ErrUnsupported}
		if err := cleanup.Loop(t.Context(), s, &cleanup.Options{Logger: quiet()}); !errors.Is(err, errors.ErrUnsupported) || *s.calls != 1 {
			t.Errorf("%d sweeps, error %v", *s.calls, err)
		}
		if err := cleanup.Loop(t.Context(), s, &cleanup.Options{Limit: 1}); !errors.Is(err, errors.ErrUnsupported) || *s.calls != 1 {
			t.Errorf("%d sweeps, error %v", *s.calls, err)
		}
	})
}

func TestLoopEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		sweeps := 0
		done := make(chan error)
		go func() {
			done <- cleanup.Loop(ctx, store.NewMap(nil), &cleanup.Options{OnReport: func(cleanup.Report, error) { sweeps++ }})
		}()
		synctest.Wait() // in the wait for the second sweep
		cancel()
		if err := <-done; err != context.Canceled || sweeps != 1 {
			t.Errorf("%d sweeps, error %v", sweeps, err)
		}
		if err := cleanup.Loop(ctx, store.NewMap(nil), &cleanup.Options{OnReport: func(cleanup.Report, error) { sweeps++ }}); err != context.Canceled || sweeps != 1 {
			t.Errorf("after the end: %d sweeps, error %v", sweeps, err)
		}
	})
}

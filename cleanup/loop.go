package cleanup

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"math/rand/v2"
	"time"

	"github.com/larder-go/larder/store"
)

// Loop sweeps s at once and then at every Interval, until ctx ends, and returns ctx's error. It runs in the goroutine of
// its caller. An error of one sweep is reported through OnReport and Logger and does not end the loop, with two
// exceptions that time does not mend: options that make no sense, and an error that wraps [errors.ErrUnsupported]. Where another
// process has the lease, the loop tries again at the next Interval.
func Loop(ctx context.Context, s store.Store, o *Options) error {
	j, err := o.settle("loop", s)
	if err != nil {
		return err
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
		if err := ctx.Err(); err != nil { // select picks at random where both are ready
			return err
		}
		r, err := j.run(ctx, s)
		j.tell(ctx, r, err)
		if errors.Is(err, errors.ErrUnsupported) {
			return err
		}
		wait := j.Interval
		if j.Jitter > 0 {
			wait += min(rand.N(j.Jitter), math.MaxInt64-wait)
		}
		timer.Reset(wait)
	}
}

// tell reports one sweep. A sweep that was cut off by the end of the loop itself did not fail, nor one that another does.
func (o *Options) tell(ctx context.Context, r Report, err error) {
	if o.OnReport != nil {
		o.OnReport(r, err)
	}
	logger := o.Logger
	failed := err != nil && r.Reason != Canceled && r.Reason != Leased
	switch {
	case logger == nil && o.OnReport == nil && failed:
		logger = slog.Default()
	case logger == nil:
		return
	}
	attrs := []slog.Attr{
		slog.String("reason", string(r.Reason)), slog.Int("removed", r.Removed), slog.Int("scanned", r.Scanned),
		slog.Int64("bytes", r.Bytes), slog.Duration("duration", r.Duration), slog.Duration("lag", r.Lag), slog.Int("backlog", r.Backlog),
	}
	level := slog.LevelDebug
	switch {
	case failed:
		level, attrs = slog.LevelWarn, append(attrs, slog.Any("error", err))
	case r.Removed > 0:
		level = slog.LevelInfo
	}
	logger.LogAttrs(ctx, level, "cleanup", attrs...)
}

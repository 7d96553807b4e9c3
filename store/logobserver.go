package store

import (
	"context"
	"log/slog"
	"time"
)

// LogOptions are the options of [NewLogObserver]. nil means the zero value.
type LogOptions struct {
	// Slow makes a warning of an operation that took at least this long. A list, a sweep and a cleanup take their time and are exempt.
	// 0 means one second; negative, that none is too slow.
	Slow time.Duration
}

// NewLogObserver returns an [Observer] that logs each operation that is over: at [slog.LevelWarn] where the store failed, or was slow, and
// otherwise at [slog.LevelDebug]. [Outcome.Failed] says what is a failure. No key and no value is logged. A nil l means [slog.Default], as it
// is then.
//
// An outage makes a line for each operation; to sample or count them is for l's handler.
func NewLogObserver(l *slog.Logger, o *LogOptions) Observer {
	w := logObserver{log: l, slow: time.Second}
	if l == nil {
		w.log = slog.Default()
	}
	if o != nil && o.Slow != 0 {
		w.slow = o.Slow
	}
	return w
}

type logObserver struct {
	log  *slog.Logger
	slow time.Duration
}

func (w logObserver) Begin(ctx context.Context, _ Op) context.Context { return ctx }

func (w logObserver) End(ctx context.Context, e Event) {
	level, text := slog.LevelDebug, "store operation"
	switch {
	case e.Outcome.Failed():
		level, text = slog.LevelWarn, "store operation failed"
	case w.slow >= 0 && e.Duration >= w.slow && !e.longRunning():
		level, text = slog.LevelWarn, "slow store operation"
	}
	if !w.log.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 6)
	attrs = append(attrs, slog.String("op", string(e.Op)), slog.String("outcome", string(e.Outcome)), slog.Duration("duration", e.Duration))
	if e.Bytes != 0 {
		attrs = append(attrs, slog.Int64("bytes", e.Bytes))
	}
	if e.Entries != 0 {
		attrs = append(attrs, slog.Int("entries", e.Entries))
	}
	if e.Err != nil && level == slog.LevelWarn {
		attrs = append(attrs, slog.String("err", e.Err.Error()))
	}
	w.log.LogAttrs(ctx, level, text, attrs...)
}

func (e *Event) longRunning() bool {
	return e.Op == OpList || e.Op == OpSweep || e.Op == OpCleanup
}

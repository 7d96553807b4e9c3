package cleanup

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/larder-go/larder/store"
)

// DefaultInterval is the default of [Options.Interval].
const DefaultInterval = 10 * time.Minute

// Options steer a job. nil and the zero value remove what is absent by the store's own [store.Expiry], in one go. Negative
// numbers are an error, a negative Jitter aside.
type Options struct {
	Idle     time.Duration // remove also what nobody has used for this long; 0: only what is absent
	Prefix   string        // only keys that begin so
	Batch    int           // entries removed in one step, at most; 0: the store's choice
	Pause    time.Duration // wait between batches, so that others get through; must be shorter than MaxTime
	Limit    int           // entries removed in all, at most; 0: no limit
	MaxTime  time.Duration // time budget of one sweep, see [ErrBudget]; 0: none
	DryRun   bool          // count, remove nothing
	Progress func(Report)  // called after each batch, from the same goroutine; such a report has no Reason yet

	// The rest is for Loop; Run ignores it.

	// Interval is the time from the end of a sweep to the beginning of the next. 0: [DefaultInterval].
	Interval time.Duration

	// Jitter is the largest time that is added to each Interval, drawn anew each time, so that the processes of a
	// deployment that were started together do not sweep together. 0: a tenth of Interval; negative: none.
	Jitter time.Duration

	// OnReport is told of every sweep, with the error that Run would have returned. It is called from the loop's own
	// goroutine: the next sweep waits for it.
	OnReport func(Report, error)

	// Logger is told of every sweep: at level Debug, Info where something was removed, Warn with an error. nil: without
	// OnReport either, errors go to [slog.Default]; nothing else is logged.
	Logger *slog.Logger
}

// settle returns o, or the zero value for nil, with its defaults filled in, unless it makes no sense for s.
func (o *Options) settle(op string, s store.Store) (Options, error) {
	if o == nil {
		o = new(Options)
	}
	c := *o
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"Idle", int64(c.Idle)}, {"Batch", int64(c.Batch)}, {"Pause", int64(c.Pause)}, {"Limit", int64(c.Limit)},
		{"MaxTime", int64(c.MaxTime)}, {"Interval", int64(c.Interval)},
	} {
		if f.value < 0 {
			return c, store.Wrap("cleanup", op, fmt.Errorf("a negative %s makes no sense; leave it at 0 for none", f.name))
		}
	}
	if c.MaxTime > 0 && c.Pause >= c.MaxTime {
		return c, store.Wrap("cleanup", op, fmt.Errorf("the pause (%v) is as long as the whole budget (%v); shorten Pause or raise MaxTime",
			c.Pause, c.MaxTime))
	}
	if c.Interval == 0 {
		c.Interval = DefaultInterval
	}
	if c.Jitter == 0 {
		c.Jitter = c.Interval / 10
	}
	return c, supported(op, s, c)
}

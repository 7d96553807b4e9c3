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
	DryRun   bool          // count, remove nothing; takes no lease
	Progress func(Report)  // called after each batch, from the same goroutine; such a report has no Reason yet

	// Lease lets any number of hosts have the same timer while one works: it is how long a lease lasts that is not renewed, at least
	// [MinLease]; [DefaultLease] suits. Who finds it held gets [ErrLeased]; where the store cannot keep it, see [Run]. 0: none, and nothing is
	// written to the store.
	Lease time.Duration

	// Grace is how long a batch in flight may go on when the context ends, so that it is done whole and counted; no other is begun. 0: it is
	// cut off, which undoes it or not, as the store does.
	Grace time.Duration

	// The rest is for Loop; Run ignores it.

	// Interval is the time from the end of a sweep to the beginning of the next. 0: [DefaultInterval].
	Interval time.Duration

	// Jitter is the largest time that is added to each Interval, drawn anew each time, so that the processes of a
	// deployment that were started together do not sweep together. 0: a tenth of Interval; negative: none.
	Jitter time.Duration

	// OnReport is told of every sweep, with the error that Run would have returned. It is called from the loop's own
	// goroutine: the next sweep waits for it.
	OnReport func(Report, error)

	// Logger is told of every sweep: at level Debug, Info where something was removed, Warn with an error other than [ErrLeased]. nil:
	// without OnReport either, such errors go to [slog.Default]; nothing else is logged.
	Logger *slog.Logger
}

// job is Options that were found to make sense, with the clock that leases go by: a test of hosts whose clocks differ has several.
type job struct {
	Options
	clock func() time.Time
}

// settle returns o, or the zero value for nil, with its defaults filled in, unless it makes no sense for s.
func (o *Options) settle(op string, s store.Store) (*job, error) {
	if o == nil {
		o = new(Options)
	}
	j := &job{Options: *o, clock: time.Now}
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"Idle", int64(j.Idle)}, {"Batch", int64(j.Batch)}, {"Pause", int64(j.Pause)}, {"Limit", int64(j.Limit)},
		{"MaxTime", int64(j.MaxTime)}, {"Lease", int64(j.Lease)}, {"Grace", int64(j.Grace)}, {"Interval", int64(j.Interval)},
	} {
		if f.value < 0 {
			return j, store.Wrap("cleanup", op, fmt.Errorf("a negative %s makes no sense; leave it at 0 for none", f.name))
		}
	}
	if j.MaxTime > 0 && j.Pause >= j.MaxTime {
		return j, store.Wrap("cleanup", op, fmt.Errorf("the pause (%v) is as long as the whole budget (%v); shorten Pause or raise MaxTime",
			j.Pause, j.MaxTime))
	}
	if j.Lease > 0 && (j.Lease < MinLease || j.Lease > MaxLease) {
		return j, store.Wrap("cleanup", op, fmt.Errorf("a Lease of %v makes no sense; it is %v to %v, and %v suits", j.Lease, MinLease, MaxLease, DefaultLease))
	}
	if j.Interval == 0 {
		j.Interval = DefaultInterval
	}
	if j.Jitter == 0 {
		j.Jitter = j.Interval / 10
	}
	return j, j.supported(op, s)
}

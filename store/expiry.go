package store

import (
	"fmt"
	"math"
	"time"
)

// defaultTouchAfter bounds the default of [Expiry.TouchAfter].
const defaultTouchAfter = time.Minute

// Expiry says how long entries live without being used. It is embedded in the Options of every backend. All processes
// that open one store, a cleanup job too, must pass the same Expiry. The zero value keeps entries for ever.
type Expiry struct {
	// Timeout is the idle time-out: an entry that nobody has used for longer is absent. 0: never by itself.
	Timeout time.Duration

	// TouchAfter saves writes: a use is recorded only when the recorded atime is older than this. 0 means
	// min(1 minute, Timeout/20), or 1 minute without a Timeout; negative means that every use is recorded.
	TouchAfter time.Duration
}

// Validate reports what is wrong with e: a negative Timeout.
func (e Expiry) Validate() error {
	if e.Timeout < 0 {
		return fmt.Errorf("the Timeout of %v is negative; 0 keeps entries for ever", e.Timeout)
	}
	return nil
}

// Slack is TouchAfter with its default filled in: how far a recorded atime may lag behind the last use.
func (e Expiry) Slack() time.Duration {
	switch {
	case e.TouchAfter > 0:
		return e.TouchAfter
	case e.TouchAfter < 0:
		return 0
	case e.Timeout > 0:
		return min(defaultTouchAfter, e.Timeout/20)
	}
	return defaultTouchAfter
}

// Cutoff is the time before which an atime means that its entry must go: now - (Timeout + Slack), or with an idle > 0
// that is shorter, now - (idle + Slack). It is the zero time where nothing goes by its atime.
func (e Expiry) Cutoff(now time.Time, idle time.Duration) time.Time {
	limit := e.Timeout
	if idle > 0 && (limit <= 0 || idle < limit) {
		limit = idle
	}
	if limit <= 0 {
		return time.Time{}
	}
	slack := e.Slack()
	if limit > math.MaxInt64-slack {
		return time.Time{} // longer than a Duration can say: 292 years
	}
	return now.Add(-limit - slack)
}

// Due is the moment from which a sweep for idle removes an entry with this atime and deadline (zero: none): the earlier of the
// deadline and of when the atime comes to lie before [Expiry.Cutoff]. It is the zero time where none does.
func (e Expiry) Due(atime, expires time.Time, idle time.Duration) time.Time {
	cutoff := e.Cutoff(atime, idle)
	if cutoff.IsZero() {
		return expires
	}
	if due := atime.Add(atime.Sub(cutoff)); expires.IsZero() || due.Before(expires) {
		return due
	}
	return expires
}

// Absent reports whether an entry with this atime and deadline (zero: none) is absent at now, removed or not.
func (e Expiry) Absent(now, atime, expires time.Time) bool {
	return !expires.IsZero() && !now.Before(expires) || atime.Before(e.Cutoff(now, 0))
}

// Stale reports whether a use at now must be recorded: whether the recorded atime is older than the slack.
func (e Expiry) Stale(now, atime time.Time) bool {
	return now.Sub(atime) > e.Slack()
}

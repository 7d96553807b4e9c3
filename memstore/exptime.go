package memstore

import (
	"math"
	"time"

	"github.com/larder-go/larder/store"
)

// memcached counts in whole seconds by a clock that ticks once a second, so an item told to live for n seconds lives between n-1 and n. The
// clock is set again after each tick and so is a little late every time; when those delays add up to a second, one tick counts two, and items
// written shortly before lose another second. (Read in its clock_handler; the first half was measured.)
const (
	// maxRelative is the longest time that memcached takes as one from now; a larger number is a moment, in seconds since 1970.
	maxRelative = 30 * 24 * 60 * 60

	// gone is a moment in the past, in 1970: the item expires at once. A negative number would do the same, but is not documented for
	// servers of all ages.
	gone = maxRelative + 1
)

// idleSeconds is how long memcached is to keep an entry that is used now: not shorter than the timeout, and at most two seconds longer than
// timeout + slack. Both hold also when its clock skips a second, if the timeout is in whole seconds or the slack is a second or more.
func idleSeconds(timeout, slack time.Duration) int64 {
	if timeout <= 0 {
		return 0
	}
	return max(ceilSeconds(timeout, slack)+1, int64(timeout/time.Second)+2)
}

// ceilSeconds is a + b, rounded up; the sum itself may overflow.
func ceilSeconds(a, b time.Duration) int64 {
	rest := a%time.Second + b%time.Second
	return int64(a/time.Second) + int64(b/time.Second) + int64((rest+time.Second-1)/time.Second)
}

// useExptime is the exptime of an entry that is used now and whose deadline, if it has one, is not known.
func (s *Store) useExptime() int32 {
	if s.idle <= maxRelative {
		return int32(s.idle)
	}
	return exptime(s.idle, time.Now())
}

// idleOf is idle for the key: a reserved one lives until its deadline.
func (s *Store) idleOf(key string) int64 {
	if store.Reserved(key) {
		return 0
	}
	return s.idle
}

// writeExptime is the exptime of an entry that is written now. atime is when it was last used, zero: now.
func (s *Store) writeExptime(key string, atime, expires time.Time) int32 {
	seconds := s.idleOf(key)
	if seconds > 0 && atime.IsZero() && expires.IsZero() {
		return s.useExptime()
	}
	now := time.Now()
	if age := now.Sub(atime); seconds > 0 && !atime.IsZero() && age > 0 {
		if s.expiry.Absent(now, atime, time.Time{}) {
			return gone
		}
		seconds = max(ceilSeconds(s.expiry.Timeout-age, s.expiry.Slack())+1, 1)
	}
	if !expires.IsZero() {
		left := expires.Sub(now)
		if left <= 0 {
			return gone
		}
		// The record has the deadline and every read enforces it, so memcached's may be late, and is, rather than early.
		if until := ceilSeconds(left, 0) + 2; seconds == 0 || until < seconds {
			seconds = until
		}
	}
	return exptime(seconds, now)
}

// exptime says seconds from now as memcached wants to hear it: 0 for ever, longer than 30 days as a moment. Moments end in January 2038 for
// servers that count them in 32 bits, and the protocol's client does so too.
func exptime(seconds int64, now time.Time) int32 {
	if seconds <= maxRelative {
		return int32(seconds)
	}
	at := now.Unix() + seconds
	switch {
	case at <= math.MaxInt32:
		return int32(at)
	case now.Unix()+maxRelative >= math.MaxInt32: // the last moment is near, or past
		return maxRelative
	}
	return math.MaxInt32
}

package dbstore

import (
	"encoding/binary"
	"math"
	"strconv"
	"time"

	"github.com/larder-go/larder/store"
)

// A timestamptz on the wire is microseconds since 2000, big-endian. These bound what PostgreSQL takes; its two infinities lie beyond.
const (
	epoch    = 946_684_800_000_000 // 2000, in microseconds since 1970
	earliest = -211_813_488_000_000_000
	latest   = 9_223_371_331_199_999_999
)

// micros rounds t up to what a timestamptz can hold: rounded down, an entry would be absent up to a microsecond early. That it is one late
// cannot be told, since an answer takes longer.
func micros(t time.Time) int64 {
	sec := t.Unix()
	if sec > latest/1_000_000 {
		return latest
	}
	if sec < earliest/1_000_000 {
		return earliest
	}
	return min(max(sec*1_000_000+int64(t.Nanosecond()+999)/1000-epoch, earliest), latest)
}

func appendTime(b []byte, t time.Time) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(micros(t)))
}

// parseTime reads a column; NULL is the zero time.
func parseTime(column []byte) time.Time {
	if len(column) != 8 {
		return time.Time{}
	}
	us := int64(binary.BigEndian.Uint64(column))
	return time.Unix(us/1_000_000+epoch/1_000_000, us%1_000_000*1000)
}

// limit is how long ago an atime may be, at most, in a sweep for what was idle that long; none: false.
func limit(e store.Expiry, idle time.Duration) (time.Duration, bool) {
	now := time.Unix(0, 0)
	cutoff := e.Cutoff(now, idle)
	if cutoff.IsZero() {
		return 0, false
	}
	return now.Sub(cutoff), true
}

// interval writes d as SQL, rounded up to microseconds, so that nothing goes early.
func interval(d time.Duration) string {
	us := d / time.Microsecond
	if d%time.Microsecond > 0 && us < math.MaxInt64 {
		us++
	}
	return "interval '" + strconv.FormatInt(int64(us), 10) + " microseconds'"
}

package redisstore

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/store"
)

// headSize is the length of the two times before the record.
const headSize = 16

// entryOverhead is what an entry takes besides its value, at most.
const entryOverhead = headSize + record.Overhead + store.MaxKeyLen

// entry is a stored string that could be read. Its value is a part of that string's memory.
type entry struct {
	atime    int64 // µs
	deadline int64 // µs, rounded up; 0: none
	record.Record
}

// parse reads a stored string. Errors wrap [store.ErrCorrupt].
func parse(stored []byte, key string) (entry, error) {
	if len(stored) < headSize {
		return entry{}, fmt.Errorf("%w: cut off in its head", store.ErrCorrupt)
	}
	r, err := record.Decode(stored[headSize:], key)
	if err != nil {
		return entry{}, err
	}
	return entry{
		atime:    int64(binary.BigEndian.Uint64(stored)),
		deadline: int64(binary.BigEndian.Uint64(stored[8:])),
		Record:   r,
	}, nil
}

// item returns what belongs to the caller.
func (e *entry) item() *store.Item {
	return &store.Item{Value: e.Value, Expires: e.Expires, Atime: time.UnixMicro(e.atime), Version: e.Version.Text()}
}

// encode returns the string to be stored. atime is in µs.
func encode(r *record.Record, atime int64) []byte {
	stored := make([]byte, headSize, headSize+r.Size())
	binary.BigEndian.PutUint64(stored, uint64(atime))
	binary.BigEndian.PutUint64(stored[8:], uint64(deadlineMicros(r.Expires)))
	return r.Append(stored)
}

// deadlineMicros rounds up: never early. 0 is none, so the one moment that would be 0 is a microsecond earlier; it is long over.
func deadlineMicros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	nanos := record.Nanos(t)
	us := nanos / 1000
	if nanos%1000 > 0 {
		us++
	}
	if us == 0 {
		return -1
	}
	return us
}

// atimeMicros returns the atime that was given to Swap; 0: now.
func atimeMicros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	us := t.UnixMicro()
	switch {
	case us == 0:
		return -1
	case t.After(time.UnixMicro(math.MaxInt64 / 1000)):
		return 0 // the future: now
	case t.Before(time.UnixMicro(math.MinInt64 / 1000)):
		return math.MinInt64 / 1000
	}
	return us
}

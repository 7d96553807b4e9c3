package store

import (
	"encoding/binary"
	"math"
	"time"
	"unsafe"
)

// copied is a copy of an entry as it stands in the fast store: the value behind a header that says from when it is and how long it may answer.
//
//	offset  size  what
//	     0     1  "L"
//	     1     1  1: only Get; 2: also Load, by the last three fields of the header
//	     2     8  id: the layer that made it
//	    10     8  tick: when that began to read the entry, by its own count
//	    18     8  fetched: the same by the clock of its host
//	    26     8  life: for how long it may answer from then on
//	    34     8  the entry's atime
//	    42     8  the entry's deadline
//	    50     1  n: length of the entry's version
//	    51     n  the entry's version
//	34/51+n       the value
//
// Integers are little-endian; times are nanoseconds, since 1970 those of clocks, and the least of all integers is no time. The store keeps a
// checksum and the key, so the copy need not.
type copied []byte

const (
	copyGet  = 1
	copyLoad = 2

	copyHeader     = 34
	copyLoadHeader = 51
)

func (c copied) uint(at int) uint64 { return binary.LittleEndian.Uint64(c[at:]) }

func (c copied) id() uint64        { return c.uint(2) }
func (c copied) tick() int64       { return int64(c.uint(10)) }
func (c copied) fetched() nanos    { return nanos(c.uint(18)) }
func (c copied) life() int64       { return int64(c.uint(26)) }
func (c copied) answersLoad() bool { return c[1] == copyLoad }
func (c copied) until() time.Time  { return c.fetched().time().Add(time.Duration(c.life())) }

// valid reports whether c is a copy at all, and of this format. No other method may be called otherwise.
func (c copied) valid() bool {
	switch {
	case len(c) < copyHeader || c[0] != 'L':
		return false
	case c[1] == copyGet:
		return true
	}
	return c[1] == copyLoad && len(c) >= copyLoadHeader && len(c) >= copyLoadHeader+int(c[50])
}

func (c copied) value() []byte {
	if c.answersLoad() {
		return c[copyLoadHeader+int(c[50]):]
	}
	return c[copyHeader:]
}

func (c copied) item() *Item {
	return &Item{Value: c.value(), Atime: nanos(c.uint(34)).time(), Expires: nanos(c.uint(42)).time(), Version: c.version()}
}

// version shares the memory of c, which saves each Load that a copy answers an allocation. Nobody can change it: fast gave c away, and of c the
// caller is given no more than the value behind.
func (c copied) version() Version {
	return Version(unsafe.String(unsafe.SliceData(c[copyLoadHeader:]), int(c[50])))
}

// before reports whether c was read earlier than d, as far as two hosts can tell.
func (c copied) before(d copied) bool {
	if c.id() == d.id() {
		return c.tick() < d.tick()
	}
	return c.fetched() < d.fetched()
}

// copyAhead is by how much an atime may seem to lie in the future: a read takes its time, and clocks differ by a little.
const copyAhead = time.Second

// copyOf returns the copy of item that l makes, which it began to read at tick and, by its host's clock, fetched; nil, if that is not worth
// keeping. It is over after MaxAge, at the entry's deadline, or when the next use must be recorded, whichever comes first.
func (l *layer) copyOf(item *Item, tick int64, fetched time.Time) copied {
	life := min(l.maxAge, l.slack)
	if !item.Atime.IsZero() {
		if item.Atime.Sub(fetched) > copyAhead {
			return nil // slow's clock is ahead, and nobody knows when it has recorded this
		}
		life = min(life, item.Atime.Add(l.slack).Sub(fetched))
	}
	if !item.Expires.IsZero() {
		life = min(life, item.Expires.Sub(fetched))
	}
	if life <= 0 || l.loads && (len(item.Version) > math.MaxUint8 || item.Expires.Year() > 2261) { // what the header cannot hold
		return nil
	}
	c := make(copied, 0, copyLoadHeader+len(item.Version)+len(item.Value))
	c = append(c, 'L', copyGet)
	for _, n := range [...]uint64{l.id, uint64(tick), uint64(nanosOf(fetched)), uint64(life)} {
		c = binary.LittleEndian.AppendUint64(c, n)
	}
	if l.loads {
		c[1] = copyLoad
		c = binary.LittleEndian.AppendUint64(c, uint64(nanosOf(item.Atime)))
		c = binary.LittleEndian.AppendUint64(c, uint64(nanosOf(item.Expires)))
		c = append(c, byte(len(item.Version)))
		c = append(c, item.Version...)
	}
	return append(c, item.Value...)
}

// nanos is a time as it stands in a copy: most hits need none as a time.Time.
type nanos int64

const noTime nanos = math.MinInt64

func nanosOf(t time.Time) nanos {
	if t.IsZero() {
		return noTime
	}
	return nanos(t.UnixNano())
}

func (n nanos) time() time.Time {
	if n == noTime {
		return time.Time{}
	}
	return time.Unix(0, int64(n))
}

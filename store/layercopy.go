package store

import (
	"encoding/binary"
	"math"
	"time"
)

// copied is a copy of an entry as it stands in the fast store: the value behind a header that says from when it is and how long it may answer.
//
//	offset  size  what
//	     0     2  "L", version of this format: 1
//	     2     8  id: the layer that made it
//	    10     8  tick: when that began to read the entry, by its own count
//	    18     8  limit: when the copy is over, by the same count
//	    26     8  fetched: when it began, by the clock of its host
//	    34     8  until: when it is over, by that clock
//	    42     8  the entry's atime
//	    50     8  the entry's deadline
//	    58     1  n: length of the entry's version
//	    59     n  the entry's version
//	  59+n        the value
//
// Integers are little-endian; times are nanoseconds since 1970, and the least of all integers is no time. The store keeps a
// checksum and the key, so the copy need not.
type copied struct {
	id          uint64
	tick, limit int64
	fetched     nanos
	until       nanos
	atime       nanos
	expires     nanos
	version     []byte
	value       []byte
}

const (
	copyMagic  = "L\x01"
	copyHeader = 59
)

// readCopy takes apart what bytes put together. Anything else is no copy: another format's, or not ours.
func readCopy(data []byte) (c copied, ok bool) {
	if len(data) < copyHeader || string(data[:2]) != copyMagic {
		return copied{}, false
	}
	rest := data[copyHeader:]
	n := int(data[58])
	if len(rest) < n {
		return copied{}, false
	}
	c.id = binary.LittleEndian.Uint64(data[2:])
	c.tick = int64(binary.LittleEndian.Uint64(data[10:]))
	c.limit = int64(binary.LittleEndian.Uint64(data[18:]))
	c.fetched = nanos(binary.LittleEndian.Uint64(data[26:]))
	c.until = nanos(binary.LittleEndian.Uint64(data[34:]))
	c.atime = nanos(binary.LittleEndian.Uint64(data[42:]))
	c.expires = nanos(binary.LittleEndian.Uint64(data[50:]))
	c.version, c.value = rest[:n], rest[n:]
	return c, true
}

func (c *copied) bytes() []byte {
	data := make([]byte, 0, copyHeader+len(c.version)+len(c.value))
	data = append(data, copyMagic...)
	data = binary.LittleEndian.AppendUint64(data, c.id)
	data = binary.LittleEndian.AppendUint64(data, uint64(c.tick))
	data = binary.LittleEndian.AppendUint64(data, uint64(c.limit))
	for _, n := range [...]nanos{c.fetched, c.until, c.atime, c.expires} {
		data = binary.LittleEndian.AppendUint64(data, uint64(n))
	}
	data = append(data, byte(len(c.version)))
	return append(append(data, c.version...), c.value...)
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

// makeCopy returns a copy of item by the layer id, which began to read it at tick and, by its host's clock, fetched, and reports whether it is worth
// keeping. It is over after maxAge, at the entry's deadline, or when the next use must be recorded, whichever comes first.
func makeCopy(id uint64, tick int64, fetched time.Time, item *Item, maxAge, slack time.Duration) (c copied, ok bool) {
	if len(item.Version) > math.MaxUint8 || item.Expires.Year() > 2261 { // what the header cannot hold
		return copied{}, false
	}
	until := fetched.Add(min(maxAge, slack))
	if used := item.Atime.Add(slack); !item.Atime.IsZero() && used.Before(until) {
		until = used
	}
	if !item.Expires.IsZero() && item.Expires.Before(until) {
		until = item.Expires
	}
	life := until.Sub(fetched)
	return copied{
		id: id, tick: tick, limit: tick + int64(life),
		fetched: nanosOf(fetched), until: nanosOf(until), atime: nanosOf(item.Atime), expires: nanosOf(item.Expires),
		version: []byte(item.Version), value: item.Value,
	}, life > 0
}

func (c *copied) item() *Item {
	return &Item{Value: c.value, Expires: c.expires.time(), Atime: c.atime.time(), Version: Version(c.version)}
}

// before reports whether c was read earlier than d, as far as two hosts can tell.
func (c *copied) before(d *copied) bool {
	if c.id == d.id {
		return c.tick < d.tick
	}
	return c.fetched < d.fetched
}

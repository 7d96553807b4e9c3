// Package record is the one format in which files, bbolt, memcached and Redis keep an entry. Version 1, integers big-endian:
//
//	offset  size  field
//	0       4     magic "LRDR"
//	4       1     format version, 1
//	5       1     reserved, 0
//	6       2     k, length of the key (1 to 1024)
//	8       4     v, length of the value
//	12      8     deadline, nanoseconds since 1970 UTC, signed; 0: none
//	20      8     time written, likewise
//	28      16    entry version, random
//	44      k     key
//	44+k    v     value
//	44+k+v  4     CRC-32C (Castagnoli) of all the above
//
// The key stands inside so that a record that ended up under another name is noticed, and a hashed name can be listed. The checksum
// comes last so that a record that was cut off, or whose blocks hold somebody else's bytes after a crash, is not served. A reader
// refuses versions and reserved bits that it does not know.
package record

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"time"

	"github.com/larder-go/larder/store"
)

// Overhead is what a record takes besides its key and value, in bytes. MaxValue is what a reader takes for a possible length.
const (
	HeaderSize = 44
	Overhead   = HeaderSize + crcSize
	MaxValue   = 1 << 30

	magic   = "LRDR"
	format  = 1
	crcSize = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Version is an entry's version as the record holds it.
type Version [16]byte

// NewVersion draws a version.
func NewVersion() (v Version) {
	rand.Read(v[:])
	return v
}

// Text returns v as the contract spells it.
func (v Version) Text() store.Version { return store.Version(hex.EncodeToString(v[:])) }

// Record is an entry. The zero Expires means no deadline.
type Record struct {
	Key     string
	Value   []byte
	Version Version
	Expires time.Time
	Written time.Time // given with the write: the time of it, or the atime that a Swap carried over
}

// Size is the length of r's encoding.
func (r *Record) Size() int { return Overhead + len(r.Key) + len(r.Value) }

// Append appends the encoding of r to dst. The key and the value must be within the limits.
func (r *Record) Append(dst []byte) []byte {
	dst = slices.Grow(dst, r.Size())
	start := len(dst)
	dst = append(dst, magic...)
	dst = append(dst, format, 0)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(r.Key)))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(r.Value)))
	dst = binary.BigEndian.AppendUint64(dst, uint64(Nanos(r.Expires)))
	dst = binary.BigEndian.AppendUint64(dst, uint64(Nanos(r.Written)))
	dst = append(dst, r.Version[:]...)
	dst = append(dst, r.Key...)
	dst = append(dst, r.Value...)
	return binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

// Decode reads the record that fills data exactly. Its Value is a part of data. Where key is not "", the record must be under
// that key, and no memory is allocated. Errors wrap [store.ErrCorrupt].
func Decode(data []byte, key string) (Record, error) {
	size, err := Length(data)
	switch {
	case err != nil:
		return Record{}, err
	case size != len(data):
		return Record{}, corrupt("%d bytes where its header says %d", len(data), size)
	case binary.BigEndian.Uint32(data[size-crcSize:]) != crc32.Checksum(data[:size-crcSize], castagnoli):
		return Record{}, corrupt("checksum mismatch")
	}
	value := HeaderSize + int(binary.BigEndian.Uint16(data[6:]))
	switch found := data[HeaderSize:value]; {
	case key == "":
		key = string(found)
		if store.CheckKey(key) != nil {
			return Record{}, corrupt("it holds an invalid key")
		}
	case string(found) != key:
		return Record{}, corrupt("it belongs to another key")
	}
	return Record{
		Key:     key,
		Value:   data[value : size-crcSize : size-crcSize],
		Version: Version(data[28:44]),
		Expires: Time(int64(binary.BigEndian.Uint64(data[12:]))),
		Written: Time(int64(binary.BigEndian.Uint64(data[20:]))),
	}, nil
}

// Length returns how long the record that begins with header is, by its header alone.
func Length(header []byte) (int, error) {
	if len(header) < HeaderSize {
		return 0, corrupt("cut off in its header")
	}
	if string(header[:4]) != magic {
		return 0, corrupt("it is not a record")
	}
	if header[4] != format || header[5] != 0 {
		return 0, corrupt("format version %d.%d; this program reads version %d", header[4], header[5], format)
	}
	k, v := int(binary.BigEndian.Uint16(header[6:])), binary.BigEndian.Uint32(header[8:])
	if k == 0 || k > store.MaxKeyLen || v > MaxValue {
		return 0, corrupt("impossible lengths")
	}
	return Overhead + k + int(v), nil
}

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{store.ErrCorrupt}, args...)...)
}

// Nanos returns t as a record holds it: 0 for the zero time, and what is out of range (1678 to 2262) as the nearest there is.
func Nanos(t time.Time) int64 {
	switch {
	case t.IsZero():
		return 0
	case t.Before(time.Unix(0, math.MinInt64)):
		return math.MinInt64
	case t.After(time.Unix(0, math.MaxInt64)):
		return math.MaxInt64
	case t.UnixNano() == 0: // the one moment that would read as none
		return 1
	}
	return t.UnixNano()
}

// Time is the reverse of Nanos.
func Time(nanos int64) time.Time {
	if nanos == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanos)
}

package codec

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"time"
)

var (
	errTooDeep  = errors.New("lists and maps are nested more than 64 deep, or a pointer leads back to itself")
	errTooLong  = errors.New("something is longer than a gigabyte")
	errSameKeys = errors.New("two keys of a map are the same once encoded")
)

// maxLen is the largest length of anything that is written. The format's own limit is four times that.
const maxLen = 1<<30 - 1

// encoder writes values, each at the end of b, which the methods take and return as append does.
type encoder struct {
	c       *msgPack
	buf     []byte // what the last value was written to
	ptrs    int    // pointers followed on the way here
	cost    int    // what the decoder will take for what reflection found
	foreign bool   // methods of types have written some of it
	loose   bool   // on the way here was an any: what reads it back knows no type
}

// any writes v. The types that sessions are made of are written here, all others by reflection; depth is that of the list or
// map around v.
func (e *encoder) any(b []byte, v any, depth int) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, 0xc0), nil
	case bool:
		return appendBool(b, v), nil
	case string:
		return appendString(b, v)
	case int:
		return appendInt(b, int64(v)), nil
	case int64:
		return appendInt(b, v), nil
	case int32:
		return appendInt(b, int64(v)), nil
	case uint64:
		return appendUint(b, v), nil
	case float64:
		return appendFloat64(b, v), nil
	case []byte:
		return appendBytes(b, v)
	case time.Time:
		return appendTime(b, v), nil
	case time.Duration:
		return appendInt(b, int64(v)), nil
	case map[string]any:
		return encodeMap(e, b, v, depth, e.any)
	case []any:
		return encodeList(b, v, depth, e.any)
	case map[string]string:
		return encodeMap(e, b, v, depth, e.string)
	case []string:
		return encodeList(b, v, depth, e.string)
	}
	return e.reflect(b, v, depth)
}

func (*encoder) string(b []byte, s string, _ int) ([]byte, error) { return appendString(b, s) }

// encodeMap writes a map in the order of its keys: the same map is always the same bytes.
func encodeMap[V any](e *encoder, b []byte, m map[string]V, depth int, value func([]byte, V, int) ([]byte, error)) ([]byte, error) {
	if m == nil {
		return append(b, 0xc0), nil
	}
	if depth++; depth > maxDepth {
		return b, errTooDeep
	}
	b, err := appendMapLen(b, len(m))
	if len(m) > fewPairs {
		keys := make([]string, 0, len(m))
		for key := range m {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		for _, key := range keys {
			if err == nil {
				b, err = appendString(b, key)
			}
			if err == nil {
				b, err = value(b, m[key], depth)
			}
		}
		return b, err
	}
	var few [fewPairs]pair[V]
	pairs := few[:0]
	for key, value := range m {
		pairs = append(pairs, pair[V]{key, value})
	}
	sortPairs(pairs)
	for i := 0; i < len(pairs) && err == nil; i++ {
		if b, err = appendString(b, pairs[i].key); err == nil {
			b, err = value(b, pairs[i].value, depth)
		}
	}
	return b, err
}

// fewPairs are sorted by themselves, without a lookup of each value or a call for each comparison.
const fewPairs = 16

type pair[V any] struct {
	key   string
	value V
}

func sortPairs[V any](pairs []pair[V]) {
	for i := 1; i < len(pairs); i++ {
		p, j := pairs[i], i
		for ; j > 0 && p.key < pairs[j-1].key; j-- {
			pairs[j] = pairs[j-1]
		}
		pairs[j] = p
	}
}

func encodeList[V any](b []byte, l []V, depth int, value func([]byte, V, int) ([]byte, error)) ([]byte, error) {
	if l == nil {
		return append(b, 0xc0), nil
	}
	if depth++; depth > maxDepth {
		return b, errTooDeep
	}
	b, err := appendListLen(b, len(l))
	for i := 0; i < len(l) && err == nil; i++ {
		b, err = value(b, l[i], depth)
	}
	return b, err
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 0xc3)
	}
	return append(b, 0xc2)
}

func appendInt(b []byte, i int64) []byte {
	switch {
	case i >= 0:
		return appendUint(b, uint64(i))
	case i >= -32:
		return append(b, byte(i))
	case i >= math.MinInt8:
		return append(b, 0xd0, byte(i))
	case i >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(b, 0xd1), uint16(i))
	case i >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(b, 0xd2), uint32(i))
	}
	return binary.BigEndian.AppendUint64(append(b, 0xd3), uint64(i))
}

func appendUint(b []byte, u uint64) []byte {
	switch {
	case u <= 0x7f:
		return append(b, byte(u))
	case u <= math.MaxUint8:
		return append(b, 0xcc, byte(u))
	case u <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, 0xcd), uint16(u))
	case u <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, 0xce), uint32(u))
	}
	return binary.BigEndian.AppendUint64(append(b, 0xcf), u)
}

func appendFloat32(b []byte, f float32) []byte {
	return binary.BigEndian.AppendUint32(append(b, 0xca), math.Float32bits(f))
}

func appendFloat64(b []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(append(b, 0xcb), math.Float64bits(f))
}

func appendString(b []byte, s string) ([]byte, error) {
	if len(s) < 32 {
		return append(append(b, 0xa0|byte(len(s))), s...), nil
	}
	b, err := appendLen(b, len(s), 0xd9, 0xda, 0xdb)
	return append(b, s...), err
}

func appendBytes(b, v []byte) ([]byte, error) {
	if v == nil {
		return append(b, 0xc0), nil
	}
	b, err := appendLen(b, len(v), 0xc4, 0xc5, 0xc6)
	return append(b, v...), err
}

func appendMapLen(b []byte, n int) ([]byte, error) {
	if n < 16 {
		return append(b, 0x80|byte(n)), nil
	}
	return appendLen(b, n, 0, 0xde, 0xdf)
}

func appendListLen(b []byte, n int) ([]byte, error) {
	if n < 16 {
		return append(b, 0x90|byte(n)), nil
	}
	return appendLen(b, n, 0, 0xdc, 0xdd)
}

// appendLen writes a length in the narrowest of three forms; c8 is 0 where there is no form of 8 bits.
func appendLen(b []byte, n int, c8, c16, c32 byte) ([]byte, error) {
	switch {
	case n <= math.MaxUint8 && c8 != 0:
		return append(b, c8, byte(n)), nil
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, c16), uint16(n)), nil
	case n <= maxLen:
		return binary.BigEndian.AppendUint32(append(b, c32), uint32(n)), nil
	}
	return b, errTooLong
}

// appendTime writes the instant; where on earth it was meant is not kept.
func appendTime(b []byte, t time.Time) []byte {
	sec, nsec := t.Unix(), t.Nanosecond()
	switch {
	case uint64(sec)>>34 != 0: // before 1970 or after 2514
		b = binary.BigEndian.AppendUint32(append(b, 0xc7, 12, 0xff), uint32(nsec))
		return binary.BigEndian.AppendUint64(b, uint64(sec))
	case nsec == 0 && sec <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, 0xd6, 0xff), uint32(sec))
	}
	return binary.BigEndian.AppendUint64(append(b, 0xd7, 0xff), uint64(nsec)<<34|uint64(sec))
}

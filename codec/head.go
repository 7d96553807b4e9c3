package codec

import (
	"encoding/binary"
	"math"
	"time"
)

type kind uint8

const (
	kindNil   kind = iota
	kindBool       // bits: 0 or 1
	kindInt        // bits: the int64
	kindUint       // bits: a uint64 over the largest int64
	kindFloat      // bits: of the float64
	kindStr        // n bytes follow
	kindBin        // n bytes follow
	kindTime       // n bytes follow
	kindList       // n values follow
	kindMap        // n pairs of values follow
)

// head reads the header of a value, and of a number or bool, all.
func (d *decoder) head() (k kind, n int, bits uint64) {
	c := d.data[d.pos]
	d.pos++
	switch {
	case c <= 0x7f:
		return kindInt, 0, uint64(c)
	case c >= 0xe0:
		return kindInt, 0, uint64(int8(c))
	case c <= 0x8f:
		return kindMap, int(c & 0x0f), 0
	case c <= 0x9f:
		return kindList, int(c & 0x0f), 0
	case c <= 0xbf:
		return kindStr, int(c & 0x1f), 0
	}
	switch c {
	case 0xc2:
		return kindBool, 0, 0
	case 0xc3:
		return kindBool, 0, 1
	case 0xc4:
		return kindBin, int(d.bits(1)), 0
	case 0xc5:
		return kindBin, int(d.bits(2)), 0
	case 0xc6:
		return kindBin, int(d.bits(4)), 0
	case 0xc7: // the only sized extension that passes check has one byte of length
		n = int(d.bits(1))
		d.pos++
		return kindTime, n, 0
	case 0xca:
		return kindFloat, 0, math.Float64bits(float64(math.Float32frombits(uint32(d.bits(4)))))
	case 0xcb:
		return kindFloat, 0, d.bits(8)
	case 0xcc, 0xcd, 0xce:
		return kindInt, 0, d.bits(1 << (c - 0xcc))
	case 0xcf:
		if bits = d.bits(8); bits > math.MaxInt64 {
			return kindUint, 0, bits
		}
		return kindInt, 0, bits
	case 0xd0:
		return kindInt, 0, uint64(int8(d.bits(1)))
	case 0xd1:
		return kindInt, 0, uint64(int16(d.bits(2)))
	case 0xd2:
		return kindInt, 0, uint64(int32(d.bits(4)))
	case 0xd3:
		return kindInt, 0, d.bits(8)
	case 0xd6, 0xd7:
		d.pos++ // the type
		return kindTime, 1 << (c - 0xd4), 0
	case 0xd9:
		return kindStr, int(d.bits(1)), 0
	case 0xda:
		return kindStr, int(d.bits(2)), 0
	case 0xdb:
		return kindStr, int(d.bits(4)), 0
	case 0xdc:
		return kindList, int(d.bits(2)), 0
	case 0xdd:
		return kindList, int(d.bits(4)), 0
	case 0xde:
		return kindMap, int(d.bits(2)), 0
	case 0xdf:
		return kindMap, int(d.bits(4)), 0
	}
	return kindNil, 0, 0
}

// bits reads a big-endian number of width bytes.
func (d *decoder) bits(width int) (u uint64) {
	b := d.data[d.pos:]
	d.pos += width
	switch width {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.BigEndian.Uint16(b))
	case 4:
		return uint64(binary.BigEndian.Uint32(b))
	}
	return binary.BigEndian.Uint64(b)
}

// raw takes n bytes, which stay data's.
func (d *decoder) raw(n int) []byte {
	d.pos += n
	return d.data[d.pos-n : d.pos : d.pos]
}

// str takes n bytes as a string.
func (d *decoder) str(n int) (string, error) {
	raw := d.raw(n)
	if len(d.data) > shareLimit {
		return string(raw), d.spend(bytesCost(n))
	}
	if d.shared == "" {
		d.shared = string(d.data)
	}
	return d.shared[d.pos-n : d.pos], nil
}

// name takes n bytes as a key of a map. In large data, where strings are not shared, the same few keys come again and again: they are
// looked up in a table, whose places the last one takes.
func (d *decoder) name(n int) (string, error) {
	if n == 0 || len(d.data) <= shareLimit {
		return d.str(n)
	}
	if d.names == nil {
		d.names = new([64]string)
	}
	raw := d.data[d.pos : d.pos+n]
	place := &d.names[(n+3*int(raw[0])+5*int(raw[n/2])+7*int(raw[n-1]))%len(d.names)]
	if *place == string(raw) {
		d.pos += n
		return *place, nil
	}
	s, err := d.str(n)
	*place = s
	return s, err
}

// bytes takes n bytes as a slice of the caller's own.
func (d *decoder) bytes(n int) ([]byte, error) {
	if err := d.spend(bytesCost(n)); err != nil {
		return nil, err
	}
	b := make([]byte, n)
	copy(b, d.raw(n))
	return b, nil
}

// time takes n bytes as a timestamp.
func (d *decoder) time(n int) time.Time {
	switch b := d.raw(n); n {
	case 4:
		return time.Unix(int64(binary.BigEndian.Uint32(b)), 0).UTC()
	case 8:
		u := binary.BigEndian.Uint64(b)
		return time.Unix(int64(u&(1<<34-1)), int64(u>>34)).UTC()
	default:
		return time.Unix(int64(binary.BigEndian.Uint64(b[4:])), int64(binary.BigEndian.Uint32(b))).UTC()
	}
}

// skip passes over a value.
func (d *decoder) skip() {
	for todo := 1; todo > 0; todo-- {
		header, payload, children := shape(d.data[d.pos:])
		d.pos += header + payload
		todo += children
	}
}

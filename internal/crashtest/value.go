package crashtest

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
)

// A value tells what it is, so that any mixture of two values, or of one with somebody else's bytes, is seen:
//
//	length of all (4), sequence number (8), length of the key (2), key, counts (8 each), filler, CRC-32 (4)
//
// The counts are those of a shared counter, one per worker; other keys have them too, all zero.
const (
	maxWorkers = 16
	valueFixed = 4 + 8 + 2 + 8*maxWorkers + 4
)

type value struct {
	seq    uint64
	counts [maxWorkers]uint64
}

// sizes crosses what stores are likely to treat differently: a block of 4 KiB, two of them, 64 KiB.
func sizes() []int {
	return []int{0, 200, 600, 600, 600, 1500, 3900, 4000, 4050, 4100, 8100, 8200, 20_000, 65_000, 66_000, 90_000}
}

// encode makes a value of about size bytes.
func (v value) encode(key string, size int) []byte {
	size = max(size, valueFixed+len(key))
	b := make([]byte, 0, size)
	b = binary.BigEndian.AppendUint32(b, uint32(size))
	b = binary.BigEndian.AppendUint64(b, v.seq)
	b = binary.BigEndian.AppendUint16(b, uint16(len(key)))
	b = append(b, key...)
	for _, n := range v.counts {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	for filler := v.seq*0x9e3779b97f4a7c15 + 1; len(b) < size-4; {
		filler ^= filler << 13
		filler ^= filler >> 7
		filler ^= filler << 17
		b = binary.BigEndian.AppendUint64(b, filler)
		b = b[:min(len(b), size-4)]
	}
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

var errTorn = errors.New("not a value as it was written")

// decode reads what encode made for key.
func decode(key string, b []byte) (value, error) {
	if len(b) < valueFixed+len(key) || int(binary.BigEndian.Uint32(b)) != len(b) {
		return value{}, errTorn
	}
	body, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	if crc32.ChecksumIEEE(body) != sum {
		return value{}, errTorn
	}
	n := int(binary.BigEndian.Uint16(b[12:]))
	if n != len(key) || !slices.Equal(b[14:14+n], []byte(key)) {
		return value{}, errTorn
	}
	v := value{seq: binary.BigEndian.Uint64(b[4:])}
	for i := range v.counts {
		v.counts[i] = binary.BigEndian.Uint64(b[14+n+8*i:])
	}
	return v, nil
}

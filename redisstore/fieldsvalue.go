package redisstore

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"

	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/store"
)

// What stands in the hash of an entry:
//
//	field       value
//	NUL         marker: "F1" (live) or "T1" (removed), 16 random bytes that name this life of the entry, check
//	user field  value, check
//
// A check is the CRC-32C of the key, NUL, the field's name, NUL and what stands before it, big-endian. So an answer to somebody else's
// question, which a client that lost its place in the stream might hand us, is not taken for ours. The check of a marker is made with the
// name of the marker, which no user field can have.
//
// The time of the last use stands nowhere: it is the time at which Redis will remove the hash, less Timeout and slack. So a use is one
// PEXPIRE, and no clock counts but the server's.
const (
	markerName = "\x00"
	markerLive = "F1"
	markerGone = "T1"
	markerSize = len(markerLive) + len(record.Version{}) + checkSize
	checkSize  = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sealed returns data, which stands under field in the entry of key, with its check.
func sealed[T string | []byte](key, field string, data T) []byte {
	b := make([]byte, 0, len(data)+checkSize)
	b = append(b, data...)
	return binary.BigEndian.AppendUint32(b, check(key, field, b))
}

// opened is the reverse of sealed. What it returns is a part of b.
func opened(key, field string, b []byte) ([]byte, error) {
	n := len(b) - checkSize
	if n < 0 {
		return nil, fmt.Errorf("%w: a field without a check", store.ErrCorrupt)
	}
	if binary.BigEndian.Uint32(b[n:]) != check(key, field, b[:n]) {
		return nil, fmt.Errorf("%w: a field's checksum does not fit", store.ErrCorrupt)
	}
	return b[:n:n], nil
}

func check(key, field string, data []byte) uint32 {
	return crc32.Update(checkName(checkName(0, key), field), castagnoli, data)
}

// checkName takes in a name and a NUL. It is crc32.Update for a string, byte by byte: converting the string would allocate.
func checkName(crc uint32, name string) uint32 {
	crc = ^crc
	for i := range len(name) {
		crc = castagnoli[byte(crc)^name[i]] ^ crc>>8
	}
	return ^(castagnoli[byte(crc)] ^ crc>>8)
}

// marker returns the marker of the entry under key.
func marker(key, kind string, born record.Version) []byte {
	return sealed(key, markerName, kind+string(born[:]))
}

// life reads a marker. live is false for that of a removed entry.
func life(key, m string) (born record.Version, live bool, err error) {
	b, err := opened(key, markerName, []byte(m))
	if err != nil {
		return born, false, err
	}
	if len(m) != markerSize || m[:2] != markerLive && m[:2] != markerGone {
		return born, false, fmt.Errorf("%w: a marker that this program does not know", store.ErrCorrupt)
	}
	return record.Version(b[2:]), m[:2] == markerLive, nil
}

// parseVersion is the reverse of record.Version.Text. A text that is no version fits no entry.
func parseVersion(text store.Version) (v record.Version, ok bool) {
	if len(text) != hex.EncodedLen(len(v)) {
		return v, false
	}
	_, err := hex.Decode(v[:], []byte(text))
	return v, err == nil
}

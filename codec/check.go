package codec

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// maxDepth is how many lists and maps may stand one within the other.
const maxDepth = 64

var (
	errTruncated = errors.New("it ends in the middle of a value")
	errTrailing  = errors.New("something follows the value")
	errCount     = errors.New("it announces more elements than it has bytes left")
	errDepth     = fmt.Errorf("lists and maps are nested more than %d deep", maxDepth)
	errExt       = errors.New("an extension that is not a timestamp")
	errTime      = errors.New("a timestamp that is none")
	errCode      = errors.New("the byte 0xc1, which the format does not use")
)

// check walks over data and reports whether it is one MessagePack value and nothing else, nested no deeper than maxDepth, with no
// extension but the timestamp. It returns how far it came. It uses no recursion and no memory. Everything else
// in this package relies on it: the decoder reads what was checked without looking at a bound again, and the library beneath, which
// allocates what a header announces and recurses as deep as it is told, sees nothing else.
func check(data []byte) (pos int, err error) {
	var left [maxDepth + 1]int // elements to come at each depth
	left[0] = 1
	for depth := 0; ; {
		for left[depth] == 0 {
			if depth == 0 {
				if pos != len(data) {
					return pos, errTrailing
				}
				return pos, nil
			}
			depth--
		}
		left[depth]--
		if pos >= len(data) {
			return pos, errTruncated
		}

		c := data[pos]
		header, payload, children := shape(data[pos:])
		switch {
		case header == 0:
			return pos, errTruncated
		case header < 0:
			return pos, errCode
		case payload > len(data)-pos-header:
			return pos, errTruncated
		case children > len(data)-pos-header:
			return pos, errCount
		}
		if isExt(c) {
			if err := checkTime(data[pos+header-1 : pos+header+payload]); err != nil {
				return pos, err
			}
		}
		pos += header + payload
		if isContainer(c) {
			if depth++; depth > maxDepth {
				return pos, errDepth
			}
			left[depth] = children
		}
	}
}

// shape tells of the value at the beginning of data how long its header is (0: cut off, negative: no such code), how many bytes
// of its own follow, and how many values it contains. Lengths are at most 32 bits wide and children at most twice that: int is 64 bits
// on what we support, and on 32 bits, clamp keeps them positive.
func shape(data []byte) (header, payload, children int) {
	c := data[0]
	switch {
	case c <= 0x7f, c >= 0xe0: // fixint
		return 1, 0, 0
	case c <= 0x8f: // fixmap
		return 1, 0, 2 * int(c&0x0f)
	case c <= 0x9f: // fixarray
		return 1, 0, int(c & 0x0f)
	case c <= 0xbf: // fixstr
		return 1, int(c & 0x1f), 0
	}
	switch c {
	case 0xc0, 0xc2, 0xc3: // nil, false, true
		return 1, 0, 0
	case 0xc4, 0xd9: // bin 8, str 8
		return sized(data, 1, 0)
	case 0xc5, 0xda: // bin 16, str 16
		return sized(data, 2, 0)
	case 0xc6, 0xdb: // bin 32, str 32
		return sized(data, 4, 0)
	case 0xc7: // ext 8
		return sized(data, 1, 1)
	case 0xc8: // ext 16
		return sized(data, 2, 1)
	case 0xc9: // ext 32
		return sized(data, 4, 1)
	case 0xca: // float 32
		return 1, 4, 0
	case 0xcb: // float 64
		return 1, 8, 0
	case 0xcc, 0xcd, 0xce, 0xcf: // uint 8 to 64
		return 1, 1 << (c - 0xcc), 0
	case 0xd0, 0xd1, 0xd2, 0xd3: // int 8 to 64
		return 1, 1 << (c - 0xd0), 0
	case 0xd4, 0xd5, 0xd6, 0xd7, 0xd8: // fixext 1 to 16
		if len(data) < 2 {
			return 0, 0, 0
		}
		return 2, 1 << (c - 0xd4), 0
	case 0xdc: // array 16
		header, n, _ := sized(data, 2, 0)
		return header, 0, n
	case 0xdd: // array 32
		header, n, _ := sized(data, 4, 0)
		return header, 0, n
	case 0xde: // map 16
		header, n, _ := sized(data, 2, 0)
		return header, 0, 2 * n
	case 0xdf: // map 32
		header, n, _ := sized(data, 4, 0)
		return header, 0, 2 * n
	}
	return -1, 0, 0
}

// sized reads a length of width bytes after the code; extra is what else the header has.
func sized(data []byte, width, extra int) (header, length, _ int) {
	header = 1 + width + extra
	if len(data) < header {
		return 0, 0, 0
	}
	switch width {
	case 1:
		length = int(data[1])
	case 2:
		length = int(binary.BigEndian.Uint16(data[1:]))
	default:
		length = int(min(binary.BigEndian.Uint32(data[1:]), 1<<30-1)) // positive on 32 bits too, also twice; more than any value has
	}
	return header, length, 0
}

func isContainer(c byte) bool { return c >= 0x80 && c <= 0x9f || c >= 0xdc && c <= 0xdf }
func isExt(c byte) bool       { return c >= 0xc7 && c <= 0xc9 || c >= 0xd4 && c <= 0xd8 }

// checkTime checks the type and the payload of an extension.
func checkTime(ext []byte) error {
	if ext[0] != 0xff { // -1
		return errExt
	}
	nsec := uint64(0)
	switch ext = ext[1:]; len(ext) {
	case 4:
	case 8:
		nsec = binary.BigEndian.Uint64(ext) >> 34
	case 12:
		nsec = uint64(binary.BigEndian.Uint32(ext))
	default:
		return errTime
	}
	if nsec > 999_999_999 {
		return errTime
	}
	return nil
}

package diskstore

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/store"
)

// The file of an entry, integers big-endian. S is the size of a slot, a multiple of 4096, or 0 where there is only one:
//
//	offset  size  field
//	0       4     magic "LRDF"
//	4       1     format version, 1
//	5       3     reserved, 0
//	8       4     S
//	12      4     CRC-32C of the above
//	16      S-16  slot 0
//	S       S-16  slot 1
//
// and a slot:
//
//	0       8     sequence number, from 1
//	8       4     CRC-32C of the sequence number and of the record's last four bytes, which are its own checksum
//	12            a record, see package internal/record
//
// The valid slot with the higher sequence number is the entry. A file is born by rename, with slot 0. Each overwrite goes to the
// other slot, with the next number: no block of the disk holds parts of both slots, so a write that is cut off leaves the
// old one as it was. A slot that the file does not reach, or whose first 12 bytes are 0, is empty.
//
// The header never changes, though it shares a block with slot 0: disks write whole sectors.
const (
	fileMagic  = "LRDF"
	fileFormat = 1
	headSize   = 16
	slotHead   = 12
	blockSize  = 4096

	// maxInPlace is the largest record that gets two slots. What is larger costs more to write than a rename does.
	maxInPlace = 64 << 10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// slotSizeFor returns the size of the slots of a file that is born with such a record; 0: one slot.
func slotSizeFor(recordSize int) int {
	if recordSize > maxInPlace {
		return 0
	}
	return (headSize + slotHead + recordSize + blockSize - 1) / blockSize * blockSize
}

// appendFile appends a whole new file that holds r.
func appendFile(dst []byte, r *record.Record) []byte {
	start := len(dst)
	dst = append(dst, fileMagic...)
	dst = append(dst, fileFormat, 0, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, uint32(slotSizeFor(r.Size())))
	dst = binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
	return appendSlot(dst, 1, r)
}

func appendSlot(dst []byte, seq uint64, r *record.Record) []byte {
	start := len(dst)
	dst = binary.BigEndian.AppendUint64(dst, seq)
	dst = append(dst, 0, 0, 0, 0)
	dst = r.Append(dst)
	binary.BigEndian.PutUint32(dst[start+8:], slotSum(dst[start:]))
	return dst
}

// slotSum is the checksum that binds a sequence number to its record. slot ends where its record does.
func slotSum(slot []byte) uint32 {
	sum := crc32.Update(0, castagnoli, slot[:8])
	return crc32.Update(sum, castagnoli, slot[len(slot)-4:])
}

// slotSize reads the header of a file: the size of its slots, 0 for a single one.
func slotSize(data []byte) (int, error) {
	switch {
	case len(data) < headSize:
		return 0, corrupt("the file is cut off in its header")
	case string(data[:4]) != fileMagic:
		return 0, corrupt("the file is not an entry")
	case binary.BigEndian.Uint32(data[12:]) != crc32.Checksum(data[:12], castagnoli):
		return 0, corrupt("checksum mismatch in the header")
	case data[4] != fileFormat || data[5] != 0 || data[6] != 0 || data[7] != 0:
		return 0, corrupt("file format %d; this program reads %d", data[4], fileFormat)
	}
	size := binary.BigEndian.Uint32(data[8:])
	if size%blockSize != 0 || size > uint32(slotSizeFor(maxInPlace)) {
		return 0, corrupt("impossible slot size")
	}
	return int(size), nil
}

// slotOffset is where slot i begins.
func slotOffset(size, i int) int {
	if i == 0 {
		return headSize
	}
	return size
}

// fits reports whether a record of so many bytes can go into a slot of a file with two.
func fits(size, recordSize int) bool { return size > 0 && slotHead+recordSize <= size-headSize }

// current is the entry that a file holds.
type current struct {
	record.Record
	size  int    // of the slots; 0: there is one
	index int    // of the slot that holds it
	seq   uint64 // its number
	doubt bool   // another slot is neither valid nor empty: being written, or left by a crash
}

// decode finds the entry in the bytes of a file, which may go on past the slots. The Value is a part of data. Where key is not "", the
// entry must be under that key. Where nothing can be read the error wraps [store.ErrCorrupt], which can also mean that
// data was read while somebody wrote.
func decode(data []byte, key string) (c current, err error) {
	if c.size, err = slotSize(data); err != nil {
		return c, err
	}
	if c.size == 0 {
		c.seq, c.Record, err = decodeSlot(data[headSize:], key)
		if err == nil && c.seq == 0 {
			err = corrupt("no slot is filled")
		}
		return c, err
	}
	var bad error
	for i := range 2 {
		begin := slotOffset(c.size, i)
		end := begin + c.size - headSize
		seq, r, err := decodeSlot(data[min(begin, len(data)):min(end, len(data))], key)
		switch {
		case err != nil:
			bad = err
			c.doubt = true
		case seq > c.seq:
			c.seq, c.Record, c.index = seq, r, i
		}
	}
	switch {
	case c.seq > 0:
		return c, nil
	case bad != nil:
		return c, bad
	}
	return c, corrupt("no slot is filled")
}

// decodeSlot reads a slot. The sequence number 0 means that it is empty.
func decodeSlot(data []byte, key string) (uint64, record.Record, error) {
	if len(data) == 0 {
		return 0, record.Record{}, nil
	}
	if len(data) < slotHead {
		return 0, record.Record{}, corrupt("a slot is cut off")
	}
	seq := binary.BigEndian.Uint64(data)
	if seq == 0 {
		if binary.BigEndian.Uint32(data[8:]) != 0 {
			return 0, record.Record{}, corrupt("a slot without a number")
		}
		return 0, record.Record{}, nil
	}
	n, err := record.Length(data[slotHead:])
	if err != nil {
		return 0, record.Record{}, err
	}
	if len(data) < slotHead+n {
		return 0, record.Record{}, corrupt("a slot is cut off")
	}
	data = data[:slotHead+n]
	if binary.BigEndian.Uint32(data[8:]) != slotSum(data) {
		return 0, record.Record{}, corrupt("checksum mismatch in a slot")
	}
	r, err := record.Decode(data[slotHead:], key)
	return seq, r, err
}

// peekSize is how much of a slot peekDeadline needs.
const peekSize = slotHead + record.HeaderSize

// peekDeadline reads the deadline of the entry from the heads of the slots alone: first is where the file begins, and second, unless
// nil, where slot 1 does. What it says is a hint, for no checksum is looked at. If second is needed, next says where it begins.
func peekDeadline(first, second []byte) (expires time.Time, next int) {
	size, err := slotSize(first)
	if err != nil {
		return time.Time{}, 0
	}
	heads := [2][]byte{first[headSize:]}
	switch {
	case size == 0:
	case len(first) >= size+peekSize:
		heads[1] = first[size:]
	case second != nil:
		heads[1] = second
	case len(first) > blockSize: // the file goes on
		next = size
	}
	best := uint64(0)
	for _, head := range heads {
		if len(head) < peekSize {
			continue
		}
		if seq := binary.BigEndian.Uint64(head); seq > best {
			best = seq
			expires = record.Time(int64(binary.BigEndian.Uint64(head[slotHead+12:])))
		}
	}
	return expires, next
}

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{store.ErrCorrupt}, args...)...)
}

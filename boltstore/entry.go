package boltstore

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/store"
)

const (
	headSize   = 32
	headFormat = 1
	headCRC    = 28 // where the checksum stands
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// head is what stands before a record: all that the orders and expiry need. Times are nanoseconds, as in package record.
type head struct {
	atime    int64
	place    int64
	deadline int64
}

// put writes h over the first bytes of value.
func (h head) put(value []byte) {
	binary.BigEndian.PutUint32(value, headFormat<<24)
	binary.BigEndian.PutUint64(value[4:], uint64(h.atime))
	binary.BigEndian.PutUint64(value[12:], uint64(h.place))
	binary.BigEndian.PutUint64(value[20:], uint64(h.deadline))
	binary.BigEndian.PutUint32(value[headCRC:], crc32.Checksum(value[:headCRC], castagnoli))
}

// parseHead reads the head of a stored value.
func parseHead(value []byte) (head, error) {
	if len(value) < headSize {
		return head{}, fmt.Errorf("%w: cut off in its head", store.ErrCorrupt)
	}
	if binary.BigEndian.Uint32(value[headCRC:]) != crc32.Checksum(value[:headCRC], castagnoli) {
		return head{}, fmt.Errorf("%w: checksum mismatch in its head", store.ErrCorrupt)
	}
	if found := binary.BigEndian.Uint32(value); found != headFormat<<24 {
		return head{}, fmt.Errorf("%w: format version %d; this program reads version %d", store.ErrCorrupt, found>>24, headFormat)
	}
	h := head{
		atime:    int64(binary.BigEndian.Uint64(value[4:])),
		place:    int64(binary.BigEndian.Uint64(value[12:])),
		deadline: int64(binary.BigEndian.Uint64(value[20:])),
	}
	if h.place > h.atime {
		return head{}, fmt.Errorf("%w: a place later than its atime", store.ErrCorrupt)
	}
	return h, nil
}

// entry is a stored value that could be read. Its value is a part of the memory that it was read from.
type entry struct {
	head
	value   []byte
	version record.Version
}

// parse reads a stored value. Errors wrap [store.ErrCorrupt].
func parse(stored []byte, key string) (entry, error) {
	h, err := parseHead(stored)
	if err != nil {
		return entry{}, err
	}
	r, err := record.Decode(stored[headSize:], key)
	if err != nil {
		return entry{}, err
	}
	return entry{head: h, value: r.Value, version: r.Version}, nil
}

func (h head) absent(e store.Expiry, now time.Time) bool {
	return e.Absent(now, record.Time(h.atime), record.Time(h.deadline))
}

// item returns a copy that belongs to the caller.
func (e entry) item() *store.Item {
	value := make([]byte, len(e.value)) // never nil: an empty value is a value
	copy(value, e.value)
	return &store.Item{
		Value:   value,
		Expires: record.Time(e.deadline),
		Atime:   record.Time(e.atime),
		Version: e.version.Text(),
	}
}

// orderKey is the key of an entry in one of the orders.
func orderKey(nanos int64, key []byte) []byte {
	k := make([]byte, orderTime, orderTime+len(key))
	binary.BigEndian.PutUint64(k, uint64(nanos)^1<<63)
	return append(k, key...)
}

// orderTime is the length of the time that begins an order's key.
const orderTime = 8

// splitOrderKey is the reverse of orderKey. The key is a part of k.
func splitOrderKey(k []byte) (nanos int64, key []byte, ok bool) {
	if len(k) <= orderTime {
		return 0, nil, false
	}
	return int64(binary.BigEndian.Uint64(k) ^ 1<<63), k[orderTime:], true
}

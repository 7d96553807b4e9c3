package boltstore

import (
	"time"

	"go.etcd.io/bbolt"

	"github.com/larder-go/larder/store"
)

// The buckets of a store.
const (
	records = iota
	byAtime
	byDeadline
)

type bucketNames [3][]byte

func newBucketNames(bucket string) bucketNames {
	return bucketNames{records: []byte(bucket), byAtime: []byte(bucket + "\x00atime"), byDeadline: []byte(bucket + "\x00deadline")}
}

// txn is a write transaction as the operations in it see it.
type txn struct {
	now     time.Time // read after the write lock was won: nobody who judges by it can be overtaken
	buckets [3]*bbolt.Bucket
	dirty   bool  // something was written
	broken  error // what bbolt refused: the transaction must not be committed
}

// orderFill is how full bbolt leaves the pages of an order when it splits them. The orders grow at their ends, where a
// half-empty page would stay half empty.
const orderFill = 0.9

func newTxn(tx *bbolt.Tx, names *bucketNames) (*txn, error) {
	t := &txn{now: wallNow()}
	for i, name := range names {
		if t.buckets[i] = tx.Bucket(name); t.buckets[i] == nil {
			return nil, errNoBucket
		}
	}
	t.buckets[byAtime].FillPercent = orderFill
	t.buckets[byDeadline].FillPercent = orderFill
	return t, nil
}

// wallNow is the wall clock without its monotonic part, which nothing that is stored has.
func wallNow() time.Time { return time.Now().Round(0) }

// get returns what is stored under key, nil for nothing. It is valid until the transaction ends and must not be changed.
func (t *txn) get(key []byte) []byte { return t.buckets[records].Get(key) }

// put stores value under key and keeps the orders. old is what get returned; h, whose place is settled here, is written
// over the first bytes of value.
func (t *txn) put(key, old, value []byte, h head, lag time.Duration) {
	was, err := parseHead(old)
	known := old != nil && err == nil
	h.place = h.atime
	if known && was.place <= h.atime && h.atime-was.place <= int64(lag) {
		h.place = was.place
	}
	if reserved(key) {
		h.place = h.atime // in the head alone
	} else if !known || was.place != h.place {
		if known {
			t.delete(byAtime, orderKey(was.place, key))
		}
		t.write(byAtime, orderKey(h.place, key), nil)
	}
	if !known {
		was.deadline = 0
	}
	if was.deadline != h.deadline {
		if was.deadline != 0 {
			t.delete(byDeadline, orderKey(was.deadline, key))
		}
		if h.deadline != 0 {
			t.write(byDeadline, orderKey(h.deadline, key), nil)
		}
	}
	h.put(value)
	t.write(records, key, value)
}

// remove removes what is stored under key, of which old is what get returned. Where the head cannot be read, places in
// the orders are left behind; nothing comes of them, and a sweep that meets them drops them.
func (t *txn) remove(key, old []byte) {
	if was, err := parseHead(old); err == nil {
		if !reserved(key) {
			t.delete(byAtime, orderKey(was.place, key))
		}
		if was.deadline != 0 {
			t.delete(byDeadline, orderKey(was.deadline, key))
		}
	}
	t.delete(records, key)
}

// reserved is [store.Reserved]. Such an entry stands in the order by deadline alone: no sweep meets it for being idle.
func reserved(key []byte) bool {
	const prefix = store.ReservedPrefix
	return len(key) >= len(prefix) && string(key[:len(prefix)]) == prefix
}

func (t *txn) write(bucket int, key, value []byte) {
	t.dirty = true
	if err := t.buckets[bucket].Put(key, value); err != nil && t.broken == nil {
		t.broken = err
	}
}

func (t *txn) delete(bucket int, key []byte) {
	t.dirty = true
	if err := t.buckets[bucket].Delete(key); err != nil && t.broken == nil {
		t.broken = err
	}
}

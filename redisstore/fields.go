package redisstore

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/store"
)

const (
	defaultFieldsPrefix = "larder-fields:" // not below the default of Options.Prefix
	defaultTombstone    = time.Minute
	defaultMaxFields    = 1024
	mostFields          = 100_000 // what a script still takes in one piece

	longest = int64(math.MaxInt64 / time.Millisecond) // 292 years; go-redis makes a Duration of what PTTL says
)

// FieldsOptions are the options of [NewFields].
type FieldsOptions struct {
	// Expiry must have a Timeout: a hash without an expiry would stay for ever, since nobody sweeps. Less than a millisecond counts as one.
	store.Expiry

	// Prefix stands before each key. It must not begin with the Prefix of a [Store] in the same database, nor that with it, or they meet
	// each other's keys. Default "larder-fields:". Two Fields that shall be one have the same.
	Prefix string

	// Tombstone is how long a removed entry refuses [Fields.Set]: longer than a request takes which may have read the entry before it was
	// removed. Default 1 minute; negative: none.
	Tombstone time.Duration

	// MaxValue is the largest value of a field, in bytes; over it, store.ErrTooLarge. Default 64 MiB.
	MaxValue int

	// MaxFields is how many fields an entry may have; over it, store.ErrTooLarge. Default 1024, at most 100,000.
	MaxFields int
}

// Fields keeps entries whose fields are read and written one by one: a Redis hash per key. Those who write different fields of one
// entry at the same time lose nothing of each other, and a write sends one field where [Store] sends the whole value. It is not a
// store.Store; it shares the rules for keys, use, absence and errors with it.
//
// # Names
//
// Keys, and the names of fields, follow store.CheckKey; both are kept byte by byte. Values are any bytes, also none.
//
// # Life of an entry
//
// [Fields.Create] makes a new entry, and so does [Fields.Set] where there is none. It lives until nobody has used it for Timeout, and at
// most the slack longer; Redis removes it by itself, by its own clock. Every method but Contains is a use of a live entry, also a Get of
// a field that it does not have; writes record it, reads only when the recorded use is older than the slack. An entry whose last field
// was deleted is still there, without fields, until it is removed or expires. Every hash that Fields leaves in Redis has an expiry: each
// write is one script that also sets it.
//
// [Fields.Remove] removes an entry with all its fields, and leaves a tombstone. While that stands, Set refuses with store.ErrConflict:
// the write of a request that was in flight does not bring back an entry with that field alone. Only Create may use the key again.
//
// # Who has loaded must say what
//
// Set cannot know whether the entry that it writes to is the one that its caller has read from: between the two it may have
// expired, and Set then creates a new one with that field alone (with an expiry, like every one). Who must not do that asks with the life
// of the entry, a version drawn when it is created: [Fields.Create] and [Fields.Load] return it, and [Fields.Save] writes and deletes any
// number of fields, all or none, if the entry still has that life. Otherwise it is store.ErrConflict, for ever, with no regard to tombstones. A
// change of fields does not change the life.
//
// # Guarantees
//
// Each method is atomic, one key at a time, so it works on a Cluster; All and Load show one moment. Writes are sent once: where the answer is
// lost, the error is store.ErrUnavailable and whether it happened is not known. Each field carries a checksum over key, name and
// value, behind the value; one that does not fit, or a key that holds something else than what Fields writes, is store.ErrCorrupt. Such a field
// is replaced by Set, such a key only by Remove. What Redis loses (by eviction, a restart without persistence, a failover before the
// replica had the write) is absent.
//
// Reads are HGET or HGETALL and PTTL in one round trip; writes are one EVALSHA. A
// field that is absent, and a use that must be recorded, take a second round trip. Redis 5 or later; a user under an access list needs HGET,
// HGETALL, HSET, HDEL, HLEN, HEXISTS, EXISTS, PTTL, PEXPIRE, UNLINK, EVAL and EVALSHA.
type Fields struct {
	link      *link
	prefix    string
	lifetime  int64 // Timeout and slack, in milliseconds
	slack     int64
	tombstone int64
	maxValue  int
	maxFields int
}

// NewFields returns Fields in the Redis of client, which stays the caller's. It asks Redis nothing.
func NewFields(client redis.UniversalClient, o *FieldsOptions) (*Fields, error) {
	if o == nil {
		o = &FieldsOptions{}
	}
	l, err := newLink(client)
	if err == nil {
		err = o.Validate()
	}
	switch {
	case err != nil:
	case o.Timeout == 0:
		err = errors.New("FieldsOptions needs a Timeout: nothing else would ever remove an entry")
	case o.MaxValue < 0 || o.MaxValue > record.MaxValue || o.MaxFields < 0 || o.MaxFields > mostFields:
		err = fmt.Errorf("a MaxValue of %d bytes or MaxFields of %d is out of range", o.MaxValue, o.MaxFields)
	case strings.IndexByte(o.Prefix, 0) >= 0 || len(o.Prefix) > store.MaxKeyLen:
		err = fmt.Errorf("the prefix holds a NUL byte or is longer than %d bytes", store.MaxKeyLen)
	}
	if err != nil {
		return nil, store.Wrap("redisstore", "new fields", err)
	}
	f := &Fields{link: l, prefix: orDefault(o.Prefix, defaultFieldsPrefix), maxValue: orDefault(o.MaxValue, defaultMaxValue),
		maxFields: orDefault(o.MaxFields, defaultMaxFields), slack: milliseconds(o.Slack())}
	f.lifetime = min(milliseconds(o.Timeout)+f.slack, longest)
	f.tombstone = min(milliseconds(max(orDefault(o.Tombstone, defaultTombstone), 0)), longest)
	return f, nil
}

func orDefault[T comparable](v, standard T) T {
	var zero T
	if v == zero {
		return standard
	}
	return v
}

// milliseconds rounds up: never early.
func milliseconds(d time.Duration) int64 {
	ms := d.Milliseconds()
	if d%time.Millisecond > 0 {
		ms++
	}
	return ms
}

func checkField(name string) error {
	if err := store.CheckKey(name); err != nil {
		return fmt.Errorf("the name of a field: %w", err)
	}
	return nil
}

var errFieldsForeign = fmt.Errorf("%w: the key holds something that Fields did not write; Remove replaces it", store.ErrCorrupt)

// meaning is what the answer of a script means for its caller.
func (f *Fields) meaning(answer any) error {
	switch answer {
	case fieldsDone:
		return nil
	case fieldsAbsent:
		return store.ErrNotFound
	case fieldsConflict:
		return store.ErrConflict
	case fieldsForeign:
		return errFieldsForeign
	case fieldsFull:
		return fmt.Errorf("%w: more than %d fields", store.ErrTooLarge, f.maxFields)
	}
	return errAnswer
}

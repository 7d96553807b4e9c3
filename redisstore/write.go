package redisstore

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/store"
)

var errDamaged = fmt.Errorf("%w: %w", store.ErrCorrupt, errors.New("it is not an entry of this store, or a damaged one"))

// errUnknown is for a Swap whose first attempt may have happened: what stands there now does not tell.
var errUnknown = fmt.Errorf("%w: %w", store.ErrUnavailable, errors.New("the connection broke; whether the entry was changed is not known"))

// Set is [store.Store]'s. It is one SET with the native expiry. It is not sent again where it may have arrived: an old value might
// take the place of a newer one.
func (s *Store) Set(ctx context.Context, key string, value []byte) error {
	name, err := s.begin(ctx, "set", key)
	if err == nil {
		err = store.Wrap("redisstore", "set", s.set(ctx, name, key, value))
	}
	return err
}

func (s *Store) set(ctx context.Context, name, key string, value []byte) error {
	if err := s.checkSize(value); err != nil {
		return err
	}
	low, high, err := s.serverTime(ctx, name)
	if err != nil {
		return err
	}
	atime := low + (high-low)/2
	stored := encode(&record.Record{Key: key, Value: value, Version: record.NewVersion(), Written: time.UnixMicro(atime)}, atime)
	var cmd *redis.StatusCmd
	if limit := s.limitOf(key); limit > 0 {
		// The server's own time of the write may be as early as low: then it must count from the atime, by which others judge whether a use of
		// theirs need not be recorded.
		cmd = redis.NewStatusCmd(ctx, "set", name, stored, "px", (limit+atime-low+999)/1000)
	} else {
		cmd = redis.NewStatusCmd(ctx, "set", name, stored)
	}
	if err := s.sendInOrder(ctx, name, onceStatus{cmd}); err != nil {
		return s.failed(ctx, err)
	}
	return nil
}

func (s *Store) checkSize(value []byte) error {
	if len(value) > s.maxValue {
		return fmt.Errorf("%w: %d bytes, the limit is %d", store.ErrTooLarge, len(value), s.maxValue)
	}
	return nil
}

// Delete is [store.Store]'s. Like Set it is not sent again where it may have arrived.
func (s *Store) Delete(ctx context.Context, key string) error {
	name, err := s.begin(ctx, "delete", key)
	if err != nil {
		return err
	}
	if err := s.sendInOrder(ctx, name, onceInt{redis.NewIntCmd(ctx, "del", name)}); err != nil {
		return store.Wrap("redisstore", "delete", s.failed(ctx, err))
	}
	return nil
}

// Swap is [store.Swapper]'s: one script. One that demands a version may be sent twice, for it can happen only once.
func (s *Store) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	name, err := s.begin(ctx, "swap", key)
	if err != nil {
		return "", err
	}
	version, err := s.swap(ctx, name, key, old, item)
	if err != nil {
		return "", store.Wrap("redisstore", "swap", err)
	}
	return version, nil
}

func (s *Store) swap(ctx context.Context, name, key string, old store.Version, item *store.Item) (store.Version, error) {
	fresh, bits, atime, deadline := []byte(nil), []byte(nil), int64(0), int64(0)
	var version store.Version
	if item != nil {
		if err := s.checkSize(item.Value); err != nil {
			return "", err
		}
		r := record.Record{Key: key, Value: item.Value, Version: record.NewVersion(), Expires: item.Expires, Written: item.Atime}
		if r.Written.IsZero() {
			r.Written = s.now()
		}
		fresh, bits, version = encode(&r, 0), r.Version[:], r.Version.Text()
		atime, deadline = atimeMicros(item.Atime), deadlineMicros(item.Expires)
	}
	harmless := old != "" && old != store.AnyVersion
	a, err := s.run(ctx, swapScript, harmless, name, demand(old), s.limitOf(key), fresh, bits, atime, deadline, len(s.prefix))
	switch {
	case err != nil:
		return "", err
	case a.state == stateOther && a.again:
		return "", errUnknown
	case a.state == stateOther:
		return "", s.conflict(ctx, name, key)
	case a.state != stateLive:
		return "", errDamaged
	}
	return version, nil
}

// conflict is for a Swap that met another version, or no entry. The script does not read as far as the checksum: what meets a damaged entry must
// not go on as if somebody else were faster.
func (s *Store) conflict(ctx context.Context, name, key string) error {
	if _, err := s.fetch(ctx, name, key); errors.Is(err, store.ErrCorrupt) {
		return errDamaged
	}
	return store.ErrConflict
}

// demand is how the script spells a version. One that cannot be ours fits nothing.
func demand(old store.Version) string {
	if old == "" || old == store.AnyVersion {
		return string(old)
	}
	bits, err := hex.DecodeString(string(old))
	if err != nil || len(bits) != len(record.Version{}) || store.Version(hex.EncodeToString(bits)) != old {
		return "none"
	}
	return string(bits)
}

package session

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/larder-go/larder/store"
)

// keptKey is the MAC key of a manager without Options.Keys. It stands in the store beside the sessions: all programs on that store have the
// same, and a restart logs nobody out. Nothing is given away by that, for the MAC protects the store from being asked, not the sessions:
// their ids are as random as the key, and the store has only their hashes.
type keptKey struct {
	name  string // in the store
	value []byte
	seen  atomic.Int64 // when its entry was last used
}

func keepKey(s store.Store, name string) (*keptKey, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	k := &keptKey{name: name}
	if err := k.use(ctx, s); err != nil {
		return nil, err
	}
	return k, nil
}

// keptFor is how long the entry stands after its last renewal, so that what nobody uses any more goes for good. Half of it is left at
// least after each use: 400 days, and for longer no browser keeps a cookie.
const keptFor = 800 * 24 * time.Hour

// use loads the entry, which is a use of it, or puts it there.
func (k *keptKey) use(ctx context.Context, s store.Store) error {
	k.seen.Store(time.Now().UnixNano())
	value := k.value
	if value == nil {
		value = make([]byte, minKey)
		rand.Read(value)
	}
	put := &store.Item{Value: append([]byte(magic+string(rune(kindKey))), value...), Expires: time.Now().Add(keptFor)}
	err := store.Update(ctx, s, k.name, func(old *store.Item) (*store.Item, error) {
		if old == nil {
			return put, nil
		}
		in := read(old.Value, kindKey)
		stands := in.take(minKey)
		switch {
		case in.bad || len(in.rest) > 0:
			return nil, fmt.Errorf("the entry %q is not a key: %w; remove it, which logs everybody out, or set Options.Keys",
				k.name, store.ErrCorrupt)
		case k.value != nil && !bytes.Equal(k.value, stands):
			return nil, errOtherKey
		}
		value = stands
		if !old.Expires.IsZero() && time.Until(old.Expires) < keptFor/2 {
			return &store.Item{Value: old.Value, Expires: put.Expires}, nil
		}
		return old, nil
	})
	if err == nil && k.value == nil {
		k.value = value
	}
	return err
}

var errOtherKey = errors.New("the key for tokens in the store is another than at the start of this program: it was removed or lost, " +
	"and drawn anew by another one; restart this program")

// keep uses the entry once a minute while sessions are used, so that neither cleanup nor the store's own time-out takes it sooner than
// them.
func (k *keptKey) keep(ctx context.Context, m *Manager) {
	if k == nil || time.Since(time.Unix(0, k.seen.Load())) < min(m.o.Idle/20, time.Minute) {
		return
	}
	if err := k.use(ctx, m.s); err != nil {
		m.o.Logger.ErrorContext(ctx, "session: the key for tokens could not be kept alive in the store", "err", err)
	}
}

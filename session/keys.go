package session

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/larder-go/larder/store"
)

// keptKey is the MAC key of a manager without Options.Keys. It stands in the store beside the sessions: all programs on that store have the
// same, and a restart logs nobody out. Nothing is given away by that, for the MAC protects the store from being asked, not the sessions:
// their ids are as random as the key, and the store has only their hashes.
type keptKey struct {
	name string       // in the store
	seen atomic.Int64 // when its entry was last used

	mu    sync.Mutex
	value []byte
}

func keepKey(s store.Store, name string) (*keptKey, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	k := &keptKey{name: name}
	_, err := k.use(ctx, s)
	return k, err
}

// keptFor is how long the entry stands after its last renewal, so that what nobody uses any more goes for good. Half of it is left at
// least after each use: 400 days, and for longer no browser keeps a cookie.
const keptFor = 800 * 24 * time.Hour

// use loads the entry, which is a use of it, or puts it there. It returns the key if it is another one than before: the entry was lost, as it
// is where a server of memcached starts again, and another program was the first to draw a new key.
func (k *keptKey) use(ctx context.Context, s store.Store) (other []byte, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.seen.Store(time.Now().UnixNano())
	value := k.value
	if value == nil {
		value = make([]byte, minKey)
		rand.Read(value)
	}
	put := &store.Item{Value: append([]byte(magic+string(rune(kindKey))), value...), Expires: time.Now().Add(keptFor)}
	err = store.Update(ctx, s, k.name, func(old *store.Item) (*store.Item, error) {
		if old == nil {
			return put, nil
		}
		in := read(old.Value, kindKey)
		value = in.take(minKey)
		if in.bad || len(in.rest) > 0 {
			return nil, fmt.Errorf("the entry %q is not a key: %w; remove it, which logs everybody out, or set Options.Keys",
				k.name, store.ErrCorrupt)
		}
		if !old.Expires.IsZero() && time.Until(old.Expires) < keptFor/2 {
			return &store.Item{Value: old.Value, Expires: put.Expires}, nil
		}
		return old, nil
	})
	if err != nil {
		return nil, err
	}
	if k.value != nil && !bytes.Equal(k.value, value) {
		other = value
	}
	k.value = value
	return other, nil
}

// keep uses the entry once a minute while sessions are used, so that neither cleanup nor the store's own time-out takes it sooner than
// them. All programs sign with the key that stands there, and accept the one that they had before.
func (k *keptKey) keep(ctx context.Context, m *Manager) {
	if k == nil || time.Since(time.Unix(0, k.seen.Load())) < min(m.o.Idle/20, time.Minute) {
		return
	}
	other, err := k.use(ctx, m.s)
	if err != nil {
		m.o.Logger.ErrorContext(ctx, "session: the key for tokens could not be kept alive in the store", "err", err)
		return
	}
	if other != nil {
		m.o.Logger.WarnContext(ctx, "session: the key for tokens was lost in the store and drawn anew by another program; both are accepted now")
		m.ring.prefer(other)
	}
}

package codec

import (
	"bytes"
	"context"
	"iter"
	"reflect"
	"time"

	"github.com/larder-go/larder/store"
)

// Typed is a store of values of one type. It encodes what it writes with its codec and says so in front of it, so that it
// reads what other codecs wrote before: see the package's comment.
//
// The rules of [store.Store] hold for it, and so do its errors, as the store beneath gives them. A value that cannot be decoded
// is [store.ErrCorrupt], and is never taken for absent or overwritten by Update.
type Typed[T any] struct {
	s     store.Store
	codec *Tagged
	bad   error // why a codec cannot be used
}

// NewTyped returns s as a store of T. c writes, nil means [MsgPack]. MsgPack, JSON, c and the others can be read. A codec whose
// name is not valid makes every method that needs a codec return an error.
func NewTyped[T any](s store.Store, c Codec, others ...Codec) *Typed[T] {
	codec, err := NewTagged(c, others...)
	return &Typed[T]{s, codec, err}
}

// encode returns v behind the tag of the codec that wrote it.
func (t *Typed[T]) encode(v T) ([]byte, error) {
	if t.bad != nil {
		return nil, t.bad
	}
	if t.codec.writers[0].codec == MsgPack && reflect.TypeFor[T]().Kind() == reflect.Interface {
		return t.codec.Encode(&v) // it will be read into a T, not into what v happens to hold
	}
	return t.codec.Encode(v)
}

func (t *Typed[T]) decode(data []byte) (v T, err error) {
	if t.bad != nil {
		return v, t.bad
	}
	if err = t.codec.Decode(data, &v); err != nil {
		var zero T // not the half that was decoded
		return zero, err
	}
	return v, nil
}

// Get returns the value under key, or [store.ErrNotFound]. It is a use.
func (t *Typed[T]) Get(ctx context.Context, key string) (T, error) {
	data, err := t.s.Get(ctx, key)
	if err != nil {
		var zero T
		return zero, err
	}
	return t.decode(data)
}

// Set puts value under key, without a deadline.
func (t *Typed[T]) Set(ctx context.Context, key string, value T) error {
	data, err := t.encode(value)
	if err != nil {
		return err
	}
	return t.s.Set(ctx, key, data)
}

// Contains reports whether a live entry stands under key, whoever can read it.
func (t *Typed[T]) Contains(ctx context.Context, key string) (bool, error) {
	return t.s.Contains(ctx, key)
}

// Delete removes what stands under key.
func (t *Typed[T]) Delete(ctx context.Context, key string) error { return t.s.Delete(ctx, key) }

// Touch is a use of the entry under key that reads nothing: [store.Touch].
func (t *Typed[T]) Touch(ctx context.Context, key string) error { return store.Touch(ctx, t.s, key) }

// List is [store.List]: sizes are those of the encoded values with their tags.
func (t *Typed[T]) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	return store.List(ctx, t.s, prefix)
}

// Cleanup is that of the store.
func (t *Typed[T]) Cleanup(ctx context.Context, idle time.Duration) (removed int, err error) {
	return t.s.Cleanup(ctx, idle)
}

// Sweep is [store.Sweep].
func (t *Typed[T]) Sweep(ctx context.Context, o store.SweepOptions) (store.SweepReport, error) {
	return store.Sweep(ctx, t.s, o)
}

// Update changes the value under key so that no other change is lost, and leaves its deadline as it is. It calls fn with
// the value, nil where there is none. Where fn returns
//
//   - old itself, what it changed in it is written, and if it changed nothing, nothing is;
//   - nil, the entry is removed;
//   - anything else, that takes the entry's place.
//
// On a conflict fn is called again with a new value, so it must have no other effect. An error of fn is returned as it is. The store
// must be able to swap: see [store.Update].
func (t *Typed[T]) Update(ctx context.Context, key string, fn func(old *T) (*T, error)) error {
	return t.UpdateItem(ctx, key, func(old *Item[T]) (*Item[T], error) {
		var value *T
		next := &Item[T]{}
		if old != nil {
			value, next = &old.Value, old
		}
		v, err := fn(value)
		switch {
		case err != nil:
			return nil, err
		case v == nil:
			return nil, nil
		case v == value:
			return old, nil
		}
		return &Item[T]{Value: *v, Expires: next.Expires}, nil
	})
}

// UpdateItem is Update for those who set a deadline too.
func (t *Typed[T]) UpdateItem(ctx context.Context, key string, fn func(old *Item[T]) (*Item[T], error)) error {
	return store.Update(ctx, t.s, key, func(stored *store.Item) (*store.Item, error) {
		if stored == nil {
			next, err := fn(nil)
			if err != nil || next == nil {
				return nil, err
			}
			return t.item(next)
		}
		old, err := t.open(stored)
		if err != nil {
			return nil, err
		}
		// What old was is told by its encoding: fn may change it in place, a map in it for example, and the bytes that are
		// stored may be another codec's, or hold fields that T does not have.
		before, err := t.encode(old.Value)
		if err != nil {
			return nil, err
		}
		expires := old.Expires
		next, err := fn(old)
		if err != nil || next == nil {
			return nil, err
		}
		item, err := t.item(next)
		if err != nil {
			return nil, err
		}
		if next == old {
			if item.Expires.Equal(expires) && bytes.Equal(item.Value, before) {
				return stored, nil
			}
			item.Atime = time.Time{} // now, not when it was loaded
		}
		return item, nil
	})
}

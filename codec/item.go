package codec

import (
	"context"
	"time"

	"github.com/larder-go/larder/store"
)

// Item is an entry with all that belongs to it, as [store.Item] is.
type Item[T any] struct {
	Value   T
	Expires time.Time     // absolute deadline; zero: none
	Atime   time.Time     // last use as recorded, zero: unknown. Given to Swap: zero means now, and so does a future one
	Version store.Version // Swap ignores it in the new item
}

// Load returns the entry under key, or [store.ErrNotFound]. It is a use.
func (t *Typed[T]) Load(ctx context.Context, key string) (*Item[T], error) {
	item, err := store.Load(ctx, t.s, key)
	if err != nil {
		return nil, err
	}
	return t.open(item)
}

// Peek is Load without being a use.
func (t *Typed[T]) Peek(ctx context.Context, key string) (*Item[T], error) {
	item, err := store.Peek(ctx, t.s, key)
	if err != nil {
		return nil, err
	}
	return t.open(item)
}

// Swap puts item in place of the version old, as [store.Swap] does; nil removes. Most callers want Update.
func (t *Typed[T]) Swap(ctx context.Context, key string, old store.Version, item *Item[T]) (store.Version, error) {
	if item == nil {
		return store.Swap(ctx, t.s, key, old, nil)
	}
	next, err := t.item(item)
	if err != nil {
		return "", err
	}
	return store.Swap(ctx, t.s, key, old, next)
}

func (t *Typed[T]) open(item *store.Item) (*Item[T], error) {
	v, err := t.decode(item.Value)
	if err != nil {
		return nil, err
	}
	return &Item[T]{Value: v, Expires: item.Expires, Atime: item.Atime, Version: item.Version}, nil
}

func (t *Typed[T]) item(item *Item[T]) (*store.Item, error) {
	data, err := t.encode(item.Value)
	if err != nil {
		return nil, err
	}
	return &store.Item{Value: data, Expires: item.Expires, Atime: item.Atime}, nil
}

package store

import (
	"context"
	"errors"
)

// Contains reports whether a live entry stands under key in either store.
func (h *HandoverStore) Contains(ctx context.Context, key string) (bool, error) {
	if h.bad != nil {
		return false, h.bad
	}
	if h.newOnly(ctx) {
		return h.new.Contains(ctx, key)
	}
	now, old, err := h.where(ctx, key)
	return now.entry != nil || old != nil, err
}

// Get returns the value under key. What stands in the old store moves.
func (h *HandoverStore) Get(ctx context.Context, key string) ([]byte, error) {
	if h.bad != nil {
		return nil, h.bad
	}
	if !h.prepare || h.newOnly(ctx) {
		value, err := h.new.Get(ctx, key)
		switch {
		case err == nil && !isMark(value), err != nil && !errors.Is(err, ErrNotFound):
			return value, err
		case h.newOnly(ctx):
			return nil, ErrNotFound
		}
	}
	item, err := h.find(ctx, key)
	if err != nil {
		return nil, err
	}
	return item.Value, nil
}

// Load returns the entry under key. What stands in the old store moves, and is another version there.
func (h *HandoverStore) Load(ctx context.Context, key string) (*Item, error) {
	if h.bad != nil {
		return nil, h.bad
	}
	if !h.prepare || h.newOnly(ctx) {
		item, err := Load(ctx, h.new, key)
		switch {
		case err == nil && !isMark(item.Value), err != nil && !errors.Is(err, ErrNotFound):
			return item, err
		case h.newOnly(ctx):
			return nil, ErrNotFound
		}
	}
	return h.find(ctx, key)
}

// Peek returns the entry under key, from where it stands.
func (h *HandoverStore) Peek(ctx context.Context, key string) (*Item, error) {
	if h.bad != nil {
		return nil, h.bad
	}
	if h.newOnly(ctx) {
		return Peek(ctx, h.new, key)
	}
	now, old, err := h.where(ctx, key)
	switch {
	case err != nil:
		return nil, err
	case now.entry != nil:
		return now.entry, nil
	case old != nil:
		return old, nil
	}
	return nil, ErrNotFound
}

// Touch is a use of the entry under key. It reads the value, since a mark must not be taken for an entry.
func (h *HandoverStore) Touch(ctx context.Context, key string) error {
	if h.bad == nil && h.newOnly(ctx) {
		return Touch(ctx, h.new, key)
	}
	_, err := h.Get(ctx, key)
	return err
}

// find loads the entry from where it stands. Outside of Prepare it moves.
func (h *HandoverStore) find(ctx context.Context, key string) (*Item, error) {
	for {
		now, old, err := h.both(ctx, key, func() (*Item, error) { return Load(ctx, h.old, key) })
		switch {
		case err != nil:
			return nil, err
		case now.entry == nil && old == nil:
			return nil, ErrNotFound
		case now.entry == nil && (h.prepare || now.mark != nil): // or somebody is moving it
			return old, nil
		case now.entry == nil:
			if _, err := h.move(ctx, key, now, old, true); err != nil {
				return nil, err
			}
		}
		item, err := Load(ctx, h.new, key) // it may be gone by now, or never have moved
		if err == nil && !isMark(item.Value) || err != nil && !errors.Is(err, ErrNotFound) {
			return item, err
		}
	}
}

// move takes the entry old to the new store, where now stands: nothing, or a mark that is in the way. It is a use or, for Drain, is not. moved is
// false where another changed something meanwhile.
func (h *HandoverStore) move(ctx context.Context, key string, now state, old *Item, use bool) (moved bool, err error) {
	item := &Item{Value: old.Value, Expires: old.Expires}
	if !use {
		item.Atime = old.Atime
	}
	if _, moved, err = h.write(ctx, key, now, old.Version, item); err != nil || !moved {
		return false, err
	}
	// The new store counts now. What stays behind is garbage, which the next write removes, or Drain.
	_, err = Swap(ctx, h.old, key, old.Version, nil)
	if use || errors.Is(err, ErrConflict) {
		err = nil
	}
	return true, err
}

package store

import (
	"context"
	"errors"
)

// Contains reports whether a live entry stands under key in either store.
func (h *HandoverStore) Contains(ctx context.Context, key string) (bool, error) {
	_, err := h.Peek(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Get returns the value under key. What stands in the old store moves.
func (h *HandoverStore) Get(ctx context.Context, key string) ([]byte, error) {
	if h.bad != nil {
		return nil, h.bad
	}
	if !h.preparing() {
		value, err := h.new.Get(ctx, key)
		if err == nil {
			_, isMark, roleErr := inNew(value)
			if roleErr != nil {
				return nil, roleErr
			}
			if !isMark {
				return value, nil
			}
		} else if !errors.Is(err, ErrNotFound) {
			return nil, err
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
	if !h.preparing() {
		if item, err := h.loadNew(ctx, key); !errors.Is(err, ErrNotFound) {
			return item, err
		}
	}
	return h.find(ctx, key)
}

// Touch is a use of the entry under key. It reads the value, since a mark must not be taken for an entry.
func (h *HandoverStore) Touch(ctx context.Context, key string) error {
	_, err := h.Get(ctx, key)
	return err
}

// Peek returns the entry under key, from where it stands.
func (h *HandoverStore) Peek(ctx context.Context, key string) (*Item, error) {
	if h.bad != nil {
		return nil, h.bad
	}
	only, err := h.newOnly(ctx)
	if err != nil && !h.preparing() { // the old store may have been asked, and what stands in the new one needs none
		if now, lookErr := h.look(ctx, key); lookErr == nil && now.entry != nil {
			return now.entry, nil
		}
	}
	for err == nil {
		now, old, lookErr := h.where(ctx, key, only, true)
		switch {
		case lookErr != nil:
			return nil, lookErr
		case now.entry != nil:
			return now.entry, nil
		case old == nil:
			return nil, ErrNotFound
		}
		var stands bool
		if stands, err = h.stands(ctx, key, old); stands && err == nil {
			return &old.Item, nil
		}
	}
	return nil, err
}

// loadNew loads from the new store, where a mark is nothing.
func (h *HandoverStore) loadNew(ctx context.Context, key string) (*Item, error) {
	item, err := Load(ctx, h.new, key)
	if err != nil {
		return nil, err
	}
	_, isMark, err := inNew(item.Value)
	switch {
	case err != nil:
		return nil, err
	case isMark:
		return nil, ErrNotFound
	}
	return item, nil
}

// find loads the entry from where it stands. It moves, unless the program is in Prepare and nobody else has begun.
func (h *HandoverStore) find(ctx context.Context, key string) (*Item, error) {
	for {
		only, err := h.newOnly(ctx)
		if err != nil {
			return nil, err
		}
		if only {
			return h.loadNew(ctx, key)
		}
		now, old, err := h.both(ctx, key, Load)
		switch {
		case err != nil:
			return nil, err
		case now.entry != nil:
			item, err := h.loadNew(ctx, key)
			if errors.Is(err, ErrNotFound) {
				continue // gone since
			}
			return item, err
		case old == nil:
			return nil, ErrNotFound
		case h.prepare && !old.claimed, now.mark != nil, h.refused(len(old.Value)): // or somebody is moving it
			if stands, err := h.stands(ctx, key, old); err != nil || stands {
				return &old.Item, err
			}
			continue
		}
		v, done, err := h.move(ctx, key, now, old, true)
		switch {
		case done:
			old.Version = v
			return &old.Item, nil
		case ctx.Err() != nil:
			return nil, err
		case errors.Is(err, ErrTooLarge):
			h.refuses.CompareAndSwap(h.refuses.Load(), int64(len(old.Value))) // shorter than all that were refused: see above
		case err != nil: // it stays, as it has stood until now
			if stands, err := h.stands(ctx, key, old); err != nil || stands {
				return &old.Item, err
			}
		}
	}
}

// refused reports whether the new store has refused a value of that length, or a shorter one, as too large: then nobody tries again but Drain.
func (h *HandoverStore) refused(length int) bool {
	least := h.refuses.Load()
	return least > 0 && int64(length) >= least
}

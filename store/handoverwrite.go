package store

import (
	"context"
	"errors"
	"math/rand/v2"
)

// Set puts value under key.
func (h *HandoverStore) Set(ctx context.Context, key string, value []byte) error {
	if h.bad != nil {
		return h.bad
	}
	if err := writable("set", value); err != nil {
		return err
	}
	if h.newOnly(ctx) {
		return h.new.Set(ctx, key, value)
	}
	_, err := h.put(ctx, key, AnyVersion, &Item{Value: value}, func() (Version, error) { return "", h.new.Set(ctx, key, value) })
	return err
}

// Swap puts item in place of the version old, whichever store drew it.
func (h *HandoverStore) Swap(ctx context.Context, key string, old Version, item *Item) (Version, error) {
	if h.bad != nil {
		return "", h.bad
	}
	if item != nil {
		if err := writable("swap", item.Value); err != nil {
			return "", err
		}
	}
	if h.newOnly(ctx) {
		return Swap(ctx, h.new, key, old, item)
	}
	switch {
	case item == nil && old == AnyVersion:
		return "", h.Delete(ctx, key)
	case item == nil:
		return "", h.remove(ctx, key, old)
	}
	return h.put(ctx, key, old, item, func() (Version, error) { return Swap(ctx, h.new, key, old, item) })
}

// Delete removes what stands under key, in the old store first: whoever moves it meanwhile sees that, or leaves it in the new one in time
// to be removed there.
func (h *HandoverStore) Delete(ctx context.Context, key string) error {
	if h.bad != nil {
		return h.bad
	}
	if !h.newOnly(ctx) {
		if err := h.old.Delete(ctx, key); err != nil {
			return err
		}
	}
	return h.new.Delete(ctx, key)
}

// put writes item where the version old is demanded. direct does so in the new store where the entry stands there.
func (h *HandoverStore) put(ctx context.Context, key string, old Version, item *Item, direct func() (Version, error)) (Version, error) {
	for wait := minBackoff; ; wait = min(2*wait, maxBackoff) {
		v, done, err := h.tryPut(ctx, key, old, item, direct)
		if done || err != nil {
			return v, err
		}
		if err := sleep(ctx, rand.N(wait)); err != nil {
			return "", Wrap("store", "handover", err)
		}
	}
}

func (h *HandoverStore) tryPut(ctx context.Context, key string, old Version, item *Item, direct func() (Version, error)) (v Version, done bool, err error) {
	now, err := h.look(ctx, key)
	if errors.Is(err, ErrCorrupt) && old == AnyVersion {
		now, err = state{entry: &Item{}}, nil
	}
	if err != nil {
		return "", false, err
	}
	if now.entry == nil && h.prepare {
		return h.putOld(ctx, key, old, item)
	}
	if now.entry != nil || old == AnyVersion {
		if v, err = direct(); err == nil {
			// An entry with a deadline must not uncover what a mover who died has left behind.
			err = h.old.Delete(ctx, key)
		}
		return v, err == nil, err
	}
	there, err := h.lookOld(ctx, key)
	switch {
	case err != nil:
		return "", false, err
	case there.version() != old:
		return "", false, h.conflict(ctx, key, now, "swap")
	}
	if v, done, err = h.write(ctx, key, now, old, item); done && err == nil {
		err = h.old.Delete(ctx, key)
	}
	return v, done, err
}

// conflict is ErrConflict, unless what stands in the new store has changed since now was seen: then nil, and the caller looks again.
func (h *HandoverStore) conflict(ctx context.Context, key string, now state, op string) error {
	again, err := h.look(ctx, key)
	if err != nil || again.version() != now.version() {
		return err
	}
	return Wrap("store", op, ErrConflict)
}

// putOld writes to the old store, in Prepare. Others may not: what they have moved meanwhile counts, and what was written here then does not.
func (h *HandoverStore) putOld(ctx context.Context, key string, old Version, item *Item) (v Version, done bool, err error) {
	if v, err = Swap(ctx, h.old, key, old, item); err != nil {
		return "", false, err
	}
	for {
		now, err := h.look(ctx, key)
		if err != nil {
			return "", false, err
		}
		if now.entry != nil { // moved, from the state before ours
			if _, err := Swap(ctx, h.old, key, v, nil); err != nil && !errors.Is(err, ErrConflict) {
				return "", false, err
			}
			if old == AnyVersion {
				return "", false, nil
			}
			return "", false, Wrap("store", "swap", ErrConflict)
		}
		if now.mark == nil || parseMark(now.mark.Value).from == v {
			return v, true, nil
		}
		if gone, err := h.take(ctx, key, now); err != nil || gone {
			return v, err == nil, err
		}
	}
}

// remove removes the entry where it has the version old; "" demands that there is none.
func (h *HandoverStore) remove(ctx context.Context, key string, old Version) error {
	for {
		now, there, err := h.where(ctx, key)
		switch {
		case err != nil:
			return err
		case now.entry != nil:
			if now.entry.Version != old {
				return Wrap("store", "swap", ErrConflict)
			}
			if err := h.old.Delete(ctx, key); err != nil { // garbage; it must not come back
				return err
			}
			_, err = Swap(ctx, h.new, key, old, nil)
			return err
		case there == nil && old == "":
			return nil
		case there.version() != old:
			if err := h.conflict(ctx, key, now, "swap"); err != nil {
				return err
			}
			continue
		}
		if _, err := Swap(ctx, h.old, key, old, nil); errors.Is(err, ErrConflict) {
			continue // moved or changed
		} else if err != nil {
			return err
		}
		for {
			now, err := h.look(ctx, key)
			if err != nil {
				return err
			}
			if now.entry != nil { // it was moved before: what we have removed was garbage already
				return Wrap("store", "swap", ErrConflict)
			}
			if gone, err := h.take(ctx, key, now); err != nil || gone {
				return err
			}
		}
	}
}

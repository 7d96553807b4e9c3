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
	only, err := h.newOnly(ctx)
	switch {
	case err != nil:
		return err
	case only:
		return h.new.Set(ctx, key, value)
	}
	_, err = h.put(ctx, key, AnyVersion, &Item{Value: value})
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
	switch {
	case item == nil && old == AnyVersion:
		return "", h.Delete(ctx, key)
	case item == nil:
		return "", h.remove(ctx, key, old)
	}
	return h.put(ctx, key, old, item)
}

// put writes item where the version old is demanded.
func (h *HandoverStore) put(ctx context.Context, key string, old Version, item *Item) (Version, error) {
	known := old
	for wait := minBackoff; ; wait = min(2*wait, maxBackoff) {
		v, done, err := h.tryPut(ctx, key, old, &known, item)
		if done || err != nil {
			return v, err
		}
		if err := sleep(ctx, rand.N(wait)); err != nil {
			return "", Wrap("store", "handover", err)
		}
	}
}

// tryPut is done, or another has changed something meanwhile. For known see tidy.
func (h *HandoverStore) tryPut(ctx context.Context, key string, want Version, known *Version, item *Item) (v Version, done bool, err error) {
	only, err := h.newOnly(ctx)
	if err != nil {
		return "", false, err
	}
	if only {
		return h.putNew(ctx, key, want, item)
	}
	prepare := h.preparing()
	now, there, err := h.both(ctx, key, Peek)
	switch {
	case errors.Is(err, ErrCorrupt) && want == AnyVersion:
		return "", false, h.clear(ctx, key)
	case err != nil:
		return "", false, err
	case now.entry != nil:
		if want != AnyVersion && want != now.entry.Version {
			return "", false, Wrap("store", "swap", ErrConflict)
		}
		if ok, err := h.tidy(ctx, key, now.entry, known, there); err != nil || !ok {
			return "", false, err
		}
		return swapIn(ctx, h.new, key, now.entry.Version, want, item)
	case want != AnyVersion && want != there.version():
		return "", false, Wrap("store", "swap", ErrConflict)
	case there == nil && prepare:
		return h.create(ctx, key, want, item)
	case there == nil:
		return h.write(ctx, key, now, nil, item)
	case prepare && !there.claimed:
		return swapIn(ctx, h.old, key, there.Version, want, item)
	}
	// First it moves as it is, and only then is it changed: a process that dies between leaves no earlier state behind.
	as := &Item{Value: there.Value, Expires: there.Expires}
	v, done, second, err := h.writeOr(ctx, key, now, there, as, item)
	if errors.Is(err, errUnclaimed) && !there.claimed {
		return swapIn(ctx, h.old, key, there.Version, want, item)
	}
	if err != nil || !done || second {
		return v, done, err
	}
	return swapIn(ctx, h.new, key, v, want, item)
}

// swapIn swaps item for a version that was just seen. Where that has changed, whoever wanted just this one has lost, and who wanted any tries again.
func swapIn(ctx context.Context, s Store, key string, seen, want Version, item *Item) (v Version, done bool, err error) {
	v, err = Swap(ctx, s, key, seen, item)
	if want == AnyVersion {
		return v, err == nil, unlessConflict(err)
	}
	return v, err == nil, err
}

// putNew is tryPut where the old store is empty for good.
func (h *HandoverStore) putNew(ctx context.Context, key string, want Version, item *Item) (v Version, done bool, err error) {
	if want != "" {
		v, err = Swap(ctx, h.new, key, want, item)
		return v, err == nil, err
	}
	now, err := h.look(ctx, key)
	switch {
	case err != nil:
		return "", false, err
	case now.entry != nil:
		return "", false, Wrap("store", "swap", ErrConflict)
	}
	v, err = Swap(ctx, h.new, key, now.version(), item) // a mark that was left over is in nobody's way
	return v, err == nil, unlessConflict(err)
}

// create creates an entry in the old store, in Prepare. Others create in the new one, and what stands there counts: whoever does so has made
// sure that the old one held nothing, and put a mark before. So either he has come first, or the mark is found here and taken.
func (h *HandoverStore) create(ctx context.Context, key string, want Version, item *Item) (v Version, done bool, err error) {
	if v, err = Swap(ctx, h.old, key, "", item); err != nil {
		if want == AnyVersion {
			err = unlessConflict(err)
		}
		return "", false, err
	}
	for {
		now, err := h.look(ctx, key)
		switch {
		case err != nil:
			return "", false, err
		case now.entry != nil:
			_, err := Swap(ctx, h.old, key, v, nil)
			switch {
			case errors.Is(err, ErrConflict): // it is ours, and has moved
				return v, true, nil
			case err != nil || want == AnyVersion:
				return "", false, err
			}
			return "", false, Wrap("store", "swap", ErrConflict)
		case now.mark == nil || now.from == v:
			return v, true, nil
		}
		if gone, err := h.take(ctx, key, now.mark.Version); err != nil || gone {
			return v, err == nil, err
		}
	}
}

// tidy removes what a mover who died has left in the old store, before the entry in the new one is changed: it must never come to light again. The old
// store was read before entry was seen, which is not enough: between the two a mover may have claimed, moved and died. So ok is true
// only where entry was known before that, which a caller who names its version knew; else it is known now, and the caller looks again.
func (h *HandoverStore) tidy(ctx context.Context, key string, entry *Item, known *Version, garbage *oldState) (ok bool, err error) {
	if *known != entry.Version {
		*known = entry.Version
		return false, nil
	}
	if garbage != nil && garbage.claimed {
		_, err = Swap(ctx, h.old, key, garbage.Version, nil)
	}
	return true, unlessConflict(err)
}

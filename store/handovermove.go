package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// move takes old, which holds the entry under key, to the new store, where now stands: nothing, or a mark that is in the way. It is a use or, for
// Drain, is not. done is false where another changed something meanwhile; what is left then is whole.
func (h *HandoverStore) move(ctx context.Context, key string, now newState, old *oldState, use bool) (v Version, done bool, err error) {
	item := &Item{Value: old.Value, Expires: old.Expires}
	if !use {
		item.Atime = old.Atime
	}
	return h.write(ctx, key, now, old, item)
}

// write puts item into the new store, where there is no entry, in place of old: see [HandoverStore].
func (h *HandoverStore) write(ctx context.Context, key string, now newState, old *oldState, item *Item) (v Version, done bool, err error) {
	v, done, _, err = h.writeOr(ctx, key, now, old, item, nil)
	return v, done, err
}

// writeOr puts other there, if that is given, where item is too large for the new store.
func (h *HandoverStore) writeOr(ctx context.Context, key string, now newState, old *oldState, item, other *Item) (v Version, done, second bool, err error) {
	if only, err := h.newOnly(ctx); err != nil || only {
		return "", false, false, err // the news has come since this operation began: no marks any more
	}
	mark, err := Swap(ctx, h.new, key, now.version(), newMark(old.name(), time.Now()))
	if err != nil {
		return "", false, false, unlessConflict(err)
	}
	claim, ok, err := h.claim(ctx, key, old, item.Atime)
	if ok {
		v, err = Swap(ctx, h.new, key, mark, item)
		if second = errors.Is(err, ErrTooLarge) && other != nil; second {
			v, err = Swap(ctx, h.new, key, mark, other)
		}
	}
	if !ok || err != nil {
		if !errors.Is(err, ErrConflict) {
			gone, _ := h.take(ctx, key, mark) // where it cannot be taken, its deadline ends it
			if gone && ok && errors.Is(err, ErrTooLarge) && claim != "" {
				// It stays for long, and tools for the old store alone look at it. What this Swap says changes nothing.
				_, _ = Swap(ctx, h.old, key, claim, &Item{Value: old.Value, Expires: old.Expires, Atime: old.Atime})
			}
		}
		return "", false, false, unlessConflict(err)
	}
	// The new store counts now. What the old one holds is garbage, and whoever changes the entry removes it first.
	if claim != "" {
		_, err = Swap(ctx, h.old, key, claim, nil)
	}
	return v, true, second, unlessConflict(err)
}

// errUnclaimed says that the old store has no room for a claim. The entry stays where it is, and is as if everybody were in Prepare.
var errUnclaimed = fmt.Errorf("%w for the old store, with what a move puts before it", ErrTooLarge)

// claim makes sure that the old store holds old still, and that nobody writes there any more: also not who has claimed it before, and
// would put the value back. It returns the version that is to be removed when the entry has moved.
func (h *HandoverStore) claim(ctx context.Context, key string, old *oldState, atime time.Time) (claim Version, ok bool, err error) {
	if old == nil {
		there, err := h.lookOld(ctx, key, Peek)
		return "", err == nil && there == nil, err
	}
	claim, err = Swap(ctx, h.old, key, old.Version, &Item{Value: newClaim(old.name(), old.Value), Expires: old.Expires, Atime: atime})
	if errors.Is(err, ErrTooLarge) {
		err = Wrap("store", "handover", errUnclaimed)
	}
	return claim, err == nil, unlessConflict(err)
}

func unlessConflict(err error) error {
	if errors.Is(err, ErrConflict) {
		return nil
	}
	return err
}

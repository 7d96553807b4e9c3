package store

import (
	"context"
	"errors"
	"math/rand/v2"
)

// Delete removes what stands under key. It does so by the version that it finds, in one of the stores: to delete in one and then in the other would
// take away what somebody has created in between.
func (h *HandoverStore) Delete(ctx context.Context, key string) error {
	if h.bad != nil {
		return h.bad
	}
	only, err := h.newOnly(ctx)
	switch {
	case err != nil:
		return err
	case only:
		return h.new.Delete(ctx, key)
	}
	if err = h.remove(ctx, key, AnyVersion); errors.Is(err, ErrCorrupt) {
		return h.clear(ctx, key)
	}
	return err
}

// clear removes what cannot be read, in either store, and so has no version to go by.
func (h *HandoverStore) clear(ctx context.Context, key string) error {
	if err := h.old.Delete(ctx, key); err != nil {
		return err
	}
	return h.new.Delete(ctx, key)
}

// remove removes the entry where it has the version want; "" demands that there is none.
func (h *HandoverStore) remove(ctx context.Context, key string, want Version) error {
	known := want
	for wait := minBackoff; ; wait = min(2*wait, maxBackoff) {
		done, err := h.tryRemove(ctx, key, want, &known)
		if done || err != nil {
			return err
		}
		if err := sleep(ctx, rand.N(wait)); err != nil {
			return Wrap("store", "handover", err)
		}
	}
}

// sweepOne removes what is absent under key, as a Delete does: a Cleanup afterwards finds nothing there to count.
func (h *HandoverStore) sweepOne(ctx context.Context, key string) error {
	for _, s := range []Store{h.old, h.new} {
		if _, err := Swap(ctx, s, key, "", nil); unlessConflict(err) != nil {
			return err
		}
	}
	return nil
}

func (h *HandoverStore) tryRemove(ctx context.Context, key string, want Version, known *Version) (done bool, err error) {
	only, err := h.newOnly(ctx)
	if err != nil {
		return false, err
	}
	now, there, err := h.where(ctx, key, only, false)
	if err != nil {
		return false, err
	}
	stands := there.version()
	if now.entry != nil {
		stands = now.entry.Version
	}
	switch {
	case want != AnyVersion && want != stands:
		return false, Wrap("store", "swap", ErrConflict)
	case stands == "" && only:
		return true, nil
	case stands == "":
		return true, h.sweepOne(ctx, key)
	case now.entry != nil:
		if ok, err := h.tidy(ctx, key, now.entry, known, there); err != nil || !ok {
			return false, err
		}
	case there.claimed: // somebody may be about to put it into the new store: from there it is removed
		stands, done, err = h.move(ctx, key, now, there, true)
		if errors.Is(err, ErrTooLarge) && !errors.Is(err, errUnclaimed) { // nobody can, and it is as it was, but for its version
			err = Wrap("store", "swap", ErrConflict)
			if want == AnyVersion {
				err = nil
			}
		}
		if err != nil || !done {
			return false, err
		}
	default:
		_, done, err = swapIn(ctx, h.old, key, stands, want, nil)
		return done, err
	}
	_, done, err = swapIn(ctx, h.new, key, stands, want, nil)
	return done, err
}

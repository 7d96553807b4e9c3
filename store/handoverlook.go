package store

import (
	"bytes"
	"context"
	"errors"
)

// newState is what the new store holds under a key: an entry, a mark, or nothing.
type newState struct {
	entry *Item   // nil: none
	mark  *Item   // as it stands in the new store
	from  Version // of the mark
}

// version is what a Swap must name to take the place of what stands there.
func (st newState) version() Version {
	switch {
	case st.entry != nil:
		return st.entry.Version
	case st.mark != nil:
		return st.mark.Version
	}
	return ""
}

// oldState is what the old store holds under a key; nil: nothing.
type oldState struct {
	Item            // its Value without what a claim puts before it
	claimed bool    // it belongs to whoever moves it: nobody writes there any more
	of      Version // that it had before the claim
}

func (o *oldState) version() Version {
	if o == nil {
		return ""
	}
	return o.Version
}

// name is the version that marks and claims name: the same whoever claims it again.
func (o *oldState) name() Version {
	if o != nil && o.claimed {
		return o.of
	}
	return o.version()
}

// moves reports whether a mark is that of old: then it may still come through.
func (st newState) moves(old *oldState) bool {
	return st.mark != nil && st.from == old.name()
}

// look says what the new store holds under key. It is not a use.
func (h *HandoverStore) look(ctx context.Context, key string) (newState, error) {
	item, err := Peek(ctx, h.new, key)
	if errors.Is(err, ErrNotFound) {
		return newState{}, nil
	} else if err != nil {
		return newState{}, err
	}
	from, isMark, err := inNew(item.Value)
	switch {
	case err != nil:
		return newState{}, err
	case isMark:
		return newState{mark: item, from: from}, nil
	}
	return newState{entry: item}, nil
}

// lookOld says what the old store holds under key, which load reads: [Peek], or [Load], which is a use.
func (h *HandoverStore) lookOld(ctx context.Context, key string, load func(context.Context, Store, string) (*Item, error)) (*oldState, error) {
	item, err := load(ctx, h.old, key)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	old := &oldState{Item: *item}
	if old.of, old.Value, old.claimed = parseClaim(item.Value); !old.claimed && bytes.HasPrefix(item.Value, []byte(handoverMagic)) {
		return nil, Wrap("store", "handover", errRole)
	}
	return old, nil
}

// both says where the entry under key stands: in the new store, or else in the old one, or nowhere.
//
// The old store is read first: what is in neither then has moved and gone, or was never there; and what the old one holds beside an entry in the
// new one is garbage. A mark that is not that of what the old store holds is taken away before anybody acts on what that holds: its
// owner may have made sure of an earlier state, and must not come through later.
func (h *HandoverStore) both(ctx context.Context, key string, load func(context.Context, Store, string) (*Item, error)) (now newState, old *oldState, err error) {
	for {
		old, oldErr := h.lookOld(ctx, key, load)
		if oldErr != nil && !errors.Is(oldErr, ErrCorrupt) {
			return newState{}, nil, oldErr
		}
		if now, err = h.look(ctx, key); err != nil || now.entry != nil {
			return now, old, err
		}
		if oldErr != nil {
			return newState{}, nil, oldErr
		}
		if now.mark == nil || now.moves(old) {
			return now, old, nil
		}
		if _, err := h.take(ctx, key, now.mark.Version); err != nil {
			return newState{}, nil, err
		}
	}
}

// where is both, not as a use. only leaves the old store alone. soon is for those who change nothing: what stands in the new store needs no old
// one, which may be down.
func (h *HandoverStore) where(ctx context.Context, key string, only, soon bool) (now newState, old *oldState, err error) {
	if only || soon && !h.preparing() {
		if now, err = h.look(ctx, key); err != nil || now.entry != nil || only {
			return now, nil, err
		}
	}
	return h.both(ctx, key, Peek)
}

// stands reports whether the old store still holds old, which both has found where the new one held no entry. Then it stood in the very moment in
// which the new store was asked. Before, it may have been garbage: an entry that somebody in Prepare created too late, beside one in the new
// store that has been deleted since. Who swaps it needs not ask.
func (h *HandoverStore) stands(ctx context.Context, key string, old *oldState) (bool, error) {
	again, err := h.lookOld(ctx, key, Peek)
	return again.version() == old.version() || again != nil && again.claimed && again.of == old.name(), err
}

// take removes a mark from the new store. gone is false where something else has taken its place.
func (h *HandoverStore) take(ctx context.Context, key string, mark Version) (gone bool, err error) {
	_, err = Swap(ctx, h.new, key, mark, nil)
	if errors.Is(err, ErrConflict) {
		return false, nil
	}
	return err == nil, err
}

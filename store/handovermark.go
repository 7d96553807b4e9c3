package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A mark is the value that stands in the new store while an entry is on its way there:
//
//	offset  size  field
//	0       16    magic
//	16      8     atime that the entry is to get, in ns since 1970; 0: that of step 3
//	24      8     its deadline; 0: none
//	32      1     length of the version that the entry has in the old store; 0: it is not there
//	33            that version, then the value
//
// Integers are big-endian.
const (
	markMagic  = "\xffLarderHandover\x01"
	markHeader = 33

	// markLife is how long a mark stands that its owner, who died, has left. It is long beside the clocks of two hosts, since the
	// owner's clock sets the deadline and the server's judges it; and a short one would only tidy up sooner.
	markLife = 5 * time.Minute
)

// errMark refuses a value that would be taken for a mark.
var errMark = errors.New("the value begins with the bytes that mark an entry on its way; no value may while a handover runs")

// mark is an entry on its way.
type mark struct {
	from Version // that it has in the old store, "": none
	item Item    // as it shall stand in the new one
}

func stampOf(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.UnixNano())
}

func timeOf(stamp uint64) time.Time {
	if stamp == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(stamp))
}

// encode returns the mark as the new store keeps it.
func (m *mark) encode(now time.Time) *Item {
	b := make([]byte, 0, markHeader+len(m.from)+len(m.item.Value))
	b = append(b, markMagic...)
	b = binary.BigEndian.AppendUint64(b, stampOf(m.item.Atime))
	b = binary.BigEndian.AppendUint64(b, stampOf(m.item.Expires))
	b = append(b, byte(len(m.from)))
	b = append(b, m.from...)
	return &Item{Value: append(b, m.item.Value...), Expires: now.Add(markLife)}
}

func isMark(value []byte) bool {
	return len(value) >= markHeader && string(value[:len(markMagic)]) == markMagic &&
		len(value) >= markHeader+int(value[markHeader-1])
}

// parseMark reads a value of which isMark is true.
func parseMark(value []byte) mark {
	rest := value[len(markMagic):]
	m := mark{item: Item{Atime: timeOf(binary.BigEndian.Uint64(rest)), Expires: timeOf(binary.BigEndian.Uint64(rest[8:]))}}
	n := int(rest[16])
	m.from, m.item.Value = Version(rest[17:17+n]), rest[17+n:]
	return m
}

// writable refuses what would be taken for a mark.
func writable(op string, value []byte) error {
	if strings.HasPrefix(string(value[:min(len(value), len(markMagic))]), markMagic) {
		return Wrap("store", op, fmt.Errorf("handover: %w", errMark))
	}
	return nil
}

// state is what the new store holds under a key: an entry, a mark, or nothing.
type state struct {
	entry *Item // nil: none
	mark  *Item // as it stands in the new store
}

func (st state) version() Version {
	if st.entry != nil {
		return st.entry.Version
	}
	return st.mark.version()
}

// look says what the new store holds under key. It is not a use.
func (h *HandoverStore) look(ctx context.Context, key string) (state, error) {
	item, err := Peek(ctx, h.new, key)
	switch {
	case errors.Is(err, ErrNotFound):
		return state{}, nil
	case err != nil:
		return state{}, err
	case isMark(item.Value):
		return state{mark: item}, nil
	}
	return state{entry: item}, nil
}

// lookOld says what the old store holds under key, nil for nothing. It is not a use.
func (h *HandoverStore) lookOld(ctx context.Context, key string) (*Item, error) {
	item, err := Peek(ctx, h.old, key)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return item, err
}

// both says where the entry under key stands: in the new store, in the old one, or, both nil, nowhere. look reads the old store.
//
// The old store is read first: what is in neither then has moved and gone, or was never there. A mark of another version than the old store
// holds is taken away before anybody is told what that holds: its owner, who has made sure of that version earlier, may not come through later,
// or an answer would be true, then not, then true again.
func (h *HandoverStore) both(ctx context.Context, key string, lookOld func() (*Item, error)) (now state, old *Item, err error) {
	for {
		old, oldErr := lookOld()
		if errors.Is(oldErr, ErrNotFound) {
			old, oldErr = nil, nil
		}
		if oldErr != nil && !errors.Is(oldErr, ErrCorrupt) {
			return state{}, nil, oldErr
		}
		if now, err = h.look(ctx, key); err != nil || now.entry != nil {
			return now, nil, err
		}
		if oldErr != nil {
			return state{}, nil, oldErr
		}
		if now.mark == nil || parseMark(now.mark.Value).from == old.version() {
			return now, old, nil
		}
		if _, err := h.take(ctx, key, now); err != nil {
			return state{}, nil, err
		}
	}
}

// where is both for those who have not asked the new store yet: what stands there needs no old one, which may be down.
func (h *HandoverStore) where(ctx context.Context, key string) (now state, old *Item, err error) {
	if !h.prepare {
		if now, err = h.look(ctx, key); err != nil || now.entry != nil {
			return now, nil, err
		}
	}
	return h.both(ctx, key, func() (*Item, error) { return Peek(ctx, h.old, key) })
}

// version is the item's, "" for none.
func (i *Item) version() Version {
	if i == nil {
		return ""
	}
	return i.Version
}

// take removes the mark that now is, if it is one and still stands. gone is false where something else has taken its place.
func (h *HandoverStore) take(ctx context.Context, key string, now state) (gone bool, err error) {
	if now.mark == nil {
		return true, nil
	}
	_, err = Swap(ctx, h.new, key, now.mark.Version, nil)
	if errors.Is(err, ErrConflict) {
		return false, nil
	}
	return err == nil, err
}

// write puts item under key in the new store in three steps, from the version that the old store holds, "" for none. now is what stands
// there: a mark or nothing. done is false where another was faster, and nothing was changed.
func (h *HandoverStore) write(ctx context.Context, key string, now state, from Version, item *Item) (v Version, done bool, err error) {
	m := mark{from: from, item: *item}
	mine, err := Swap(ctx, h.new, key, now.version(), m.encode(time.Now()))
	if errors.Is(err, ErrConflict) {
		return "", false, nil
	} else if err != nil {
		return "", false, err
	}
	old, err := h.lookOld(ctx, key)
	if err != nil || old.version() != from {
		_, _ = h.take(ctx, key, state{mark: &Item{Version: mine}}) // where it cannot be taken, its deadline ends it
		return "", false, err
	}
	v, err = Swap(ctx, h.new, key, mine, item)
	if errors.Is(err, ErrConflict) {
		return "", false, nil
	}
	return v, err == nil, err
}

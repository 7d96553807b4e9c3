package store

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"time"
)

// Cleanup cleans both stores.
func (h *HandoverStore) Cleanup(ctx context.Context, idle time.Duration) (int, error) {
	if h.bad != nil {
		return 0, h.bad
	}
	removed, err := h.old.Cleanup(ctx, idle)
	if err != nil {
		return removed, err
	}
	more, err := h.new.Cleanup(ctx, idle)
	return removed + more, err
}

// Sweep sweeps both stores, the old one first, if both can.
func (h *HandoverStore) Sweep(ctx context.Context, o SweepOptions) (SweepReport, error) {
	if h.bad != nil {
		return SweepReport{}, h.bad
	}
	if !CanSweep(h.old) || !CanSweep(h.new) {
		return SweepReport{}, unsupported("sweep", h)
	}
	first, err := Sweep(ctx, h.old, o)
	if err != nil || !first.Done {
		return first, err
	}
	if o.Limit > 0 {
		if o.Limit -= first.Removed; o.Limit == 0 {
			first.Done = false
			return first, nil
		}
	}
	if progress := o.Progress; progress != nil {
		o.Progress = func(r SweepReport) { progress(r.And(first)) }
	}
	second, err := Sweep(ctx, h.new, o)
	return second.And(first), err
}

// List yields what stands in the old store and then what stands in the new one, each entry once. It remembers 8 bytes for each entry
// of the old one: what moves meanwhile would be listed twice, or in the other order not at all.
func (h *HandoverStore) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		if err := h.lists(); err != nil {
			yield(Info{}, err)
			return
		}
		only, err := h.newOnly(ctx)
		if err != nil {
			yield(Info{}, err)
			return
		}
		seed, seen := maphash.MakeSeed(), map[uint64]struct{}{}
		if !only {
			for info, err := range List(ctx, h.old, prefix) {
				if err == nil {
					var counts bool
					if counts, err = h.Counts(ctx, info, true); err == nil && !counts {
						continue
					}
					seen[maphash.String(seed, info.Key)] = struct{}{}
				}
				if err != nil {
					info = Info{}
				}
				if !yield(info, err) || err != nil && !errors.Is(err, ErrCorrupt) {
					return
				}
			}
		}
		for info, err := range List(ctx, h.new, prefix) {
			if err == nil {
				if _, twice := seen[maphash.String(seed, info.Key)]; twice {
					continue
				}
				if counts, err := h.Counts(ctx, info, false); err == nil && !counts {
					continue
				}
			}
			if !yield(info, err) {
				return
			}
		}
	}
}

// Counts reports whether what a list of the old or the new store has shown is the entry under its key: not what has moved and is left over in the
// old one, where the list of the new one shows it, and not one of the handover's own marks in the new one. It is no use.
func (h *HandoverStore) Counts(ctx context.Context, info Info, old bool) (bool, error) {
	if !old && !h.mayBeMark(info) {
		return true, nil
	}
	now, err := h.look(ctx, info.Key)
	if old {
		if errors.Is(err, ErrCorrupt) {
			return false, nil
		}
		return now.entry == nil, err
	}
	return now.entry != nil || err != nil, err
}

// lists says why the two cannot be listed.
func (h *HandoverStore) lists() error {
	if h.bad != nil {
		return h.bad
	}
	if !CanList(h.old) || !CanList(h.new) {
		return unsupported("list", h)
	}
	return nil
}

// mayBeMark tells entries apart that are no marks, by their deadline and length.
func (h *HandoverStore) mayBeMark(info Info) bool {
	return !info.Expires.IsZero() && info.Size >= int64(len(markMagic)) && info.Size <= int64(maxMark) && time.Until(info.Expires) < markLife+markAhead
}

// Inspect tells of both stores.
func (h *HandoverStore) Inspect(ctx context.Context) ([]Fact, error) {
	var all []Fact
	for _, side := range []struct {
		name string
		s    Store
	}{{"old", h.old}, {"new", h.new}} {
		facts, err := Inspect(ctx, side.s)
		if err != nil {
			return nil, err
		}
		for _, f := range facts {
			f.Name = side.name + " " + f.Name
			all = append(all, f)
		}
	}
	return all, nil
}

// Expiry is the shorter of the two, since an entry may stand in either.
func (h *HandoverStore) Expiry() (Expiry, error) {
	old, err := ExpiryOf(h.old)
	if err != nil {
		return Expiry{}, err
	}
	now, err := ExpiryOf(h.new)
	if err != nil {
		return Expiry{}, fmt.Errorf("%w", err)
	}
	if old.Timeout > 0 && (now.Timeout <= 0 || old.Timeout < now.Timeout) {
		return old, nil
	}
	return now, nil
}

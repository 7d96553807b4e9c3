package store

import (
	"context"
	"errors"
	"strings"
	"time"
)

// handoverKey is the reserved key of what the two stores tell about the handover. In the old one stands a name that Drain draws, in the new one
// the news that the store of that name is drained. So the news of an earlier handover into the same store is none of this one.
var handoverKey = ReservedKey("handover")

const (
	leavesAs  = "leaves as "
	drainedAs = "drained: "
)

// newOnly says whether the old store is drained. The answer is no older than Recheck. Where the new store cannot be asked, nothing else could be done either.
func (h *HandoverStore) newOnly(ctx context.Context) (bool, error) {
	if h.drained.Load() || time.Since(h.began) < time.Duration(h.asked.Load())+h.recheck {
		return h.drained.Load(), nil
	}
	// One asks, the others wait for the answer: if they went on meanwhile, theirs would be older.
	select {
	case h.asking <- struct{}{}:
		defer func() { <-h.asking }()
	case <-ctx.Done():
		return false, Wrap("store", "handover", ctx.Err())
	}
	now := time.Since(h.began)
	if h.drained.Load() || now < time.Duration(h.asked.Load())+h.recheck {
		return h.drained.Load(), nil
	}
	drained, err := h.ask(ctx)
	if err != nil {
		return false, err
	}
	h.drained.Store(drained)
	h.asked.Store(int64(now))
	return drained, nil
}

// ask looks for the news that this old store is drained.
func (h *HandoverStore) ask(ctx context.Context) (bool, error) {
	news, err := Peek(ctx, h.new, handoverKey)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	name, ok := strings.CutPrefix(string(news.Value), drainedAs)
	if !ok {
		return false, nil
	}
	// From here on an error is the old store's, whose answer counts for nothing while it is down.
	leaves, err := Peek(ctx, h.old, handoverKey)
	if err != nil || string(leaves.Value) != leavesAs+name {
		return false, ctx.Err()
	}
	for range List(ctx, h.old, "") { // an entry that is too large for the new store, or an error
		return false, nil
	}
	return true, nil
}

// tell puts the news into the new store.
func (h *HandoverStore) tell(ctx context.Context) error {
	for {
		old, err := h.lookOld(ctx, handoverKey, Peek)
		if err != nil {
			return err
		}
		name := string(NewVersion())
		if old != nil && strings.HasPrefix(string(old.Value), leavesAs) {
			name = strings.TrimPrefix(string(old.Value), leavesAs)
		} else if _, err := Swap(ctx, h.old, handoverKey, old.version(), &Item{Value: []byte(leavesAs + name)}); errors.Is(err, ErrConflict) {
			continue
		} else if err != nil {
			return err
		}
		return h.new.Set(ctx, handoverKey, []byte(drainedAs+name))
	}
}

package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// handoverKey is the reserved key of the notes that tell how far a handover is. The old store's note holds its name, which is drawn, and the new
// one's how far the handover of that name is. So what is told of an earlier one into the same store is none of this.
var handoverKey = ReservedKey("handover")

const (
	leavesAs  = "leaves as " // in the old store
	opensAs   = "open: "     // in the new one: the first step has begun, by a URL
	closesAs  = "closing: "  // nobody writes to the old store any more
	drainedAs = "drained: "  // it is empty
)

// askLimit ends a question that a store does not answer. It is no request's: they wait for it as long as they like.
const askLimit = 30 * time.Second

// handoverPhase is what a program has heard.
type handoverPhase int32

const (
	phaseOpen handoverPhase = iota
	phaseClosing
	phaseDrained
)

// newsAsk is one look at the notes. All who need the answer meanwhile share it, and its error.
type newsAsk struct {
	done chan struct{}
	err  error // when done is closed
}

// ErrLingers is what a drain ends with where something comes into an old store time and again.
var ErrLingers = errors.New("some program still writes to the old store: is one in step 1 with another recheck, or does one know the old store alone? Roll it out, and drain again")

var errSwapped = errors.New("the two stores' notes say that OLD is the new one of a handover and NEW its old one: exchange them; " +
	"or, to move back what that has moved, begin with the first step")

func (h *HandoverStore) heard() handoverPhase { return handoverPhase(h.phase.Load()) }

// preparing reports whether this program still writes to the old store.
func (h *HandoverStore) preparing() bool { return h.prepare && h.heard() == phaseOpen }

// known reports whether the last answer will do.
func (h *HandoverStore) known() bool {
	return h.quiet || h.heard() == phaseDrained || time.Since(h.began) < time.Duration(h.asked.Load())+h.recheck
}

// newOnly says whether the old store is drained; preparing knows more afterwards. The answer is no older than Recheck. Where the new
// store cannot be asked, nothing else could be done either.
func (h *HandoverStore) newOnly(ctx context.Context) (bool, error) {
	if h.known() {
		return h.heard() == phaseDrained, nil
	}
	h.mu.Lock()
	if h.known() {
		h.mu.Unlock()
		return h.heard() == phaseDrained, nil
	}
	// One asks, and the others wait for the answer: if they went on meanwhile, theirs would be older.
	q := h.asking
	if q == nil {
		q = &newsAsk{done: make(chan struct{})}
		h.asking = q
		go h.answer(context.WithoutCancel(ctx), q)
	}
	h.mu.Unlock()
	select {
	case <-q.done:
		return h.heard() == phaseDrained, q.err
	case <-ctx.Done():
		return false, Wrap("store", "handover", ctx.Err())
	}
}

func (h *HandoverStore) answer(ctx context.Context, q *newsAsk) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	began := time.Since(h.began)
	phase, err := h.ask(ctx)
	if err != nil && ctx.Err() != nil {
		err = Wrap("store", "handover", fmt.Errorf("%w: a store has not said in %v how far the handover is", ErrUnavailable, askLimit))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if q.err = err; err == nil {
		h.phase.Store(int32(phase))
		h.asked.Store(int64(began))
	}
	h.asking = nil
	close(q.done)
}

// ask reads the notes. An error of the old store's is one of this: who needs no old store does not ask first.
func (h *HandoverStore) ask(ctx context.Context) (handoverPhase, error) {
	for {
		note, err := h.note(ctx, h.new)
		if err != nil {
			return phaseOpen, err
		}
		begun := h.settled // it has seen this handover before that was drained
		switch note.kind {
		case closesAs, drainedAs:
			if note.name == h.name {
				break
			}
			leaves, err := h.note(ctx, h.old)
			if err != nil {
				return phaseOpen, err
			}
			if leaves.kind != leavesAs || leaves.name != note.name { // another's
				h.settled = true
				return phaseOpen, nil
			}
			h.name = note.name
		case leavesAs:
			if begun || !h.prepare {
				break
			}
			if drained, err := h.note(ctx, h.old); err != nil {
				return phaseOpen, err
			} else if drained.kind == drainedAs && drained.name == note.name { // what that has moved moves back
				if _, err := h.begin(ctx, drained, note); err != nil {
					return phaseOpen, err
				}
				continue
			}
		}
		switch {
		case note.kind == closesAs:
			h.settled = true
			return phaseClosing, nil
		case note.kind != drainedAs:
			h.settled = true
			return phaseOpen, nil
		case begun:
			return phaseDrained, nil
		}
		// This program comes late, or it is the first of another handover between the same two.
		empty, err := isEmpty(ctx, h.old)
		switch {
		case err != nil:
			return phaseOpen, err
		case empty && h.prepare: // it reads both, writes to the new one, and looks again
			return phaseClosing, nil
		case empty:
			return phaseDrained, nil
		}
		leaves, err := h.note(ctx, h.old)
		if err == nil {
			_, err = h.begin(ctx, leaves, note)
		}
		if err != nil {
			return phaseOpen, err
		}
	}
}

// handoverNote is a note as it stands; its version is "" where there is none.
type handoverNote struct {
	kind, name string
	version    Version
}

func (h *HandoverStore) note(ctx context.Context, s Store) (handoverNote, error) {
	item, err := Peek(ctx, s, handoverKey)
	if errors.Is(err, ErrNotFound) {
		return handoverNote{}, nil
	} else if err != nil {
		return handoverNote{}, err
	}
	n := handoverNote{version: item.Version}
	for _, kind := range []string{leavesAs, opensAs, closesAs, drainedAs} {
		if name, ok := strings.CutPrefix(string(item.Value), kind); ok {
			n.kind, n.name = kind, name
		}
	}
	return n, nil
}

func writeNote(ctx context.Context, s Store, was handoverNote, kind, name string) error {
	_, err := Swap(ctx, s, handoverKey, was.version, &Item{Value: []byte(kind + name)})
	return err
}

// begin gives a handover a name of its own, in place of the notes that were read. Where another has changed one, it is for the caller to read
// them again; if it dies between the two, they do not go together, and say nothing.
func (h *HandoverStore) begin(ctx context.Context, old, new handoverNote) (done bool, err error) {
	name := string(NewVersion())
	if err = writeNote(ctx, h.old, old, leavesAs, name); err == nil {
		err = writeNote(ctx, h.new, new, opensAs, name)
	}
	return err == nil, unlessConflict(err)
}

// tell puts a note into the new store. What is drained stays so.
func (h *HandoverStore) tell(ctx context.Context, kind string) error {
	for {
		old, new, err := h.notes(ctx)
		if err != nil {
			return err
		}
		if old.kind != leavesAs {
			old.name = string(NewVersion())
			if err = writeNote(ctx, h.old, old, leavesAs, old.name); errors.Is(err, ErrConflict) {
				continue
			} else if err != nil {
				return err
			}
		}
		if new.name == old.name && (new.kind == kind || new.kind == drainedAs) {
			return nil
		}
		if err = writeNote(ctx, h.new, new, kind, old.name); !errors.Is(err, ErrConflict) {
			return err
		}
	}
}

// announce is the first step's, where a URL asks for it: it notes that the handover has begun. Where nothing says that it has, the new store must be empty,
// unless nonempty allows it not to be: what it holds hides what the old one has under the same keys, as the one by which cookies are signed.
func (h *HandoverStore) announce(ctx context.Context, nonempty bool) error {
	for {
		old, new, err := h.notes(ctx)
		switch {
		case err != nil:
			return err
		case swapped(old, new) && old.kind != drainedAs: // it has not ended yet
			return fmt.Errorf("handover: %w", errSwapped)
		}
		if old.kind == leavesAs && old.name == new.name && new.kind != "" {
			if new.kind != drainedAs {
				return nil
			}
			if empty, err := isEmpty(ctx, h.old); err != nil || empty { // this program comes late
				return err
			}
		}
		if !nonempty && CanList(h.new) {
			if empty, err := isEmpty(ctx, h.new); err != nil {
				return err
			} else if !empty {
				return fmt.Errorf("handover: %w: what is there already hides the entries of the old one, and may log everybody out; empty it first, "+
					"by larder migrate down --to 0 or larder rm, or say &nonempty=true if these entries are to win", ErrNotEmpty)
			}
		}
		if done, err := h.begin(ctx, old, new); done || err != nil {
			return err
		}
	}
}

func (h *HandoverStore) notes(ctx context.Context) (old, new handoverNote, err error) {
	if old, err = h.note(ctx, h.old); err == nil {
		new, err = h.note(ctx, h.new)
	}
	return old, new, err
}

// swapped reports whether the notes are those of a handover the other way round.
func swapped(old, new handoverNote) bool {
	return new.kind == leavesAs && old.kind != leavesAs && old.name == new.name
}

func isEmpty(ctx context.Context, s Store) (bool, error) {
	for _, err := range List(ctx, s, "") {
		if errors.Is(err, ErrCorrupt) {
			err = nil
		}
		return false, err
	}
	return true, nil
}

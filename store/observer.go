package store

import (
	"context"
	"errors"
	"time"
)

// Observer is told of every operation on a store that [Observe] wraps: to count, to trace, to log. It is called by many goroutines at once,
// and in the way of the operation: what takes long belongs elsewhere.
//
// It is never told a key, for keys are bearer tokens, nor a value.
type Observer interface {
	// Begin is called before the operation, and the context that it returns is the operation's: spans of a driver below nest in
	// one that stands in it. nil stands for ctx.
	Begin(ctx context.Context, op Op) context.Context

	// End is called once for every Begin, after the operation, with the context that Begin returned. That may have ended. Of an operation that
	// panicked, the outcome is OutcomeError, and no Err is told.
	End(ctx context.Context, e Event)
}

// Op is the name of an operation. The names are stable: they may stand in labels of metrics and names of spans.
type Op string

// The operations: one for each method of [Store] and of its abilities that asks a backend.
const (
	OpContains Op = "contains"
	OpGet      Op = "get"
	OpSet      Op = "set"
	OpDelete   Op = "delete"
	OpCleanup  Op = "cleanup"
	OpTouch    Op = "touch"
	OpLoad     Op = "load"
	OpPeek     Op = "peek"
	OpSwap     Op = "swap"
	OpList     Op = "list"
	OpSweep    Op = "sweep"
	OpInspect  Op = "inspect"
)

// Ops returns all operations.
func Ops() []Op {
	return []Op{OpContains, OpGet, OpSet, OpDelete, OpCleanup, OpTouch, OpLoad, OpPeek, OpSwap, OpList, OpSweep, OpInspect}
}

// Event is an operation that is over.
type Event struct {
	Op       Op
	Outcome  Outcome
	Duration time.Duration // of a list: without the body of its caller's loop
	Bytes    int64         // of the value that was read or written, or of those that a sweep removed
	Entries  int           // listed or removed; none by a dry run
	Err      error         // as the caller gets it; it shows no key. nil: none
}

// Outcome is how an operation ended, in one of few words. They are stable, as those of [Op].
type Outcome string

// The outcomes. Down to [OutcomeInvalid] nothing is wrong with the store: see [Outcome.Failed].
const (
	OutcomeOK          Outcome = "ok"
	OutcomeNotFound    Outcome = "not_found" // nothing stood under the key: also where Contains returned false
	OutcomeConflict    Outcome = "conflict"
	OutcomeCanceled    Outcome = "canceled" // by the caller; a deadline that passed is OutcomeUnavailable
	OutcomeInvalid     Outcome = "invalid"  // the key
	OutcomeTooLarge    Outcome = "too_large"
	OutcomeUnsupported Outcome = "unsupported" // a Cleanup that the backend cannot do
	OutcomeCorrupt     Outcome = "corrupt"
	OutcomeUnavailable Outcome = "unavailable"
	OutcomeError       Outcome = "error" // any other, as that of a closed store
)

// Outcomes returns all outcomes.
func Outcomes() []Outcome {
	return []Outcome{
		OutcomeOK, OutcomeNotFound, OutcomeConflict, OutcomeCanceled, OutcomeInvalid, OutcomeTooLarge, OutcomeUnsupported, OutcomeCorrupt,
		OutcomeUnavailable, OutcomeError,
	}
}

// Failed reports whether the store, or its deployment, is to blame. It is not for an absent entry, a conflict, a caller who left or an invalid key.
func (o Outcome) Failed() bool {
	switch o {
	case OutcomeOK, OutcomeNotFound, OutcomeConflict, OutcomeCanceled, OutcomeInvalid:
		return false
	}
	return true
}

// OutcomeOf tells which outcome err is.
func OutcomeOf(err error) Outcome {
	switch {
	case err == nil:
		return OutcomeOK
	case err == ErrNotFound:
		return OutcomeNotFound
	}
	for _, known := range [...]struct {
		err     error
		outcome Outcome
	}{
		{ErrConflict, OutcomeConflict},
		{context.Canceled, OutcomeCanceled},
		{ErrUnavailable, OutcomeUnavailable},
		{ErrInvalidKey, OutcomeInvalid},
		{ErrTooLarge, OutcomeTooLarge},
		{ErrCorrupt, OutcomeCorrupt},
		{errors.ErrUnsupported, OutcomeUnsupported},
		{ErrNotFound, OutcomeNotFound},
	} {
		if errors.Is(err, known.err) {
			return known.outcome
		}
	}
	return OutcomeError
}

// Tee returns an Observer that tells each of these: Begin in this order, each with the context of the one before, and End in the opposite
// order, all with the context of the last. A nil is left out.
func Tee(observers ...Observer) Observer {
	t := make(tee, 0, len(observers))
	for _, o := range observers {
		if o != nil {
			t = append(t, o)
		}
	}
	return t
}

type tee []Observer

func (t tee) Begin(ctx context.Context, op Op) context.Context {
	for _, o := range t {
		if told := o.Begin(ctx, op); told != nil {
			ctx = told
		}
	}
	return ctx
}

func (t tee) End(ctx context.Context, e Event) {
	for i := len(t) - 1; i >= 0; i-- {
		t[i].End(ctx, e)
	}
}

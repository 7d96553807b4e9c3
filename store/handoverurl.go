package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"time"
)

// OpenHandover returns the [Opener] of "handover:" URLs, which name two stores that mux opens:
//
//	handover:?old=file%3A%2Fvar%2Flib%2Fapp&new=postgres%3A%2F%2Fapp%40db%2Fapp
//
// old and new are URLs, percent-encoded as values of parameters are. prepare=true is [HandoverOptions].Prepare, recheck=5s its Recheck. What it
// opens has the methods of [HandoverStore], unless x-prefix is given, and closes both.
//
// A store that turns out to be both old and new, by whatever names, is refused: the two are asked, unless one of them does not answer. With prepare=true, so
// is a new one that holds entries although this handover has not begun, with [ErrNotEmpty]; nonempty=true allows it.
func OpenHandover(mux Mux) Opener {
	return func(ctx context.Context, u *url.URL) (Closer, error) {
		sides, o, nonempty, err := handoverURL(u)
		if err != nil {
			return nil, Wrap("store", "open", err)
		}
		plain := maps.Clone(mux)
		delete(plain, u.Scheme)
		var open [2]Closer
		for i, rawURL := range sides {
			if open[i], err = plain.Open(ctx, rawURL); err != nil {
				err = fmt.Errorf("handover: the %s store: %w", sideNames[i], err)
				break
			}
		}
		if err == nil {
			if err = apart(ctx, open[0], open[1]); err == nil && o.Prepare {
				err = Handover(open[0], open[1], o).announce(ctx, nonempty)
			}
			switch {
			case errors.Is(err, ErrUnavailable):
				err = nil // each call says so, and what the other has is served
			case errors.Is(err, errSame):
				err = fmt.Errorf("%w: %w", ErrInvalidURL, err)
			}
		}
		if err != nil {
			for _, s := range open {
				if s != nil {
					err = errors.Join(err, s.Close())
				}
			}
			return nil, Wrap("store", "open", err)
		}
		return &openHandover{Handover(open[0], open[1], o), open}, nil
	}
}

// openHandover closes what was opened for it.
type openHandover struct {
	*HandoverStore
	sides [2]Closer
}

func (h *openHandover) Close() error { return errors.Join(h.sides[0].Close(), h.sides[1].Close()) }

var sideNames = [2]string{"old", "new"}

// handoverURL reads the parameters. Its errors show no piece of a URL: one that was not encoded has fallen apart at the wrong places.
func handoverURL(u *url.URL) (sides [2]string, o *HandoverOptions, nonempty bool, err error) {
	const example = "write handover:?old=URL&new=URL, and percent-encode both URLs: & is %26, # is %23, + is %2B"
	p := NewParams(u)
	if u.Host != "" || u.Path != "" || u.Opaque != "" || u.User != nil || u.Fragment != "" {
		p.fail("it has more than parameters; " + example)
	}
	for name := range u.Query() {
		if strings.ContainsAny(name, "@:/") || len(name) > 40 {
			p.fail("a piece of a URL stands where the name of a parameter should; " + example)
		}
	}
	for i, side := range sideNames {
		sides[i] = p.String(side)
		inner, _, _ := strings.Cut(sides[i], ":")
		switch {
		case sides[i] == "":
			p.fail("the parameter " + side + " is missing; " + example)
		case strings.ContainsRune(sides[i], ' '):
			p.fail("there is a space in the URL of the " + side + " store; " + example)
		case inner == u.Scheme:
			p.fail("the " + side + " store is a handover itself; end that one first")
		}
	}
	o = &HandoverOptions{Prepare: p.Bool("prepare"), Recheck: p.Duration("recheck")}
	nonempty = p.Bool("nonempty")
	if o.Recheck < 0 {
		p.fail("the parameter recheck is negative")
	}
	if sides[0] == sides[1] {
		p.fail("old and new are the same store")
	}
	return sides, o, nonempty, p.Done()
}

// ErrNotEmpty says that the new store of a handover holds entries before its first step.
var ErrNotEmpty = errors.New("the new store is not empty")

// errSame says that one store is both.
var errSame = errors.New("handover: old and new are the same store, by two names: what is removed from the one would be lost to the other")

// apart makes sure that old and new are two stores: it puts an entry into the new one, which the old one must not have.
func apart(ctx context.Context, old, new Store) error {
	probe := ReservedKey("handover probe " + string(NewVersion()))
	v, err := Swap(ctx, new, probe, "", &Item{Expires: time.Now().Add(markLife)})
	if err != nil {
		return err
	}
	found, err := old.Contains(ctx, probe)
	if err == nil && found {
		err = errSame
	}
	if _, goneErr := Swap(ctx, new, probe, v, nil); err == nil && !errors.Is(goneErr, ErrConflict) {
		err = goneErr
	}
	return err
}

package memstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/larder-go/larder/store"
)

// kind is what an error of the client says about the request.
type kind int

const (
	answered kind = iota // the server has answered, with yes, no or a complaint
	unsent               // it has not been asked
	broken               // the connection ended; the request may have arrived
	late                 // no answer came in time; the request may have arrived, and may still
	left                 // the caller's context ended
)

func kindOf(err error) kind {
	if err == nil || isAnswer(err) {
		return answered
	}
	var op *net.OpError // after the usual case: these are allocated
	var timeout interface{ Timeout() bool }
	var connect *memcache.ConnectTimeoutError
	switch {
	case errors.As(err, new(unplaced)) || errors.Is(err, memcache.ErrNoServers) || errors.Is(err, memcache.ErrMalformedKey) || err == errBusy || err == errStale ||
		errors.As(err, &connect) || errors.As(err, &op) && op.Op == "dial":
		return unsent
	case err == context.Canceled || err == context.DeadlineExceeded:
		return left
	case errors.Is(err, io.EOF):
		return broken
	case errors.As(err, &timeout) && timeout.Timeout():
		return late
	case strings.HasPrefix(err.Error(), "memcache: "): // an answer that is none of those above
		return answered
	}
	return broken
}

// isAnswer tells whether the client keeps the connection after err.
func isAnswer(err error) bool {
	return err == memcache.ErrCacheMiss || err == memcache.ErrCASConflict || err == memcache.ErrNotStored
}

// unplaced is a selector's own error: it names no server for a key, as one without servers does not.
type unplaced struct{ error }

func (u unplaced) Unwrap() error { return u.error }

// errBusy says that no connection came free.
var errBusy = errors.New("all connections to the server are in use and no answer comes; is it overloaded, or MaxConns (x-max-conns) too small?")

// cause says in the words of package store what the client says. The client's own texts may quote an answer, and an answer may hold a key,
// so they are not passed on; the system's hold addresses only.
func cause(err error) error {
	switch {
	case err == nil || errors.Is(err, store.ErrCorrupt) || errors.Is(err, store.ErrTooLarge) || errors.Is(err, store.ErrConflict):
		return err
	case err == memcache.ErrCacheMiss:
		return store.ErrNotFound
	case err == memcache.ErrCASConflict || err == memcache.ErrNotStored:
		return store.ErrConflict
	}
	switch kindOf(err) {
	case left:
		return err
	case answered:
		return complaint(err)
	case late:
		return outage("no answer in time", err)
	case broken:
		return outage("the connection broke", err)
	}
	if errors.Is(err, context.DeadlineExceeded) { // the client's own, not the caller's
		return fmt.Errorf("%w: %v", store.ErrUnavailable, err)
	}
	return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
}

// errUnknown marks the error of a write that may have happened.
var errUnknown = errors.New("whether it was written is not known")

func outage(what string, err error) error {
	if errors.Is(err, errUnknown) {
		what += "; " + errUnknown.Error()
	}
	return fmt.Errorf("%w: %s", store.ErrUnavailable, what)
}

// complaint is what the server says instead of an answer.
func complaint(err error) error {
	text := err.Error()
	switch {
	case strings.Contains(text, "object too large"):
		return fmt.Errorf("%w: the server takes less than MaxValue; raise its -I, or lower MaxValue (x-max-value)", store.ErrTooLarge)
	case strings.Contains(text, "out of memory"):
		return fmt.Errorf("%w: the server has no memory left for it; raise its -m, or let it evict (no -M)", store.ErrUnavailable)
	case strings.Contains(text, `"ERROR\r\n"`):
		return fmt.Errorf("%w: the server does not know the command; it must be memcached 1.5.3 or later, or speak as it does", store.ErrUnavailable)
	case strings.Contains(text, "unauthenticated"):
		return fmt.Errorf("%w: the server wants a user and a password, which this client cannot give", store.ErrUnavailable)
	}
	return fmt.Errorf("%w: the server's answer is none that memcached gives", store.ErrUnavailable)
}

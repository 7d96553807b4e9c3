package cases

import (
	"context"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/larder-go/larder/store"
)

func errorCases() []Case {
	return []Case{
		{Name: "errors/not-found", Rule: "Errors: ErrNotFound is returned bare.", Run: errorsNotFound},
		{Name: "errors/texts", Rule: "Errors: No key or value stands in the text of an error: keys are bearer tokens.", Run: errorsTexts},
		{Name: "errors/prefix", Rule: "Errors: Everything but ErrNotFound is returned once as \"pkg: op: cause\".", Run: errorsPrefix},
		{Name: "errors/closed", Rule: "Errors: After Close every method wraps os.ErrClosed.", Run: errorsClosed},
		{Name: "errors/closing", Rule: "Errors: After Close every method wraps os.ErrClosed; a call that Close meets does so, too, or has happened.", Run: errorsClosing},
	}
}

func errorsNotFound(e *Env) {
	s := e.forever()
	e.gone(s, "never there")
	e.set(s, "key", "value")
	e.delete(s, "key")
	e.gone(s, "key")
	if value, err := s.Get(e.ctx, "key"); value != nil {
		e.Errorf("Get of an absent key = %q, %v; want nil with the error", value, err)
	}
}

// provoked makes s fail in all the ways that need no help, with this key and value, and returns the errors by what was done.
func (e *Env) provoked(key, value string) map[string]error {
	e.Helper()
	s := e.forever()
	errs := map[string]error{}
	note := func(what string, err error) {
		if err != nil && err != store.ErrNotFound {
			errs[what] = err
		}
	}
	canceled, cancel := context.WithCancel(e.ctx)
	cancel()
	late, cancel := context.WithDeadline(e.ctx, time.Now().Add(-time.Second))
	defer cancel()
	for _, c := range e.calls() {
		note(c.name+", cancelled", c.do(canceled, s, key))
		note(c.name+", too late", c.do(late, s, key))
		if !c.keyed {
			continue
		}
		note(c.name+" with a NUL in the key", c.do(e.ctx, s, key+"\x00"))
		note(c.name+" with a key that is not UTF-8", c.do(e.ctx, s, "\xff"+key))
		note(c.name+" with a key too long", c.do(e.ctx, s, strings.Repeat(key, 1200/len(key)+1)))
	}
	note("Set, cancelled", s.Set(canceled, key, []byte(value)))
	note("Set, too late", s.Set(late, key, []byte(value)))
	note("Set with a NUL in the key", s.Set(e.ctx, key+"\x00", []byte(value)))
	large := []byte(strings.Repeat(value, (e.MaxValue+len(value))/len(value)))
	if e.Limited {
		note("Set of a value too large", s.Set(e.ctx, key, large))
	}
	if !e.lacks(Swap) {
		e.set(s, key, value)
		_, err := store.Swap(e.ctx, s, key, "", &store.Item{Value: []byte(value)})
		note("Swap from \"\"", err)
		_, err = store.Swap(e.ctx, s, key, store.NewVersion(), nil)
		note("Swap from another version", err)
		if e.Limited {
			_, err = store.Swap(e.ctx, s, key, store.AnyVersion, &store.Item{Value: large})
			note("Swap of a value too large", err)
		}
	}
	if e.Corrupt != nil {
		e.set(s, key, value)
		e.Corrupt(e.T, s, key)
		for _, c := range e.calls() {
			if c.keyed && !c.write {
				note(c.name+" of a corrupt record", c.do(e.ctx, s, key))
			}
		}
		e.delete(s, key)
	}
	if e.Down != nil {
		up := e.Down(e.T, s)
		for _, c := range e.calls() {
			note(c.name+" of a store that is down", c.do(e.ctx, s, key))
		}
		up()
	}
	if closer, ok := s.(io.Closer); ok {
		closer.Close()
		for _, c := range e.calls() {
			note(c.name+" after Close", c.do(e.ctx, s, key))
		}
	}
	return errs
}

func errorsTexts(e *Env) {
	const key, value = "CanaryKey4711", "CanaryValue0815"
	for what, err := range e.provoked(key, value) {
		if text := strings.ToLower(err.Error()); strings.Contains(text, "canary") || strings.Contains(text, "4711") || strings.Contains(text, "0815") {
			e.Errorf("%s: the text of the error shows the key or the value: %.200s", what, err)
		}
	}
}

func errorsPrefix(e *Env) {
	prefixed := regexp.MustCompile(`^([a-z][a-z0-9]*): ([a-z][a-z0-9 -]*): \S`)
	for what, err := range e.provoked("some key", "some value") {
		m := prefixed.FindStringSubmatch(err.Error())
		switch {
		case m == nil:
			e.Errorf("%s: %q; want \"pkg: op: cause\"", what, err)
		case strings.Count(err.Error(), m[1]+": "+m[2]+": ") > 1, strings.Contains(err.Error()[len(m[1]):], " "+m[1]+": "):
			e.Errorf("%s: %q; the prefix stands there twice", what, err)
		case errors.Is(err, store.ErrNotFound):
			e.Errorf("%s: %q wraps ErrNotFound", what, err)
		}
	}
}

func errorsClosed(e *Env) {
	s := e.forever()
	closer, ok := s.(io.Closer)
	if !ok {
		e.Skipf("the store is no io.Closer")
	}
	e.set(s, "key", "value")
	if err := closer.Close(); err != nil {
		e.Errorf("Close: %v", err)
	}
	for _, key := range []string{"key", "absent"} {
		for _, c := range e.calls() {
			if err := c.do(e.ctx, s, key); !errors.Is(err, os.ErrClosed) || errors.Is(err, store.ErrNotFound) {
				e.Errorf("%s after Close: %v; want os.ErrClosed", c.name, err)
			}
		}
	}
	closer.Close() // a second time, as a deferred call does: it may say so, but must not panic
}

// errorsClosing closes the store while it is in use.
func errorsClosing(e *Env) {
	for range e.n(20, 8) {
		s := e.forever()
		closer, ok := s.(io.Closer)
		if !ok {
			e.Skipf("the store is no io.Closer")
		}
		calls := e.calls()
		e.set(s, "kept", "value")
		var closed atomic.Bool
		e.together(8, func(i int) {
			if i == 0 {
				time.Sleep(200 * time.Microsecond)
				if err := closer.Close(); err != nil {
					e.Errorf("Close: %v", err)
				}
				closed.Store(true)
				return
			}
			for n := 0; ; n++ {
				c, late := calls[(i+n)%len(calls)], closed.Load()
				err := c.do(e.ctx, s, "key")
				if errors.Is(err, os.ErrClosed) {
					return
				}
				if _, err := s.Get(e.ctx, "kept"); err != nil && !errors.Is(err, os.ErrClosed) {
					e.Errorf("Get of an entry that is there, beside Close: %v; want its value or os.ErrClosed", err)
					return
				}
				if late || err != nil && err != store.ErrNotFound && !errors.Is(err, store.ErrConflict) {
					e.Errorf("%s beside Close: %v; want os.ErrClosed", c.name, err)
					return
				}
				e.yield()
			}
		})
	}
}

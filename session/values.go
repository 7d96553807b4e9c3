package session

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/larder-go/larder/store"
)

// Get returns the field of that name as a T. It returns false if there is no such field, if its value does not fit T, which is logged, or
// if the session could not be loaded: see [Session.Err].
func Get[T any](s *Session, name string) (T, bool) {
	var v T
	err := s.Decode(name, &v)
	if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, errNotLoaded) {
		s.m.o.Logger.WarnContext(s.r.Context(), "session: a field cannot be read", "field", name, "err", err)
	}
	if err != nil {
		var zero T
		return zero, false
	}
	return v, true
}

// Pop returns the field as [Get] does, and deletes it.
func Pop[T any](s *Session, name string) (T, bool) {
	v, ok := Get[T](s, name)
	if ok {
		ok = s.Delete(name) == nil
	}
	return v, ok
}

var errNotLoaded = errors.New("the session could not be loaded")

// Decode decodes the field of that name into what v points to. It returns [store.ErrNotFound] if there is no such field.
func (s *Session) Decode(name string, v any) error {
	raw, err := s.field(name)
	if err != nil {
		return err
	}
	return store.Wrap("session", "decode", s.m.codec.Decode(raw, v)) // without the lock: v may have methods that ask the session
}

func (s *Session) field(name string) ([]byte, error) {
	s.lock()
	defer s.mu.Unlock()
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("session: decode: %w: %w", errNotLoaded, err)
	}
	raw, ok := s.raw(name)
	if !ok || !validName(name) {
		return nil, store.ErrNotFound
	}
	return raw, nil
}

// raw finds a field as this request sees it.
func (s *Session) raw(name string) ([]byte, bool) {
	if value, ok := s.changes[name]; ok {
		return value, value != nil
	}
	if s.cleared {
		return nil, false
	}
	return s.base.get(name)
}

// Has reports whether there is a field of that name.
func (s *Session) Has(name string) bool {
	s.lock()
	defer s.mu.Unlock()
	if s.load() != nil {
		return false
	}
	_, ok := s.raw(name)
	return ok && validName(name)
}

// Keys returns the names of the fields, sorted.
func (s *Session) Keys() []string {
	s.lock()
	defer s.mu.Unlock()
	if s.load() != nil {
		return nil
	}
	var names []string
	if !s.cleared {
		for name := range s.base.all() {
			if _, changed := s.changes[string(name)]; !changed && name[0] != hidden[0] {
				names = append(names, string(name))
			}
		}
	}
	for name, value := range s.changes {
		if value != nil && name[0] != hidden[0] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Set sets a field, to be saved with the session. The name must be UTF-8 of 1 to 255 bytes that does not begin with NUL. Set fails if the
// codec cannot encode the value, if the session could not be loaded ([store.ErrUnavailable]) or has ended ([ErrEnded]), and if there is no
// session yet and the response has begun ([ErrTooLate]). Setting a field to the value it already has changes nothing, and so does not
// overwrite what another request sets meanwhile.
func (s *Session) Set(name string, value any) error {
	if !validName(name) {
		return fmt.Errorf("session: set: the name of a field must be UTF-8 of 1 to %d bytes that does not begin with NUL", maxName)
	}
	s.exists()
	raw, err := s.m.codec.Encode(value)
	if err != nil {
		s.m.o.Logger.ErrorContext(s.r.Context(), "session: a field cannot be stored", "field", name, "err", err)
		return fmt.Errorf("session: set: %w", err)
	}
	s.lock()
	defer s.mu.Unlock()
	if err := s.change("set"); err != nil {
		return err
	}
	s.put(name, raw)
	return nil
}

// put notes a change, and forgets it where it leads back to what is stored.
func (s *Session) put(name string, raw []byte) {
	stored, ok := s.base.get(name)
	if !s.cleared && ok == (raw != nil) && bytes.Equal(stored, raw) {
		delete(s.changes, name)
		return
	}
	if s.changes == nil {
		s.changes = make(map[string][]byte)
	}
	s.changes[name] = raw
}

// Delete deletes a field. It is no error if there is no such field.
func (s *Session) Delete(name string) error {
	s.lock()
	defer s.mu.Unlock()
	if s.load() == nil {
		if _, ok := s.raw(name); !ok || !validName(name) {
			return nil
		}
	}
	if err := s.change("delete"); err != nil {
		return err
	}
	s.put(name, nil)
	return nil
}

// Clear deletes all fields, including those that other requests add before this one is saved. It does nothing if there are none. The subject
// stays: to log out, use [Session.Destroy].
func (s *Session) Clear() error {
	s.lock()
	defer s.mu.Unlock()
	if err := s.change("clear"); err != nil {
		return err
	}
	s.changes, s.cleared = nil, s.state == live && len(s.base) > 0
	return nil
}

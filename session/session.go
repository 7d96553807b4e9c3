package session

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/larder-go/larder/store"
)

// Session is the session of one request. It is loaded when a method first needs it and saved before the first byte of the response. Its
// methods may be called from several goroutines, and after the first byte too: what they change then is saved when the handler returns,
// or by [Session.Save].
type Session struct {
	m *Manager
	r *http.Request

	mu      sync.Mutex
	loaded  bool
	begun   bool  // the response has, so no cookie can be sent
	loadErr error // why it could not be loaded
	failed  error // why the response must not be the handler's
	unsaved error // of the last Save
	warned  bool  // of an id used after its time

	state   state
	at      hash // where the record stands
	id      id   // the client's own, if own
	own     bool // the client holds the id of the record, not one that is an alias to it
	version store.Version
	rec     record // as it stands in the store

	listSeen time.Time // its last seen on its subject's list

	// What this request changes.
	changes   map[string][]byte // encoded fields; nil: deleted
	cleared   bool              // of what stands in the store, no field stays
	renewing  bool
	subject   *string        // log in
	enrolment *enrolment     // while that is under way
	remember  *time.Duration // for how long
	confirm   bool           // the record is provisional, and this request proves that the client has its id
	resend    bool           // the client's token must be sent again: other key, other age
	wrote     time.Time      // when it last wrote, or tried to
	tried     *record        // what a Save meant to write that failed, perhaps only in its answer

	token string // to send
	drop  bool   // tell the client to forget its token
}

type state int

const (
	none  state = iota // nothing stands in the store
	live               // rec does, at at
	ended              // it did, and this client must not begin another: its login's answer is on the way
)

// lock begins what users call.
func (s *Session) lock() {
	s.exists()
	s.mu.Lock()
}

// exists tells him who comes with the nil of [From] what he forgot.
func (s *Session) exists() {
	if s == nil {
		panic("session: there is no session: Manager.Handler does not stand before this handler, or the context is not the request's")
	}
}

// Info is what the manager knows of a session. Times are zero while nothing is stored.
type Info struct {
	New        bool      // nothing is stored yet
	Subject    string    // whose it is; "": nobody's
	Device     string    // its Device.ID, where Options.Devices is set and it has a subject
	Created    time.Time // the login, or else the first save
	LastSeen   time.Time // as recorded before this request
	IdleUntil  time.Time // when it ends if this request was its last use, at the earliest
	Deadline   time.Time // when it ends anyway
	Remembered bool
}

// Info tells about the session.
func (s *Session) Info() Info {
	s.lock()
	defer s.mu.Unlock()
	if s.load() != nil || s.state != live {
		return Info{New: true, Subject: s.currentSubject()}
	}
	i := Info{Subject: s.currentSubject(), Created: s.rec.created, LastSeen: s.rec.seen, Deadline: s.rec.deadline,
		Remembered: s.rec.remembered}
	if s.rec.listed {
		i.Device = s.rec.device.String()
	}
	if i.IdleUntil = time.Now().Add(s.rec.idle); i.IdleUntil.After(i.Deadline) {
		i.IdleUntil = i.Deadline
	}
	return i
}

// Err says why the session could not be loaded: [store.ErrUnavailable], [store.ErrCorrupt] with the policy Fail, or the error of the
// request's context. Until the response begins, a handler may look at it; then Options.Error answers in its place, unless the policy is
// Anonymous.
func (s *Session) Err() error {
	s.lock()
	defer s.mu.Unlock()
	return store.Wrap("session", "load", s.load())
}

// Get returns the field as a T. It is false where there is no such field, where it does not fit T, which is logged, and where the session
// could not be loaded: see [Session.Err].
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

// Decode sets what v points to from the field, or returns [store.ErrNotFound].
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
	return s.rec.fields.get(name)
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
		for name := range s.rec.fields.all() {
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

// Set sets a field, to be saved with the session. Its name is UTF-8 of 1 to 255 bytes that does not begin with NUL. What the codec
// refuses is an error, and so is a session that could not be loaded ([store.ErrUnavailable]) or has ended ([ErrEnded]); where the
// response has begun and there was no session before, [ErrTooLate].
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
	stored, ok := s.rec.fields.get(name)
	if !s.cleared && ok == (raw != nil) && bytes.Equal(stored, raw) {
		delete(s.changes, name)
		return
	}
	if s.changes == nil {
		s.changes = make(map[string][]byte)
	}
	s.changes[name] = raw
}

// change readies the session for a change.
func (s *Session) change(op string) error {
	err := s.load()
	if err == nil && s.state == ended {
		err = ErrEnded
	}
	if err != nil {
		s.failed = store.Wrap("session", op, err)
		return s.failed
	}
	if s.state == none && s.begun {
		return store.Wrap("session", op, ErrTooLate)
	}
	return nil
}

// Delete deletes a field.
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

// Clear deletes all fields, also those that other requests add until it is saved. The subject stays: to log out, use Destroy.
func (s *Session) Clear() error {
	s.lock()
	defer s.mu.Unlock()
	if err := s.change("clear"); err != nil {
		return err
	}
	s.changes, s.cleared = nil, s.state == live
	return nil
}

// Flash keeps a message for whichever page asks next for [Session.Flashes].
func (s *Session) Flash(message string) error {
	s.lock()
	defer s.mu.Unlock()
	if err := s.change("flash"); err != nil {
		return err
	}
	raw, err := s.m.codec.Encode(append(s.flashes(), message))
	if err != nil {
		return fmt.Errorf("session: flash: %w", err)
	}
	s.put(flashField, raw)
	return nil
}

// Flashes takes the messages out, oldest first.
func (s *Session) Flashes() []string {
	s.lock()
	defer s.mu.Unlock()
	if s.load() != nil {
		return nil
	}
	messages := s.flashes()
	if len(messages) > 0 && s.change("flashes") == nil {
		s.put(flashField, nil)
	}
	return messages
}

func (s *Session) flashes() (messages []string) {
	if raw, ok := s.raw(flashField); ok && s.m.codec.Decode(raw, &messages) != nil {
		return nil
	}
	return messages
}

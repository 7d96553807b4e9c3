package session

import (
	"net/http"
	"sync"
	"time"

	"github.com/larder-go/larder/store"
)

// Session is the session of one request. It is loaded when a method first needs it and saved before the first byte of the response. Its
// methods are safe for concurrent use and may be called after the first byte too: what they change then is saved by [Session.Save], or
// when the handler returns. After the handler has returned, changes fail with [ErrTooLate], unless it has hijacked the connection; then
// only Save saves.
type Session struct {
	m *Manager
	r *http.Request

	asked time.Time // when the request came

	mu       sync.Mutex
	loaded   bool
	begun    bool  // the response has, so no cookie can be sent
	returned bool  // the handler has, and has not hijacked the connection
	loadErr  error // why it could not be loaded
	failed   error // why the response must not be the handler's
	unsaved  error // of the last Save
	warned   bool  // of an id used after its time

	state   state
	at      hash // where the record stands
	id      id   // the client's own, if own
	gone    bool // the client came with a token, and it opens nothing
	own     bool // the client holds the id of the record, not one that is an alias to it
	version store.Version
	rec     record // as it stands in the store

	listSeen time.Time // its last seen on its subject's list

	// base are the fields as this request sees them but for its changes: what was loaded, and its own saves. What a save finds that others
	// have stored goes into rec only, or a handler that adds to what it has read would undo what it has not.
	base fields

	// What this request changes.
	changes   map[string][]byte // encoded fields; nil: deleted
	cleared   bool              // of what stands in the store, no field stays
	renewing  bool
	unasked   bool           // it renews because an answer with a new id was lost, and not because the handler said so
	subject   *string        // log in
	enrolment *enrolment     // while that is under way
	remember  *time.Duration // for how long
	confirm   bool           // the record is provisional, and this request proves that the client has its id
	resend    bool           // the client's token must be sent again: other key, other age
	wrote     time.Time      // when it last wrote, or tried to
	via       *leftAlias     // that the client's id is, if it is one
	left      *leftAlias     // by a renewal
	tried     *attempt       // a save that failed, perhaps only in its answer

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

// Info is what the manager knows about a session. Times are zero while nothing is stored.
type Info struct {
	New        bool      // nothing is stored yet
	Ended      bool      // the client came with the token of a session that has timed out, was revoked or destroyed, or got a new id by a login
	Subject    string    // who is logged in; "": nobody
	Device     string    // its Device.ID, if Options.Devices is set and somebody is logged in
	Created    time.Time // time of the login, or, without one, of the first save
	LastSeen   time.Time // as recorded before this request
	IdleUntil  time.Time // the earliest time at which it ends if it is not used again
	Deadline   time.Time // when it ends in any case
	Remembered bool      // Remember was called at the login or later
}

// Info returns what the manager knows about the session.
func (s *Session) Info() Info {
	s.lock()
	defer s.mu.Unlock()
	if s.load() != nil || s.state != live {
		return Info{New: true, Ended: s.gone, Subject: s.currentSubject()}
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

// Err returns nil, or why the session could not be loaded: [store.ErrUnavailable], [store.ErrCorrupt] with the policy [Fail], or the error
// of the request's context. Options.Error then answers in place of the handler, unless the response has begun, or the store does not answer
// and the policy is [Anonymous].
func (s *Session) Err() error {
	s.lock()
	defer s.mu.Unlock()
	return store.Wrap("session", "load", s.load())
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
	if s.returned || s.state == none && s.begun {
		return s.tooLate(op)
	}
	return nil
}

// tooLate is ErrTooLate, also in the log: it is a mistake of the program, and one that it may overlook.
func (s *Session) tooLate(op string) error {
	err := store.Wrap("session", op, ErrTooLate)
	s.m.o.Logger.ErrorContext(s.r.Context(), "session: a change came too late and is lost", "err", err)
	return err
}

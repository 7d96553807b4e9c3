package session

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"github.com/larder-go/larder/store"
)

// login enrols the session with its subject and moves it to a new id.
func (s *Session) login(ctx context.Context, now time.Time) error {
	if s.begun {
		return ErrTooLate
	}
	former, formerDevice, wasListed := s.rec.subject, s.rec.device, s.rec.listed
	e := enrolment{subject: *s.subject}
	if e.subject != "" {
		r, err := s.next(&record{}, now)
		if err == nil {
			err = s.m.enroll(ctx, &e, &r, s.label(), formerDevice)
		}
		if err != nil {
			s.withdraw(ctx, &e)
			return err
		}
	}
	s.enrolment = &e
	defer func() { s.enrolment = nil }()
	var err error
	if s.state == live {
		err = s.renew(ctx, now, true)
	} else {
		err = s.create(ctx, now)
	}
	switch {
	case err != nil:
		s.withdraw(ctx, &e)
	case wasListed && !e.forked:
		s.m.leave(ctx, former, formerDevice) // not sooner: while the old id counts, the session under it must
	}
	if err == nil && (e.over || e.forked) {
		s.m.makeRoom(ctx, &e)
	}
	return err
}

// makeRoom signs those out for whom a login leaves no room, when it is through: one that fails must cost nobody his session. Whoever is killed before
// leaves that to the next login.
func (m *Manager) makeRoom(ctx context.Context, e *enrolment) {
	err := m.updateSubject(ctx, e.subject, func(old *subjectEntry) *subjectEntry {
		if old == nil || old.epoch != e.epoch || len(old.list) <= m.o.MaxSessions {
			return nil
		}
		old.cap(m.o.MaxSessions, e.device)
		return old
	})
	if err != nil {
		m.o.Logger.WarnContext(ctx, "session: a subject has more than MaxSessions sessions until its next login", "err", err)
	}
}

// withdraw takes a login that failed off the list: whatever was written, nobody was given the new id.
func (s *Session) withdraw(ctx context.Context, e *enrolment) {
	if e.listed {
		s.m.leave(ctx, e.subject, e.device)
	}
}

// enrolment is what a login writes into the record.
type enrolment struct {
	subject string
	epoch   epoch
	device  device
	listed  bool
	forked  bool // the session went on without this login
	over    bool // there are more than MaxSessions
}

// stamp puts it there.
func (e *enrolment) stamp(r *record) {
	r.subject, r.epoch, r.device, r.listed = e.subject, e.epoch, e.device, e.listed
}

func (s *Session) label() string { return cut(s.m.o.Label(s.r), maxLabel) }

// cut makes text of at most n bytes and of valid UTF-8.
func cut(text string, n int) string {
	if len(text) > n {
		text = text[:n]
	}
	return strings.ToValidUTF8(text, "")
}

// enroll opens the subject's entry, or makes it, for a session that begins with r. former is the device that it replaces, if any.
func (m *Manager) enroll(ctx context.Context, e *enrolment, r *record, label string, former device) error {
	return m.updateSubject(ctx, e.subject, func(old *subjectEntry) *subjectEntry {
		next := &subjectEntry{}
		if old != nil {
			next.epoch, next.expires = old.epoch, old.expires
			next.list = old.live(r.seen)
		} else {
			rand.Read(next.epoch[:])
		}
		e.epoch = next.epoch
		if r.deadline.After(next.expires) {
			next.expires = r.deadline
		}
		if !m.o.Devices {
			return next
		}
		replaced := next.take(former) // it stays until the login is through, but does not count
		rand.Read(e.device[:])
		e.listed = true
		next.list = append(next.list, listed{device: e.device, created: r.seen, seen: r.seen, end: m.listEnd(r), label: label})
		e.over = len(next.list) > m.o.MaxSessions
		next.list = append(replaced, next.list...)
		return next
	})
}

// stillEnrolled looks once more, before a new token goes out: whoever was revoked while it was made gets an answer that says so, and no
// token that opens nothing. Where the store does not say, the token goes out, for all that it stands for has been written.
func (s *Session) stillEnrolled(ctx context.Context) error {
	if s.rec.subject == "" {
		return nil
	}
	ok, err := s.m.enrolled(ctx, &found{rec: s.rec})
	if err != nil || ok {
		return nil
	}
	// By its version only: if it was a login that took this session over, then what it has become is that one's.
	if _, err := store.Swap(ctx, s.m.s, s.m.key(spaceSession, &s.at), s.version, nil); err != nil && !errors.Is(err, store.ErrConflict) {
		s.m.o.Logger.WarnContext(ctx, "session: the record of a session that was revoked is left to cleanup", "err", err)
	}
	return ErrEnded
}

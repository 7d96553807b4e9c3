package session

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/larder-go/larder/store"
)

const maxSubject = 1024

// SetSubject says whose session this is from now on: call it at the login, with the user's id, and nowhere else. "" is nobody. The session
// gets a new id and a new lifetime, and the old id is dead at once, so that whoever planted or saw it stays outside. Fields
// set before by nobody stay; those of another subject do not.
//
// To log out, use Destroy; to log out everywhere, [Manager.RevokeAll] and Destroy.
func (s *Session) SetSubject(subject string) error {
	if len(subject) > maxSubject || !utf8.ValidString(subject) {
		return fmt.Errorf("session: set subject: a subject must be UTF-8 of at most %d bytes", maxSubject)
	}
	s.lock()
	defer s.mu.Unlock()
	if err := s.changeID("set subject"); err != nil {
		return err
	}
	now := s.currentSubject()
	if now == "" && subject == "" {
		return nil
	}
	if now != "" && now != subject {
		s.changes, s.cleared = nil, s.state == live
	}
	s.subject = &subject
	return nil
}

// Subject returns whose session this is, or "".
func (s *Session) Subject() string {
	s.lock()
	defer s.mu.Unlock()
	if s.load() != nil {
		return ""
	}
	return s.currentSubject()
}

func (s *Session) currentSubject() string {
	if s.subject != nil {
		return *s.subject
	}
	return s.rec.subject
}

// RevokeAll ends all sessions of a subject, however many there are, by one Delete: they carry the epoch that stood in the subject's entry
// when they began, and without that entry none of them counts. A login that comes later begins a new epoch.
func (m *Manager) RevokeAll(ctx context.Context, subject string) error {
	return store.Wrap("session", "revoke all", m.s.Delete(ctx, m.subjectKey(subject)))
}

func (m *Manager) subjectKey(subject string) string {
	h := hash(sha256.Sum256([]byte(subject)))
	return m.key(spaceSubject, &h)
}

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
	return err
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
		next.list = append(next.list, listed{device: e.device, created: r.seen, seen: r.seen, end: m.end(r), label: label})
		next.cap(m.o.MaxSessions)
		next.list = append(replaced, next.list...)
		return next
	})
}

// enrolled reports whether the session counts: its subject's entry has its epoch, and its device if that was listed.
func (m *Manager) enrolled(ctx context.Context, f *found) (bool, error) {
	item, err := store.Load(ctx, m.s, m.subjectKey(f.rec.subject))
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if errors.Is(err, store.ErrCorrupt) {
		m.o.Logger.ErrorContext(ctx, "session: the entry of a subject cannot be read: all its sessions are over", "err", err)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	in := read(item.Value, kindSubject)
	if e := in.take(len(f.rec.epoch)); !bytes.Equal(e, f.rec.epoch[:]) {
		return false, nil
	}
	if !f.rec.listed {
		return true, nil
	}
	entry, err := decodeSubject(item)
	if err != nil {
		return false, nil
	}
	n := entry.index(f.rec.device)
	if n < 0 {
		return false, nil
	}
	f.listSeen = entry.list[n].seen
	return true, nil
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

// record brings the subject's entry up to date with the session: its last seen where that has become old, and how long it is needed.
// The session is saved already, so what fails here is only logged.
func (s *Session) record(ctx context.Context, must bool) {
	r := &s.rec
	due := r.listed && r.seen.Sub(s.listSeen) > s.m.o.TouchAfter && !s.listSeen.IsZero()
	if r.subject == "" || !must && !due {
		return
	}
	err := s.m.updateSubject(ctx, r.subject, func(old *subjectEntry) *subjectEntry {
		if old == nil || old.epoch != r.epoch {
			return nil // revoked
		}
		if r.deadline.After(old.expires) {
			old.expires = r.deadline
		}
		if n := old.index(r.device); r.listed && n >= 0 {
			old.list[n].seen, old.list[n].end = r.seen, s.m.end(r)
		}
		return old
	})
	if err != nil {
		s.m.o.Logger.WarnContext(ctx, "session: the list of a subject's sessions could not be brought up to date", "err", err)
		return
	}
	s.listSeen = r.seen
}

// leave takes a session off its subject's list.
func (m *Manager) leave(ctx context.Context, subject string, d device) {
	if err := m.unlist(ctx, subject, d); err != nil {
		m.o.Logger.WarnContext(ctx, "session: a session that ended stays on its subject's list until its time is over", "err", err)
	}
}

func (m *Manager) unlist(ctx context.Context, subject string, d device) error {
	return m.updateSubject(ctx, subject, func(old *subjectEntry) *subjectEntry {
		if old == nil || old.take(d) == nil {
			return nil
		}
		return old
	})
}

// updateSubject changes a subject's entry; fn gets nil where there is none, and nil from it changes nothing. An entry that cannot be read
// counts as none, for what replaces it has another epoch: all sessions from before are over.
func (m *Manager) updateSubject(ctx context.Context, subject string, fn func(old *subjectEntry) *subjectEntry) error {
	key := m.subjectKey(subject)
	change := func(item *store.Item) (*store.Item, error) {
		var old *subjectEntry
		if item != nil {
			old, _ = decodeSubject(item)
		}
		next := fn(old)
		if next == nil {
			return item, nil
		}
		return &store.Item{Value: next.encode(), Expires: next.expires}, nil
	}
	err := store.Update(ctx, m.s, key, change)
	if errors.Is(err, store.ErrCorrupt) {
		m.o.Logger.ErrorContext(ctx, "session: the entry of a subject cannot be read and is replaced: all its sessions are over", "err", err)
		if err = m.s.Delete(ctx, key); err == nil {
			err = store.Update(ctx, m.s, key, change)
		}
	}
	return err
}

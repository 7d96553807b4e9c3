package session

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/larder-go/larder/store"
)

const maxSubject = 1024

// SetSubject logs in: from now on the session belongs to subject, which should be the user's id. Call it after the password was checked and
// before anything else that changes the session. The session gets a new id and a new lifetime, and the old id is worthless at once, so
// somebody who has planted or seen it gains nothing. Fields that were set before anybody logged in stay; those of another subject are
// deleted. A login may be repeated if its answer got lost: the repetition begins a session of its own.
//
// The subject "" is nobody. To log out, use [Session.Destroy] instead; to log out everywhere, [Manager.RevokeAll] and Destroy.
func (s *Session) SetSubject(subject string) error {
	if len(subject) > maxSubject || !utf8.ValidString(subject) {
		return fmt.Errorf("session: set subject: a subject must be UTF-8 of at most %d bytes", maxSubject)
	}
	s.lock()
	defer s.mu.Unlock()
	if s.load() == nil && s.state == ended && s.failed == nil && !s.begun && subject != "" {
		// The same login again, perhaps, whose answer got lost: it begins a session of its own.
		s.state, s.version, s.rec, s.base = none, "", record{}, nil
	}
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

// Subject returns who is logged in, as given to [Session.SetSubject]. It is "" if nobody is, or if the session could not be loaded: see
// [Session.Err].
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
	if s.state == ended {
		return ""
	}
	return s.rec.subject
}

// RevokeAll ends all sessions of a subject, however many there are, by one Delete. It needs no request. A later login is not affected. It
// goes on when ctx is cancelled, as a save does, because the client whose request has asked for it may have gone.
//
// An empty subject is an error, because that is what [Session.Subject] returns if nobody is logged in or the session could not be loaded.
//
// All sessions of a subject carry the epoch, a random number, that was in the subject's entry when they began. Without that entry none of
// them counts.
func (m *Manager) RevokeAll(ctx context.Context, subject string) error {
	if subject == "" {
		return fmt.Errorf("session: revoke all: %w", errNobody)
	}
	ctx, cancel := m.saving(ctx)
	defer cancel()
	return store.Wrap("session", "revoke all", m.s.Delete(ctx, m.subjectKey(subject)))
}

var errNobody = errors.New("the subject is empty: nobody's sessions cannot be revoked")

func (m *Manager) subjectKey(subject string) string {
	h := hash(sha256.Sum256([]byte(subject)))
	return m.key(spaceSubject, &h)
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
	for len(in.rest) > 0 && !in.bad {
		if l, _ := in.listed(); l.device == f.rec.device && !in.bad { // in passing, for this is asked at each request
			f.listSeen = l.seen
			return true, nil
		}
	}
	return false, nil
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
			old.list[n].seen, old.list[n].end = r.seen, s.m.listEnd(r)
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

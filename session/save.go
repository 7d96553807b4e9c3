package session

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/larder-go/larder/store"
)

// Save saves the session now, instead of at the first byte of the response, and returns the error if that fails. In a stream or a
// websocket it saves what has changed since.
//
// Afterwards the request still sees the fields as it has read and changed them, also where others have stored more meanwhile: [Session.Reload]
// shows that.
//
// After an error the changes are still there, and Save may be called again. If none of the calls before the first byte succeeds,
// Options.Error answers the request.
func (s *Session) Save() error {
	s.lock()
	defer s.mu.Unlock()
	s.unsaved = s.save(true)
	return s.unsaved
}

// Reload saves what has changed, as [Session.Save] does, and then loads the session as it is in the store now. So a stream or a websocket
// sees what other requests have set, and learns of a logout, which is [ErrEnded].
func (s *Session) Reload() error {
	s.lock()
	defer s.mu.Unlock()
	if err := s.load(); err != nil {
		return store.Wrap("session", "reload", err)
	}
	if s.unsaved = s.save(true); s.unsaved != nil {
		return s.unsaved
	}
	if s.state == none {
		return nil
	}
	f := found{state: s.state}
	if s.state == live {
		var err error
		ctx, cancel := s.m.saving(s.r.Context())
		defer cancel()
		if f, err = s.m.find(ctx, s.at, time.Now(), time.Time{}); err != nil {
			return store.Wrap("session", "reload", err)
		}
	}
	if f.state != live {
		s.over()
		return store.Wrap("session", "reload", ErrEnded)
	}
	s.moved(&f)
	s.settle(f)
	s.base = f.rec.fields
	return nil
}

// save writes what has changed, if anything has. Afterwards nothing has. If nothing has, and only the last use is to be recorded, an error of
// that is told to who has called Save, and nobody else.
func (s *Session) save(called bool) error {
	if s.failed != nil {
		return s.failed
	}
	if !s.loaded || s.loadErr != nil {
		return nil
	}
	now := time.Now()
	dirty := s.changed()
	if s.state != live {
		if dirty = s.subject != nil && *s.subject != ""; !dirty {
			for _, value := range s.changes {
				dirty = dirty || value != nil
			}
		}
	}
	touch := s.state == live && (s.due(now) || s.resend && !s.begun)
	if s.state == ended || !dirty && !touch && !s.renewing && s.subject == nil {
		return nil
	}
	s.wrote = now
	ctx, cancel := s.m.saving(s.r.Context())
	defer cancel()
	var err error
	switch {
	case s.state != live && !dirty:
		return nil
	case s.subject != nil:
		err = s.login(ctx, now)
	case s.state != live:
		err = s.create(ctx, now)
	case s.renewing:
		err = s.renew(ctx, now, false)
	default:
		err = s.update(ctx, now, found{at: s.at, version: s.version, rec: s.rec})
	}
	if err != nil && !dirty && (!s.renewing || s.unasked) && s.subject == nil && !called {
		s.resend = false
		if errors.Is(err, ErrEnded) {
			s.over() // but it did live when this request read it
		} else {
			s.m.o.Logger.WarnContext(ctx, "session: the last use could not be recorded", "err", err)
		}
		return nil
	}
	if err == nil && s.token != "" {
		err = s.stillEnrolled(ctx)
	}
	if err == nil {
		s.sendAgain()
		s.m.kept.keep(ctx, s.m)
		return nil
	}
	err = store.Wrap("session", "save", err)
	if errors.Is(err, ErrEnded) {
		s.over()
		s.failed = err
	}
	return err
}

// over notes that the session has ended. Its client is given nothing.
func (s *Session) over() {
	s.gone = true
	s.state, s.token, s.own, s.confirm, s.resend = ended, "", false, false, false
}

// moved notes what has become of it since it was loaded: if it was renewed, then whoever did so has sent the new id.
func (s *Session) moved(f *found) {
	if f.hops > 0 {
		s.own, s.confirm, s.resend, s.token = false, false, false, ""
	}
}

// changed reports whether this request changes what stands in the store.
func (s *Session) changed() bool {
	return len(s.changes) > 0 || s.cleared || s.remember != nil
}

// due reports whether the use must be recorded. What this request has written, or tried in vain to, at its first byte, its end does not
// write again unless it has been long: a stream.
func (s *Session) due(now time.Time) bool {
	if s.wrote.IsZero() {
		return s.confirm || now.Sub(s.rec.seen) > s.m.o.TouchAfter
	}
	return now.Sub(s.wrote) > max(s.m.o.TouchAfter, s.rec.idle/20)
}

// next is the record to write over cur, with what this request changes.
func (s *Session) next(cur *record, now time.Time) (record, error) {
	r := *cur
	var err error
	if r.fields, err = s.merged(cur.fields); err != nil {
		return r, err
	}
	if s.enrolment != nil {
		s.enrolment.stamp(&r)
		r.created, r.remembered = time.Time{}, false
	}
	if r.created.IsZero() {
		r.created, r.deadline = now, now.Add(s.m.o.Lifetime)
	}
	if now.After(r.seen) {
		r.seen = now
	}
	if s.remember != nil {
		r.remembered, r.deadline, r.idle = true, now.Add(*s.remember), *s.remember
	} else if !r.remembered {
		r.idle = s.m.o.Idle
	}
	return r, nil
}

// seen is what this request sees of the fields.
func (s *Session) seen() fields {
	if s.cleared {
		return fields(nil).with(s.changes)
	}
	return s.base.with(s.changes)
}

// done takes over what was written, over fields that may be other ones than this request has seen.
func (s *Session) done(at hash, v store.Version, r record, over fields) {
	if bytes.Equal(over, s.base) {
		s.base = r.fields
	} else {
		s.base = s.seen()
	}
	s.state, s.at, s.version, s.rec = live, at, v, r
	s.changes, s.cleared, s.renewing, s.subject, s.remember, s.confirm, s.tried = nil, false, false, nil, nil, false, nil
}

// create writes a session that was not there.
func (s *Session) create(ctx context.Context, now time.Time) error {
	if s.begun {
		return ErrTooLate
	}
	return s.insert(ctx, now, newID(), "")
}

// insert writes a session with what this request sets and nothing from before, over the version that stands under its id.
func (s *Session) insert(ctx context.Context, now time.Time, i id, v store.Version) error {
	r, err := s.next(&record{}, now)
	if err != nil {
		return err
	}
	at := i.hash()
	if v, err = s.m.swapRecord(ctx, &at, v, &r); err != nil {
		return err
	}
	s.done(at, v, r, nil)
	s.give(i)
	return nil
}

// give notes that the client must get a token.
func (s *Session) give(i id) {
	s.id, s.own, s.resend, s.drop = i, true, false, false
	s.token = s.m.ring.sign(&i)
}

// sendAgain gives the client the token that it has, where that was signed with an old key or must last longer.
func (s *Session) sendAgain() {
	if s.resend && s.state == live && !s.begun {
		s.give(s.id)
	}
}

// update writes changes, or with none the last use, over the version that was loaded, and where another request was faster, over what that has
// stored.
func (s *Session) update(ctx context.Context, now time.Time, f found) error {
	remember := s.remember != nil
	for wait := minWait; ; wait = min(2*wait, maxWait) {
		r, err := s.next(&f.rec, now)
		if err != nil {
			return err
		}
		r.provisional = r.provisional && !s.confirm
		v, err := s.m.swapRecord(ctx, &f.at, f.version, &r)
		if err == nil {
			s.done(f.at, v, r, f.rec.fields)
			s.record(ctx, remember)
			if remember {
				s.prolongAlias(ctx)
			}
			return nil
		}
		if !errors.Is(err, store.ErrConflict) {
			s.tried = &attempt{r, s.seen()}
			return err
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
		if f, err = s.m.find(ctx, f.at, now, time.Time{}); err != nil {
			return err
		}
		if f.state != live {
			return ErrEnded
		}
		s.compare(&f.rec)
		s.moved(&f)
		if f.hops > 0 && s.remember != nil && !s.begun {
			s.settle(f)
			s.via = f.first
			return s.renew(ctx, now, false) // its cookie must outlive the browser, so this client needs an id of its own
		}
		if !s.resend && !s.changed() && now.Sub(f.rec.seen) <= s.m.o.TouchAfter && !(s.confirm && f.rec.provisional) {
			s.settle(f) // what was to be recorded has been, by who came between
			return nil
		}
	}
}

// attempt is what a save meant to write, and what the request saw of the fields then.
type attempt struct {
	rec  record
	seen fields
}

// compare finds out whether an earlier save of this request was done after all, and only its answer was lost. Then it must not be done
// again: a Merger would add the same twice. Where yet another request has written since, that can no longer be seen.
func (s *Session) compare(now *record) {
	if s.tried == nil || s.tried.rec.seen.UnixNano() != now.seen.UnixNano() || !bytes.Equal(s.tried.rec.fields, now.fields) {
		return
	}
	s.rec, s.base, s.cleared = *now, s.tried.seen, false
	for name, mine := range s.changes {
		if saved, ok := s.base.get(name); ok == (mine != nil) && bytes.Equal(saved, mine) {
			delete(s.changes, name)
		}
	}
	s.tried = nil
}

// The pause after a conflict is drawn from [0, wait): losers of one race must not meet again.
const (
	minWait = 100 * time.Microsecond
	maxWait = 50 * time.Millisecond
)

func pause(ctx context.Context, wait time.Duration) error {
	t := time.NewTimer(rand.N(wait))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return store.Wrap("session", "save", ctx.Err())
	case <-t.C:
		return nil
	}
}

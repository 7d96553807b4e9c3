package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/larder-go/larder/store"
)

// Renew gives the session a new id when it is saved. Do so now and then, so that a stolen id is of no use for long. The old id keeps
// working for Options.Grace, for requests that are under way, and after that until the new id has been used once, because the answer that
// carried it may have been lost. After that the old id opens nothing, and its use is logged. At whatever moment the program is
// killed, exactly one of the two ids counts.
//
// Renew does nothing if no session is stored yet, if the request logs in, which gives the session a new id anyway, or if the request came
// with an old id within its grace: then the session has just been renewed, and the client has the new id already.
func (s *Session) Renew() error {
	s.lock()
	defer s.mu.Unlock()
	if err := s.changeID("renew"); err != nil {
		return err
	}
	if s.state == live && s.own {
		s.renewing, s.unasked = true, false
	} // else it has just been renewed, and the answer with the new id is on the way
	return nil
}

// changeID is change for what needs a response that has not begun.
func (s *Session) changeID(op string) error {
	if err := s.change(op); err != nil {
		return err
	}
	if s.begun {
		return s.tooLate(op)
	}
	return nil
}

// Remember sets both the lifetime, counted from now, and the idle time-out of the session to d, or to Options.RememberFor if d is 0, and has
// the browser keep the cookie when it is closed. Call it after [Session.SetSubject] when the user has ticked "remember me". It holds
// until the next login.
//
// It fails if the store has a time-out of its own (x-timeout) that is shorter than d.
func (s *Session) Remember(d time.Duration) error {
	s.lock()
	defer s.mu.Unlock()
	if d == 0 {
		d = s.m.o.RememberFor
	}
	if d < 0 {
		return errors.New("session: remember: the lifetime must not be negative")
	}
	if d > longest {
		return fmt.Errorf("session: remember: %w", errLongest)
	}
	if err := s.m.checkTimeout(d, "this lifetime"); err != nil {
		return fmt.Errorf("session: remember: %w", err)
	}
	if err := s.changeID("remember"); err != nil {
		return err
	}
	s.remember = &d
	if s.state == live {
		s.resend, s.renewing = s.own, s.renewing || !s.own
	}
	return nil
}

// renew moves the session to a new id. The record under the new id is provisional, and counts for nothing, until the second step turns
// the record under the old id into an alias to it. A strict alias leads nobody on.
func (s *Session) renew(ctx context.Context, now time.Time, strict bool) error {
	if s.begun {
		return ErrTooLate
	}
	i := newID()
	at := i.hash()
	v := store.Version("") // of the new record
	old, cur, oldV := s.at, s.rec, s.version
	for wait := minWait; ; wait = min(2*wait, maxWait) {
		r, err := s.next(&cur, now)
		if err != nil {
			return err
		}
		r.provisional, r.from = true, old
		if v, err = s.m.swapRecord(ctx, &at, v, &r); err != nil {
			return err
		}
		a := alias{target: at, grace: now.Add(s.m.o.Grace), strict: strict, used: s.confirm || !cur.provisional}
		left, err := s.m.swapAlias(ctx, &old, oldV, &a, &r)
		if err == nil {
			s.left = &leftAlias{old, left, a}
			if !strict {
				s.lead(ctx, &at, &r)
			}
			remember := s.remember != nil && s.enrolment == nil // a login has told the subject's entry
			s.done(at, v, r, cur.fields)
			s.give(i)
			s.record(ctx, remember)
			return nil
		}
		if !errors.Is(err, store.ErrConflict) {
			s.tried = &attempt{r, s.seen()}
			return err // whether the old id is an alias now is not known; either way one of the two counts
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
		f, err := s.m.find(ctx, old, now, time.Time{})
		s.compare(&f.rec)
		switch {
		case err != nil:
			return err
		case f.state == live && f.hops == 0:
			cur, oldV = f.rec, f.version // changed meanwhile: carry that over too
		case strict && (f.state == ended || f.hops > 0):
			return s.fork(ctx, now, i, v)
		default:
			return s.giveWay(ctx, now, &at, v, f)
		}
	}
}

// leftAlias is what a renewal has left under the old id.
type leftAlias struct {
	at      hash
	version store.Version
	alias   alias
}

// swapAlias writes an alias to r. It stands for as long as r does after its last use by the old id: the answer with the new one may get lost,
// and until the new one has been used, it counts only while the alias is there.
func (m *Manager) swapAlias(ctx context.Context, h *hash, old store.Version, a *alias, r *record) (store.Version, error) {
	last := *r
	if last.seen.Before(a.grace) {
		last.seen = a.grace
	}
	return store.Swap(ctx, m.s, m.key(spaceSession, h), old, &store.Item{Value: a.encode(), Expires: m.end(&last)})
}

// lead has the alias that the client's id is lead to the new id itself, and stand for as long as that needs it: this answer may get lost
// as those before it were.
func (s *Session) lead(ctx context.Context, to *hash, r *record) {
	via := s.via
	if via == nil {
		return
	}
	via.alias.target, via.alias.grace = *to, s.wrote.Add(s.m.o.Grace)
	v, err := s.m.swapAlias(ctx, &via.at, via.version, &via.alias, r)
	if err != nil {
		s.via = nil // another request has led it on, or the client gets by without
		return
	}
	via.version = v
}

// prolongAlias is for a session that was renewed by a Save and then got a longer life, by Remember, in the same request.
func (s *Session) prolongAlias(ctx context.Context) {
	s.lead(ctx, &s.at, &s.rec)
	if s.left == nil || !s.rec.provisional {
		return
	}
	v, err := s.m.swapAlias(ctx, &s.left.at, s.left.version, &s.left.alias, &s.rec)
	if err != nil {
		s.m.o.Logger.WarnContext(ctx, "session: the alias of a renewed session could not be prolonged", "err", err)
		return
	}
	s.left.version = v
}

// giveWay ends a renewal that found the session gone, or renewed by another request: then that one's id counts, and changes go there.
func (s *Session) giveWay(ctx context.Context, now time.Time, at *hash, v store.Version, f found) error {
	if _, err := store.Swap(ctx, s.m.s, s.m.key(spaceSession, at), v, nil); err != nil && !errors.Is(err, store.ErrConflict) {
		s.m.o.Logger.WarnContext(ctx, "session: a provisional record was left to cleanup", "err", err)
	}
	if f.state != live {
		return ErrEnded
	}
	s.moved(&f)
	s.renewing = false
	if s.remember != nil {
		s.settle(f)
		return s.renew(ctx, now, false) // its cookie must outlive the browser, so this client needs an id of its own
	}
	if !s.changed() {
		s.settle(f)
		return nil
	}
	return s.update(ctx, now, f)
}

// fork makes of a login whose session was renewed meanwhile, perhaps by the same form sent twice, one of its own: with what this request
// has set and nothing from before, which is the other one's now.
func (s *Session) fork(ctx context.Context, now time.Time, i id, v store.Version) error {
	s.cleared, s.enrolment.forked = true, true
	return s.insert(ctx, now, i, v)
}

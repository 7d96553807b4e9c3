package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/larder-go/larder/store"
)

// Destroy ends the session. When it returns nil, the session is gone from the store, and no request that is still under way brings it
// back. The response tells the client to forget its token. If a field is set afterwards, that begins a new session. After an error the
// session may still be there; unless Destroy is called again and succeeds, Options.Error answers the request.
func (s *Session) Destroy() error {
	s.lock()
	defer s.mu.Unlock()
	if err := s.load(); err != nil {
		return s.notDestroyed(err)
	}
	if s.state == ended && s.version == "" {
		return nil // what this client had is gone, and its login's answer is on the way
	}
	if s.state == live {
		ctx, cancel := s.m.saving(s.r.Context())
		defer cancel()
		if err := s.m.removeListed(ctx, s.at, s.version, &s.rec); err != nil {
			return s.notDestroyed(err)
		}
		if err := s.removeOthers(ctx); err != nil {
			return s.notDestroyed(err)
		}
	}
	s.state, s.own, s.version, s.rec, s.base = none, false, "", record{}, nil
	s.changes, s.cleared, s.renewing, s.subject, s.remember, s.confirm, s.resend = nil, false, false, nil, nil, false, false
	s.token, s.failed, s.unsaved, s.tried, s.gone = "", nil, nil, nil, false
	for range s.m.wire.tokens(s.r) {
		s.drop = true
	}
	return nil
}

// notDestroyed has the response fail with err, for nobody may be told that he is logged out who is not, or the log tell of it where that
// is too late.
func (s *Session) notDestroyed(err error) error {
	s.failed = store.Wrap("session", "destroy", err)
	if s.begun {
		s.m.o.Logger.ErrorContext(s.r.Context(), "session: it could not be destroyed, and the response had begun", "err", err)
	}
	return s.failed
}

// removeOthers ends what the request's other tokens open: of cookies that were tossed in, or that an earlier Path or Domain has left
// behind. One of them would be the client's session at the next request, and who has logged out would be logged in.
func (s *Session) removeOthers(ctx context.Context) error {
	tried := 0
	for token := range s.m.wire.tokens(s.r) {
		i, _, ok := s.m.ring.verify(token)
		if !ok || i == s.id {
			continue
		}
		if tried++; tried > maxTokens {
			break
		}
		f, err := s.m.find(ctx, i.hash(), time.Now(), s.asked)
		if errors.Is(err, errRecord) || errors.Is(err, store.ErrCorrupt) {
			continue // it opens nothing
		}
		if err == nil && f.state == live {
			err = s.m.removeListed(ctx, f.at, f.version, &f.rec)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// removeListed removes a session, and takes it off its subject's list.
func (m *Manager) removeListed(ctx context.Context, at hash, v store.Version, r *record) error {
	err := m.remove(ctx, at, v)
	if err == nil && r.listed {
		m.leave(ctx, r.subject, r.device)
	}
	return err
}

// remove removes the session at a hash, whatever it has become: what a renewal has left there leads on to where it went.
func (m *Manager) remove(ctx context.Context, at hash, v store.Version) error {
	return m.removeAlong(ctx, at, v, map[hash]bool{at: true})
}

var errRenewals = fmt.Errorf("the session was renewed more than %d times since this request loaded it; load it again", maxRenewals)

// removeAlong follows aliases, none of them twice, for somebody else may have written them, in a circle.
func (m *Manager) removeAlong(ctx context.Context, at hash, v store.Version, seen map[hash]bool) error {
	for wait := minWait; ; wait = min(2*wait, maxWait) {
		_, err := store.Swap(ctx, m.s, m.key(spaceSession, &at), v, nil)
		if err == nil {
			return nil
		}
		if errors.Is(err, store.ErrCorrupt) && v != store.AnyVersion {
			v = store.AnyVersion
			continue
		}
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
		item, err := store.Load(ctx, m.s, m.key(spaceSession, &at))
		switch {
		case errors.Is(err, store.ErrNotFound):
			return nil
		case errors.Is(err, store.ErrCorrupt):
			v = store.AnyVersion
			continue
		case err != nil:
			return err
		}
		v = item.Version
		if !isAlias(item.Value) {
			continue
		}
		if a, err := decodeAlias(item.Value); err == nil {
			if err := m.removeTarget(ctx, a.target, seen); err != nil {
				return err
			}
		}
	}
}

// removeTarget removes what an alias leads to, before the alias itself goes: killed between the two, the session has ended all the same.
func (m *Manager) removeTarget(ctx context.Context, at hash, seen map[hash]bool) error {
	if seen[at] {
		return nil
	}
	if seen[at] = true; len(seen) > maxRenewals {
		return errRenewals
	}
	item, err := store.Load(ctx, m.s, m.key(spaceSession, &at))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case errors.Is(err, store.ErrCorrupt):
		return m.removeAlong(ctx, at, store.AnyVersion, seen)
	case err != nil:
		return err
	case !isAlias(item.Value):
		err := m.removeAlong(ctx, at, item.Version, seen)
		if r, bad := decodeRecord(item.Value); err == nil && bad == nil && r.listed {
			m.leave(ctx, r.subject, r.device) // a login's, whose device is another
		}
		return err
	}
	a, err := decodeAlias(item.Value)
	if err == nil {
		err = m.removeTarget(ctx, a.target, seen)
	}
	if err != nil && !errors.Is(err, errRecord) {
		return err
	}
	return m.removeAlong(ctx, at, item.Version, seen)
}

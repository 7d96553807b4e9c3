package session

import (
	"context"
	"errors"
	"time"

	"github.com/larder-go/larder/store"
)

// maxTokens is how many tokens of one request are looked up: more than one only where a cookie was tossed in from another path or domain.
const maxTokens = 4

// maxHops is how many aliases in a row are followed: a client that loses an answer each time it is renewed leaves one behind each time.
const maxHops = 16

// maxRenewals is how many are followed for a session that a request, a long one, has loaded before.
const maxRenewals = 400

// load loads the session, once.
func (s *Session) load() error {
	if s.loaded {
		return s.loadErr
	}
	s.loaded = true
	if s.begun && !s.m.late.Swap(true) {
		s.m.o.Logger.WarnContext(s.r.Context(), "session: a session was asked for after the response had begun, so that it "+
			"carries neither Vary nor Cache-Control and caches may keep it; ask before you write")
	}
	tried := 0
	for token := range s.m.wire.tokens(s.r) {
		i, old, ok := s.m.ring.verify(token)
		if !ok {
			continue
		}
		if tried++; tried > maxTokens {
			break
		}
		f, err := s.m.find(s.r.Context(), i.hash(), time.Now(), s.asked)
		if err == nil && f.suspicious {
			s.suspect()
		}
		if err != nil {
			if err = s.unreadable(f, err); err == nil {
				continue
			}
			s.loadErr = err
			if !errors.Is(err, context.Canceled) {
				s.m.o.Logger.ErrorContext(s.r.Context(), "session: it could not be loaded", "err", err)
			}
			if s.m.o.Outage == Refuse || !errors.Is(err, store.ErrUnavailable) {
				s.failed = store.Wrap("session", "load", err)
			}
			return s.loadErr
		}
		s.gone = f.state != live
		if f.state == none {
			continue
		}
		s.settle(f)
		s.base = f.rec.fields
		if f.state == live {
			s.id, s.own, s.confirm = i, f.hops == 0, f.rec.provisional && f.hops == 0
			s.resend = s.own && old
			s.via, s.renewing = f.first, f.lost && !s.begun
			s.unasked = s.renewing
			s.m.kept.keep(s.r.Context(), s.m)
			return nil
		}
	}
	return nil
}

// settle takes over what was found.
func (s *Session) settle(f found) {
	s.state, s.at, s.version, s.rec, s.listSeen = f.state, f.at, f.version, f.rec, f.listSeen
}

// found is what stands under an id.
type found struct {
	state      state
	at         hash
	version    store.Version
	rec        record
	listSeen   time.Time // its last seen on its subject's list
	value      []byte    // of a record that cannot be decoded
	hops       int       // aliases that led there
	first      *leftAlias
	lost       bool // an alias is past its grace, but nobody has used the new id: the answer that carried it was lost
	suspicious bool // an alias is past its grace, and somebody has
}

// find looks for the session under the hash of an id. An error is the store's, or errRecord.
//
// The grace of an alias is judged by when the request came, asked, and not by when it gets here, which may be long after. Zero: a request that
// had the session before it was renewed, and so needs no grace.
func (m *Manager) find(ctx context.Context, at hash, now, asked time.Time) (found, error) {
	f := found{at: at}
	late := false // the last alias is past its grace, and holds only if nobody has used the id that it leads to
	most := maxHops
	if asked.IsZero() {
		most = maxRenewals
	}
	for ; f.hops <= most; f.hops++ {
		item, err := store.Load(ctx, m.s, m.key(spaceSession, &f.at))
		if errors.Is(err, store.ErrNotFound) {
			return found{}, nil
		}
		if err != nil {
			return f, err
		}
		f.version = item.Version
		if !isAlias(item.Value) {
			return m.judge(ctx, f, item.Value, late, now)
		}
		a, err := decodeAlias(item.Value)
		switch {
		case err != nil:
			f.value = item.Value
			return f, err
		case late && a.used:
			return found{suspicious: true}, nil
		}
		if f.hops == 0 {
			f.first = &leftAlias{f.at, item.Version, a}
		}
		late = !asked.Before(a.grace)
		switch {
		case a.strict && late:
			return found{suspicious: true}, nil
		case a.strict:
			return found{state: ended}, nil
		}
		f.at, f.lost = a.target, late
	}
	m.o.Logger.WarnContext(ctx, "session: an id leads on through more renewals than are followed", "most", most)
	return found{}, nil
}

// judge says whether a record is a session that lives.
func (m *Manager) judge(ctx context.Context, f found, value []byte, late bool, now time.Time) (found, error) {
	rec, err := decodeRecord(value)
	if err != nil {
		f.value = value
		return f, err
	}
	if (store.Expiry{Timeout: rec.idle, TouchAfter: m.slack()}).Absent(now, rec.seen, rec.deadline) {
		return found{}, nil
	}
	switch {
	case f.hops == 0 && rec.provisional:
		// The renewal counts from the moment that the old id became an alias.
		if ok, err := m.renewed(ctx, &rec.from, &f.at); err != nil || !ok {
			return found{}, err
		}
	case late && !rec.provisional:
		return found{suspicious: true}, nil
	}
	f.rec = rec
	if rec.subject != "" {
		if ok, err := m.enrolled(ctx, &f); err != nil || !ok {
			return found{}, err
		}
	}
	f.state = live
	return f, nil
}

// slack is TouchAfter as store.Expiry takes it, where 0 is a default.
func (m *Manager) slack() time.Duration {
	if m.o.TouchAfter == 0 {
		return -1
	}
	return m.o.TouchAfter
}

// renewed reports whether from is an alias to the record at to.
func (m *Manager) renewed(ctx context.Context, from, to *hash) (bool, error) {
	item, err := store.Load(ctx, m.s, m.key(spaceSession, from))
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !isAlias(item.Value) {
		return false, nil
	}
	a, err := decodeAlias(item.Value)
	return err == nil && a.target == *to, nil
}

// unreadable applies the policy to an error of find. nil means: go on as if there were none.
func (s *Session) unreadable(f found, err error) error {
	if !errors.Is(err, errRecord) && !errors.Is(err, store.ErrCorrupt) {
		return err
	}
	log := s.m.o.Logger
	ctx := s.r.Context()
	if s.m.o.Unreadable == Fail {
		log.ErrorContext(ctx, "session: a record cannot be read; requests with it fail until it is removed", "err", err)
		return errors.Join(err, store.ErrCorrupt)
	}
	log.ErrorContext(ctx, "session: a record cannot be read; this client gets a new session", "err", err)
	if s.m.o.Unreadable == Quarantine && f.value != nil {
		if err := s.m.quarantine(ctx, f); err != nil {
			log.ErrorContext(ctx, "session: the record could not be put into quarantine", "err", err)
		}
	}
	return nil
}

// quarantine moves a record that the store can read and the manager cannot.
func (m *Manager) quarantine(ctx context.Context, f found) error {
	ctx, cancel := m.saving(ctx)
	defer cancel()
	item := &store.Item{Value: f.value, Expires: time.Now().Add(quarantineTime)}
	if _, err := store.Swap(ctx, m.s, m.key(spaceQuarantine, &f.at), store.AnyVersion, item); err != nil {
		return err
	}
	_, err := store.Swap(ctx, m.s, m.key(spaceSession, &f.at), f.version, nil)
	if errors.Is(err, store.ErrConflict) {
		return nil // another request has done so
	}
	return err
}

// suspect logs that an id was used after its time: by a client that missed the answer with the new one, or by a thief.
func (s *Session) suspect() {
	if s.warned {
		return
	}
	s.warned = true
	s.m.o.Logger.WarnContext(s.r.Context(), "session: the old id of a renewed session was used after its grace; it may have been stolen",
		"remote", s.r.RemoteAddr, "agent", cut(s.r.UserAgent(), maxLabel))
}

package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/larder-go/larder/codec"
	"github.com/larder-go/larder/store"
)

// Manager keeps sessions in a store. It is safe for concurrent use. Any number of managers, in any number of processes, may share a store
// if their options are the same.
type Manager struct {
	s     store.Store
	o     Options
	ring  *ring
	wire  transport
	codec *codec.Tagged
	kept  *keptKey // where the key stands in the store

	hinted, late, nested atomic.Bool // these warnings were given
}

// New returns a manager that keeps sessions in s. If o has no Keys, New loads the key that is kept in s, or puts one there.
//
// It refuses options that make no sense, and a store whose own idle time-out is shorter than Idle, because sessions would end early.
func New(s store.Store, o *Options) (*Manager, error) {
	opts, err := o.withDefaults()
	if s == nil {
		err = errors.New("there is no store")
	}
	if err != nil {
		return nil, fmt.Errorf("session: new: %w", err)
	}
	m := &Manager{s: s, o: opts, wire: newTransport(&opts)}
	if err := m.checkTimeout(opts.Idle, "Idle"); err != nil {
		return nil, fmt.Errorf("session: new: %w", err)
	}
	if m.codec, err = codec.NewTagged(opts.Codec, opts.Codecs...); err != nil {
		return nil, fmt.Errorf("session: new: Codec or Codecs: %w", err)
	}
	if !store.CanSwap(s) {
		m.s = newPlain(s)
		opts.Logger.Warn("session: this store cannot Swap: of changes that two processes make to a session at once, the last one wins")
	}
	if opts.Cookie.Insecure && opts.Header == "" {
		opts.Logger.Warn("session: COOKIES ARE NOT SECURE: Cookie.Insecure is set, so anyone on the way can read them; for development only")
	}
	keys := opts.Keys
	if keys == nil {
		if m.kept, err = keepKey(m.s, opts.Prefix+"key"); err != nil {
			return nil, store.Wrap("session", "new", err)
		}
		keys = [][]byte{m.kept.value}
	}
	if m.ring, err = newRing(keys, m.wire.name); err != nil {
		return nil, fmt.Errorf("session: new: %w", err)
	}
	return m, nil
}

// checkTimeout refuses a store that forgets sooner than sessions end.
func (m *Manager) checkTimeout(idle time.Duration, what string) error {
	e, err := store.ExpiryOf(m.s)
	if err != nil || e.Timeout <= 0 || e.Timeout >= idle {
		return nil
	}
	return fmt.Errorf("the store forgets what was idle for %v, and %s is %v: open it with a longer time-out (x-timeout), or with none, "+
		"for sessions carry deadlines of their own", e.Timeout, what, idle)
}

// Handler returns next with sessions: each request gets its own, which [From] finds, and which is saved before the first byte of the
// response.
func (m *Manager) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch outer := From(r.Context()); {
		case m.From(r.Context()) != nil:
			next.ServeHTTP(w, r) // wrapped twice
			return
		case outer != nil && outer.m.wire.name == m.wire.name && !m.nested.Swap(true):
			m.o.Logger.ErrorContext(r.Context(), "session: two managers, one within the other, have one cookie or header, and each overwrites the other's; "+
				"give them names", "name", m.wire.name)
		}
		x := new(exchange) // all that a request needs, in one allocation
		x.session.m, x.session.r, x.session.asked = m, r, time.Now()
		x.writer.reset(w, &x.session)
		x.ctx.Context, x.ctx.s = r.Context(), &x.session
		defer x.writer.aborted()
		x.writer.r = r.WithContext(&x.ctx)
		next.ServeHTTP(&x.writer, x.writer.r)
		x.writer.finish()
	})
}

type exchange struct {
	session Session
	writer  writer
	ctx     requestContext
}

// requestContext is a request's context that knows its session.
type requestContext struct {
	context.Context
	s *Session
}

// contextKey asks for the session of one manager, or with nil for that of the nearest.
type contextKey struct{ m *Manager }

func (c *requestContext) Value(key any) any {
	if k, ok := key.(contextKey); ok && (k.m == nil || k.m == c.s.m) {
		return c.s
	}
	return c.Context.Value(key)
}

// From returns the session of the request that ctx belongs to, or nil if the handler is not within [Manager.Handler]. The methods of a
// nil Session panic.
func From(ctx context.Context) *Session {
	s, _ := ctx.Value(contextKey{}).(*Session)
	return s
}

// From returns the session of this manager. It is for sites with several managers, each with a cookie of its own: if the Handler of one is
// within that of another, the function [From] returns the session of the inner one.
func (m *Manager) From(ctx context.Context) *Session {
	s, _ := ctx.Value(contextKey{m}).(*Session)
	return s
}

const (
	spaceSession    = "s:"
	spaceSubject    = "u:"
	spaceQuarantine = "q:"
)

// key is where something stands in the store, by its hash.
func (m *Manager) key(space string, h *hash) string {
	b := make([]byte, 0, 128)
	b = append(append(b, m.o.Prefix...), space...)
	return string(b64.AppendEncode(b, h[:]))
}

// saving is the context of a save: it outlives the request, for a change whose client has gone is still a change.
func (m *Manager) saving(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), m.o.SaveTimeout)
}

// end is when a session is over if nobody uses it again, and so when its record may go.
func (m *Manager) end(r *record) time.Time {
	// One nanosecond more: at its deadline an entry is absent, and a session is over only after its idle time-out.
	if idle := r.seen.Add(r.idle + m.o.TouchAfter + 1); idle.Before(r.deadline) {
		return idle
	}
	return r.deadline
}

func (m *Manager) swapRecord(ctx context.Context, h *hash, old store.Version, r *record) (store.Version, error) {
	return store.Swap(ctx, m.s, m.key(spaceSession, h), old, &store.Item{Value: r.encode(), Expires: m.end(r)})
}

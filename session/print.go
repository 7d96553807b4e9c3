package session

import (
	"fmt"
	"io"
	"log/slog"
)

// What is printed by mistake, into a log or onto a page of errors, must show no id and no key. fmt asks Format for every verb, also for
// %+v and %#v, which would go through all fields otherwise, and slog asks LogValue. Nothing is loaded for it, and no lock waited for: it
// may be a panic.

// Format prints only that it is a Session, and in which state, whatever the verb: never an id, a token or a field.
func (s *Session) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// String returns what Format prints.
func (s *Session) String() string {
	switch {
	case s == nil:
		return "session.Session(nil)"
	case !s.mu.TryLock():
		return "session.Session(in use)"
	}
	defer s.mu.Unlock()
	switch {
	case !s.loaded:
		return "session.Session(not loaded)"
	case s.loadErr != nil:
		return "session.Session(could not be loaded)"
	case s.state == ended:
		return "session.Session(ended)"
	case s.state == none:
		return "session.Session(new)"
	}
	return "session.Session(live)"
}

// LogValue returns what Format prints, for slog.
func (s *Session) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Format prints only that it is a Manager, and its prefix, whatever the verb: never a key.
func (m *Manager) Format(f fmt.State, _ rune) { io.WriteString(f, m.String()) }

// String returns what Format prints.
func (m *Manager) String() string {
	if m == nil {
		return "session.Manager(nil)"
	}
	return fmt.Sprintf("session.Manager(%q)", m.o.Prefix)
}

// LogValue returns what Format prints, for slog.
func (m *Manager) LogValue() slog.Value { return slog.StringValue(m.String()) }

// Format prints the options without the keys, whatever the verb.
func (o Options) Format(f fmt.State, _ rune) { io.WriteString(f, o.String()) }

// String returns what Format prints.
func (o Options) String() string {
	type plain Options // without these methods
	p := plain(o)
	p.Keys, p.Logger = nil, nil
	return fmt.Sprintf("session.Options{%d keys, %+v}", len(o.Keys), p)
}

// LogValue returns what Format prints, for slog.
func (o Options) LogValue() slog.Value { return slog.StringValue(o.String()) }

// Format is there because a verb that does not fit a pointer has fmt print what it points to, and so the Session.
func (w *writer) Format(f fmt.State, _ rune) { io.WriteString(f, "session.ResponseWriter") }

// Format is there for the same reason.
func (c *requestContext) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "%v.WithSession", c.Context)
}

package session

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/store"
)

// torn is a store in which some records cannot be read: what a conditional Swap and a Load of them return is store.ErrCorrupt, and
// an unconditional Swap and a Delete replace them, as the contract has it.
type torn struct {
	*ledger
	space string // "s" or "u"; "": none
}

func (s *torn) hit(key string) bool {
	return s.space != "" && strings.HasPrefix(key, "session:"+s.space+":")
}

func (s *torn) Load(ctx context.Context, key string) (*store.Item, error) {
	if s.hit(key) {
		return nil, store.Wrap("test", "load", store.ErrCorrupt)
	}
	return s.ledger.Load(ctx, key)
}

func (s *torn) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	if s.hit(key) && old != store.AnyVersion && old != "" {
		return "", store.Wrap("test", "swap", store.ErrCorrupt)
	}
	return s.ledger.Swap(ctx, key, old, item)
}

func (s *torn) Delete(ctx context.Context, key string) error {
	if s.hit(key) {
		s.space = ""
	}
	return s.ledger.Delete(ctx, key)
}

// damage spoils the one session record in a store: that the manager cannot read, although the store can.
func damage(t testing.TB, l *ledger) (key string) {
	t.Helper()
	for key = range l.entries(t) {
		if !strings.HasPrefix(key, "session:s:") {
			continue
		}
		err := store.Update(t.Context(), l, key, func(old *store.Item) (*store.Item, error) {
			return &store.Item{Value: append([]byte("LS\x02"), old.Value[3:]...), Expires: old.Expires}, nil // of a later version
		})
		ok(t, err)
		return key
	}
	t.Fatal("no session is stored")
	return ""
}

func TestUnreadable(t *testing.T) {
	for _, level := range []string{"store", "session"} {
		for _, policy := range []Unreadable{NewSession, Fail, Quarantine} {
			l := newLedger()
			s := &torn{ledger: l}
			site := newSite(t, s, Options{Unreadable: policy})
			b := site.browser()
			b.set(t, "name", "Ann")
			was := b.token()
			var bad string
			for bad = range l.entries(t) {
			}
			if level == "session" {
				bad = damage(t, l)
			} else {
				s.space = "s"
			}
			name := level + ", " + []string{"NewSession", "Fail", "Quarantine"}[policy]

			var err error
			status := b.do(func(s *Session) { Get[string](s, "name"); err = s.Err() })
			must(t, strings.Contains(site.log.take(), "a record cannot be read"), "%s: it is not in the log", name)
			if policy == Fail {
				same(t, name+": status", status, http.StatusInternalServerError)
				must(t, errors.Is(err, store.ErrCorrupt) && strings.Count(err.Error(), "session: ") == 1, "%s: the error is %v", name, err)
				must(t, b.sent() == nil, "%s: a cookie was sent: %v", name, b.sent())
				same(t, name+": status of a change", b.do(func(s *Session) {
					must(t, errors.Is(s.Set("x", 1), store.ErrCorrupt), "%s: it can be set", name)
					must(t, errors.Is(s.Destroy(), store.ErrCorrupt), "%s: it can be destroyed", name)
				}), http.StatusInternalServerError)
				same(t, name+": status without the session", b.do(func(*Session) {}), http.StatusOK)
				same(t, name+": entries", len(l.entries(t)), 1)
				continue
			}
			same(t, name+": status", status, http.StatusOK)
			same(t, name+": error", err, nil)
			must(t, b.sent() == nil, "%s: a cookie was sent to one who only reads: %v", name, b.sent())
			b.set(t, "name", "Bob")
			must(t, b.token() != was, "%s: the new session has the id of the old one", name)
			s.space = ""
			same(t, name+": name", b.get("name"), "Bob")
			entries := l.entries(t)
			aside := "session:q:" + strings.TrimPrefix(bad, "session:s:")
			_, there := entries[bad]
			until, moved := entries[aside]
			quarantined := policy == Quarantine && level == "session"
			must(t, there != quarantined && moved == quarantined, "%s: the record stands in its place: %v, aside: %v", name, there, moved)
			if moved {
				must(t, time.Until(until) > 29*24*time.Hour, "%s: it stands aside until %v", name, until)
				item, err := store.Peek(t.Context(), l, aside)
				must(t, err == nil && strings.HasPrefix(string(item.Value), "LS\x02"), "%s: aside stands %q, %v", name, item.Value, err)
			}
		}
	}
}

// TestUnreadableSubject: with the entry of a subject, all his sessions are over; another login makes a new one.
func TestUnreadableSubject(t *testing.T) {
	for _, level := range []string{"store", "session"} {
		l := newLedger()
		s := &torn{ledger: l}
		site := newSite(t, s, Options{Devices: true})
		one, two := site.enter(t, "one", "ann"), site.enter(t, "two", "ann")
		if level == "store" {
			s.space = "u"
		} else {
			ok(t, l.Set(t.Context(), site.subjectKey("ann"), []byte("what is this")))
		}
		same(t, level+": subject", one.subject(), "")
		must(t, level != "store" || strings.Contains(site.log.take(), "the entry of a subject cannot be read"), "it is not in the log")
		if _, err := site.Sessions(t.Context(), "ann"); !errors.Is(err, store.ErrCorrupt) || strings.Count(err.Error(), "session: ") != 1 {
			t.Errorf("%s: the error of Sessions is %v", level, err)
		}
		two.login(t, "ann")
		same(t, level+": subject after another login", two.subject(), "ann")
		same(t, level+": subject of the other", one.subject(), "")
		same(t, level+": devices", labels(t, site, "ann"), "two")
	}
}

// TestDestroyUnreadable: what becomes unreadable after it was loaded can be destroyed all the same.
func TestDestroyUnreadable(t *testing.T) {
	l := newLedger()
	s := &torn{ledger: l}
	b := newSite(t, s, Options{}).browser()
	b.set(t, "x", 1)
	same(t, "status", b.do(func(sess *Session) {
		ok(t, sess.Err())
		damage(t, l)
		ok(t, sess.Destroy())
	}), http.StatusOK)
	same(t, "entries", len(l.entries(t)), 0)
	b.set(t, "x", 1)
	same(t, "status", b.do(func(sess *Session) {
		ok(t, sess.Err())
		s.space = "s"
		ok(t, sess.Destroy())
	}), http.StatusOK)
	same(t, "entries", len(l.entries(t)), 0)
}

// TestOutagePolicies: an outage is no logout. More in outage_test.go.
func TestOutagePolicies(t *testing.T) {
	for _, policy := range []Outage{Refuse, Anonymous} {
		l := newLedger()
		site := newSite(t, l, Options{Outage: policy})
		b := site.enter(t, "x", "ann")
		l.fail = func(string, string) error { return errDown }
		reads := map[Outage]int{Refuse: http.StatusServiceUnavailable, Anonymous: http.StatusOK}[policy]
		same(t, "status", b.do(func(s *Session) {
			same(t, "subject", s.Subject(), "")
			same(t, "fields", len(s.Keys()), 0)
			must(t, errors.Is(s.Err(), store.ErrUnavailable), "Err is %v", s.Err())
			must(t, errors.Is(s.Decode("x", new(int)), store.ErrUnavailable), "Decode: %v", s.Decode("x", new(int)))
		}), reads)
		must(t, b.sent() == nil, "a cookie was sent: %v", b.sent())
		for name, act := range map[string]func(s *Session) error{"set": func(s *Session) error { return s.Set("x", 1) },
			"delete": func(s *Session) error { return s.Delete("x") }, "clear": (*Session).Clear, "flash": func(s *Session) error { return s.Flash("x") },
			"renew": (*Session).Renew, "destroy": (*Session).Destroy, "set subject": func(s *Session) error { return s.SetSubject("bob") },
			"remember": func(s *Session) error { return s.Remember(0) }} {
			same(t, "status of "+name, b.do(func(s *Session) {
				err := act(s)
				must(t, errors.Is(err, store.ErrUnavailable) && strings.Count(err.Error(), "session: ") == 1 && strings.HasPrefix(err.Error(), "session: "),
					"%s: the error is %v", name, err)
			}), http.StatusServiceUnavailable)
			must(t, b.sent() == nil, "a cookie was sent: %v", b.sent())
			same(t, "Retry-After", b.last.Header.Get("Retry-After"), "5")
		}
		l.fail = nil
		same(t, "subject afterwards", b.subject(), "ann")
	}
}

// TestCanceledBeforeLoad: a client who goes away before his session is loaded is no outage.
func TestCanceledBeforeLoad(t *testing.T) {
	l := newLedger()
	site := newSite(t, l, Options{Outage: Anonymous})
	b := site.browser()
	b.set(t, "x", 1)
	l.fail = func(string, string) error { return store.Wrap("test", "load", context.Canceled) }
	same(t, "status", b.do(func(s *Session) {
		must(t, errors.Is(s.Err(), context.Canceled) && !errors.Is(s.Err(), store.ErrUnavailable), "Err is %v", s.Err())
		must(t, errors.Is(s.Set("x", 2), context.Canceled), "it can be set")
	}), http.StatusInternalServerError)
	must(t, b.sent() == nil, "a cookie was sent: %v", b.sent())
}

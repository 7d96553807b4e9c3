package session

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/larder-go/larder/store"
)

// TestStoreCalls counts what each kind of request costs.
func TestStoreCalls(t *testing.T) {
	nothing := func(*Session) {}
	read := func(s *Session) { Get[string](s, "name") }
	for _, c := range []struct {
		name    string
		who     string // nobody: without a cookie; some: with a session; ann: logged in; device: and listed
		act     func(s *Session)
		want    string
		message string
	}{
		{"does not use the session", "nobody", nothing, "", ""},
		{"does not use the session that is there", "some", nothing, "", ""},
		{"reads without a cookie", "nobody", read, "", ""},
		{"asks for everything without a cookie", "nobody", func(s *Session) {
			s.Has("x")
			s.Keys()
			s.Flashes()
			s.Subject()
			s.Info()
			s.Err()
			s.Decode("x", new(int))
			Pop[int](s, "x")
		}, "", ""},
		{"reads", "some", read, "load s", ""},
		{"reads everything", "some", func(s *Session) { s.Keys(); s.Info(); s.Flashes(); read(s); read(s) }, "load s", ""},
		{"reads with a subject", "ann", read, "load s, load u", ""},
		{"reads with a device", "device", read, "load s, load u", ""},
		{"creates", "nobody", func(s *Session) { s.Set("name", "Ann") }, "swap s", ""},
		{"changes", "some", func(s *Session) { s.Set("name", "Bob") }, "load s, swap s", ""},
		{"changes much", "some", func(s *Session) { s.Set("name", "Bob"); s.Set("x", 1); s.Delete("name"); s.Flash("hello") }, "load s, swap s", ""},
		{"changes with a subject", "ann", func(s *Session) { s.Set("name", "Bob") }, "load s, load u, swap s", ""},
		{"changes with a device", "device", func(s *Session) { s.Set("name", "Bob") }, "load s, load u, swap s", ""},
		{"sets the same again", "some", func(s *Session) { s.Set("name", "Ann") }, "load s", ""},
		{"sets another and then the same", "some", func(s *Session) { s.Set("name", "Bob"); s.Set("name", "Ann") }, "load s", ""},
		{"sets and deletes, without a cookie", "nobody", func(s *Session) { s.Set("x", 1); s.Delete("x") }, "", ""},
		{"sets and deletes", "some", func(s *Session) { s.Set("x", 1); s.Delete("x") }, "load s", ""},
		{"deletes what is not there", "some", func(s *Session) { s.Delete("x") }, "load s", ""},
		{"deletes without a cookie", "nobody", func(s *Session) { s.Delete("x") }, "", ""},
		{"clears nothing", "nobody", func(s *Session) { s.Clear() }, "", ""},
		{"sets and clears", "nobody", func(s *Session) { s.Set("x", 1); s.Clear() }, "", ""},
		{"clears what has no fields", "ann", func(s *Session) { s.Clear() }, "load s, load u", ""},
		{"clears", "some", func(s *Session) { s.Clear() }, "load s, swap s", ""},
		{"takes no message", "some", func(s *Session) { s.Flashes() }, "load s", ""},
		{"leaves and takes a message", "nobody", func(s *Session) { s.Flash("hello"); s.Flashes() }, "", ""},
		{"renews nothing", "nobody", func(s *Session) { s.Renew() }, "", ""},
		{"remembers nothing", "nobody", func(s *Session) { s.Remember(0) }, "", ""},
		{"destroys nothing", "nobody", func(s *Session) { s.Destroy() }, "", ""},
		{"logs nobody in", "nobody", func(s *Session) { s.SetSubject("") }, "", ""},
		{"saves nothing", "some", func(s *Session) { s.Save(); read(s); s.Save() }, "load s", ""},
		{"saves twice", "some", func(s *Session) { s.Set("x", 1); s.Save(); s.Save() }, "load s, swap s", ""},
		{"saves between", "some", func(s *Session) { s.Set("x", 1); s.Save(); s.Set("x", 2) }, "load s, swap s, swap s", ""},
		{"renews", "some", func(s *Session) { s.Renew() }, "load s, swap s, swap s", ""},
		{"logs in", "nobody", func(s *Session) { s.SetSubject("ann") }, "load u, swap u, swap s, load u", ""},
		{"logs in with a session", "some", func(s *Session) { s.SetSubject("ann") }, "load s, load u, swap u, swap s, swap s, load u", ""},
		{"destroys", "some", func(s *Session) { s.Destroy() }, "load s, remove s", ""},
		{"destroys with a subject", "ann", func(s *Session) { s.Destroy() }, "load s, load u, remove s", ""},
		{"destroys with a device", "device", func(s *Session) { s.Destroy() }, "load s, load u, remove s, load u, swap u", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLedger()
			site := newSite(t, l, Options{Devices: c.who == "device"})
			b := site.browser()
			switch c.who {
			case "some":
				b.set(t, "name", "Ann")
			case "ann", "device":
				b.login(t, "ann")
			}
			l.took()
			before := len(l.entries(t))
			same(t, "status", b.do(c.act), http.StatusOK)
			same(t, "store calls", strings.Join(l.took(), ", "), c.want)
			if c.want == "" && c.who == "nobody" {
				same(t, "entries", len(l.entries(t)), before)
				same(t, "cookies", len(b.jar), 0)
			}
			same(t, "logged", site.log.take(), "")
		})
	}
}

// TestForeignTokensCostNothing: a few here, a million in security_forged_test.go.
func TestForeignTokensCostNothing(t *testing.T) {
	l := newLedger()
	b := newSite(t, l, Options{}).browser()
	for _, token := range []string{"x", strings.Repeat("A", 43) + "." + strings.Repeat("A", 43), strings.Repeat("A", 10_000)} {
		b.jar["__Host-session"] = token
		same(t, "status", b.do(func(s *Session) { s.Keys() }), http.StatusOK)
	}
	same(t, "store calls", len(l.took()), 0)
	b.set(t, "name", "Ann")
	same(t, "store calls", strings.Join(l.took(), ", "), "swap s")
}

// TestTossedCookies: of several cookies the first one that opens a session counts, and a bounded number is tried.
func TestTossedCookies(t *testing.T) {
	l := newLedger()
	site := newSite(t, l, Options{})
	b := site.browser()
	b.set(t, "name", "Ann")
	mine := b.token()
	sign := func() string { i := newID(); return site.ring.sign(&i) }
	l.took()
	for _, c := range []struct {
		tokens []string
		want   string
		loads  int
	}{
		{[]string{sign(), mine}, "Ann", 2},
		{[]string{mine, sign()}, "Ann", 1},
		{[]string{"forged", mine}, "Ann", 1},
		{[]string{sign(), sign(), sign(), mine}, "Ann", 4},
		{[]string{sign(), sign(), sign(), sign(), mine}, "", 4},
	} {
		thief := site.browser()
		for _, token := range c.tokens {
			thief.header.Add("Cookie", "__Host-session="+token)
		}
		same(t, "name", thief.get("name"), c.want)
		same(t, "loads", len(l.took()), c.loads)
	}
}

// TestTouchConflict: who only reads is served whatever becomes of the session meanwhile.
func TestTouchConflict(t *testing.T) {
	l := newLedger()
	site := newSite(t, l, Options{TouchAfter: -1})
	b := site.browser()
	b.set(t, "name", "Ann")
	other := b.twin()
	same(t, "status", b.do(func(s *Session) {
		Get[string](s, "name")
		other.do(func(s *Session) { ok(t, s.Destroy()) })
	}), http.StatusOK)
	if sent := b.sent(); sent != nil {
		t.Errorf("a cookie was sent: %v", sent)
	}
	same(t, "entries", len(l.entries(t)), 0)
}

// TestTouchOutage: neither is he told of an outage that comes after the load.
func TestTouchOutage(t *testing.T) {
	l := newLedger()
	site := newSite(t, l, Options{TouchAfter: -1})
	b := site.browser()
	b.set(t, "name", "Ann")
	l.fail = func(op, _ string) error {
		if op == "swap" {
			return errDown
		}
		return nil
	}
	same(t, "name", b.get("name"), "Ann")
	same(t, "status", b.last.StatusCode, http.StatusOK)
	must(t, strings.Contains(site.log.take(), "the last use could not be recorded"), "it was not logged")
	var err error
	same(t, "status", b.do(func(s *Session) { ok(t, s.Set("x", 1)); err = s.Save() }), http.StatusServiceUnavailable)
	must(t, errors.Is(err, store.ErrUnavailable), "the error is %v", err)
	must(t, !slices.Contains(l.took(), "delete s"), "something was deleted")
}

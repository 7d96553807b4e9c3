package session

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/store"
)

// labels are those of a subject's devices, last seen first.
func labels(t testing.TB, s *site, subject string) string {
	t.Helper()
	devices, err := s.Sessions(t.Context(), subject)
	ok(t, err)
	var all []string
	for _, d := range devices {
		all = append(all, d.Label)
	}
	return strings.Join(all, " ")
}

// enter logs a new browser in.
func (s *site) enter(t testing.TB, agent, subject string) *browser {
	t.Helper()
	b := s.browser()
	b.header.Set("User-Agent", agent)
	b.login(t, subject)
	return b
}

func (b *browser) device() (id string) {
	b.do(func(s *Session) { id = s.Info().Device })
	return id
}

func TestDevices(t *testing.T) {
	bubble(t, Options{Devices: true, Idle: time.Hour, TouchAfter: time.Minute}, func(t *testing.T, l *ledger, site *site) {
		same(t, "devices", labels(t, site, "ann"), "")
		phone := site.enter(t, "phone", "ann")
		time.Sleep(time.Second)
		laptop := site.enter(t, "laptop", "ann")
		site.enter(t, "bob's", "bob")
		same(t, "devices", labels(t, site, "ann"), "laptop phone")
		time.Sleep(2 * time.Minute)
		phone.subject()
		same(t, "devices", labels(t, site, "ann"), "phone laptop")
		devices, err := site.Sessions(t.Context(), "ann")
		ok(t, err)
		d := devices[0]
		same(t, "Created", time.Since(d.Created), 2*time.Minute+time.Second)
		same(t, "LastSeen", time.Since(d.LastSeen), 0)
		same(t, "Expires", time.Until(d.Expires), time.Hour+2*time.Minute+1)
		same(t, "ID", d.ID, phone.device())

		for _, id := range []string{"", "x", laptop.device() + "A", strings.Repeat("A", 16), strings.Repeat("!", 16), laptop.device()[:15] + "\n", phone.device()[:12]} {
			ok(t, site.Revoke(t.Context(), "ann", id))
		}
		ok(t, site.Revoke(t.Context(), "bob", laptop.device())) // of somebody else
		ok(t, site.Revoke(t.Context(), "nobody", laptop.device()))
		same(t, "devices", labels(t, site, "ann"), "phone laptop")

		ok(t, site.Revoke(t.Context(), "ann", laptop.device()))
		same(t, "devices", labels(t, site, "ann"), "phone")
		same(t, "subject of the one signed out", laptop.subject(), "")
		same(t, "subject of the other", phone.subject(), "ann")

		phone.do(func(s *Session) { ok(t, s.Destroy()) })
		same(t, "devices", labels(t, site, "ann"), "")
		time.Sleep(time.Second)
		laptop.login(t, "ann")
		time.Sleep(time.Hour + 2*time.Minute + 1)
		same(t, "devices that ended by themselves", labels(t, site, "ann"), "")
	})
}

// TestRevokeOwnDevice: whoever signs himself out is out with the next request, and what he changes in this one goes nowhere.
func TestRevokeOwnDevice(t *testing.T) {
	site := newSite(t, newLedger(), Options{Devices: true})
	b := site.enter(t, "x", "ann")
	b.do(func(s *Session) {
		ok(t, site.Revoke(t.Context(), s.Subject(), s.Info().Device))
		ok(t, s.Set("x", 1))
	})
	b.do(func(s *Session) {
		same(t, "subject", s.Subject(), "")
		same(t, "fields", len(s.Keys()), 0)
		must(t, s.Info().New, "info is %+v", s.Info())
	})
}

func TestMaxSessions(t *testing.T) {
	bubble(t, Options{MaxSessions: 2}, func(t *testing.T, l *ledger, site *site) {
		var all []*browser
		for n := range 4 {
			all = append(all, site.enter(t, fmt.Sprint(n), "ann"))
			time.Sleep(2 * time.Hour)
			all[0].subject() // in use
		}
		same(t, "devices", labels(t, site, "ann"), "0 3")
		for n, want := range []string{"ann", "", "", "ann"} {
			same(t, fmt.Sprint("subject of ", n), all[n].subject(), want)
		}
		time.Sleep(time.Second)
		all[0].login(t, "ann") // again: in place of itself
		same(t, "devices", labels(t, site, "ann"), "0 3")
		same(t, "subject of 3", all[3].subject(), "ann")
	})
}

// TestFailedLogin: a login that could not be stored leaves nobody on the list.
func TestFailedLogin(t *testing.T) {
	for _, before := range []bool{false, true} {
		l := newLedger()
		site := newSite(t, l, Options{Devices: true})
		b := site.browser()
		if before {
			b.set(t, "x", 1)
		}
		l.fail = func(op, space string) error {
			if op == "swap" && space == "s" {
				return errDown
			}
			return nil
		}
		same(t, "status", b.do(func(s *Session) { ok(t, s.SetSubject("ann")) }), http.StatusServiceUnavailable)
		l.fail = nil
		same(t, "devices", labels(t, site, "ann"), "")
		same(t, "subject", b.subject(), "")
		b.login(t, "ann")
		devices, err := site.Sessions(t.Context(), "ann")
		must(t, err == nil && len(devices) == 1, "after another login: %v, %v", devices, err)
	}
}

// TestDevicesSwitchedOn: sessions from before the list are not on it, and count until they end; those that are on it count when it is switched off.
func TestDevicesSwitchedOn(t *testing.T) {
	l := newLedger()
	off, on := newSite(t, l, Options{}), newSite(t, l, Options{Devices: true})
	early := off.enter(t, "early", "ann")
	late := on.enter(t, "late", "ann")
	early.site = on
	same(t, "subject", early.subject(), "ann")
	same(t, "device", early.device(), "")
	same(t, "devices", labels(t, on, "ann"), "late")
	late.site = off
	same(t, "subject", late.subject(), "ann")
	if _, err := off.Sessions(t.Context(), "ann"); err == nil || !strings.Contains(err.Error(), "Options.Devices") {
		t.Errorf("Sessions without a list: %v", err)
	}
	third := off.enter(t, "third", "ann") // it must not make the others lose their places
	same(t, "devices", labels(t, on, "ann"), "late")
	ok(t, on.Revoke(t.Context(), "ann", late.device()))
	same(t, "subject of the one signed out", late.subject(), "")
	ok(t, off.RevokeAll(t.Context(), "ann"))
	same(t, "subject of the early one", early.subject(), "")
	same(t, "subject of the third one", third.subject(), "")
}

func TestLabel(t *testing.T) {
	for want, o := range map[string]Options{
		"agent":                  {Devices: true},
		"from 192.0.2.1:1234":    {Devices: true, Label: func(r *http.Request) string { return "from " + r.RemoteAddr }},
		"":                       {Devices: true, Label: func(r *http.Request) string { return "" }},
		"ab":                     {Devices: true, Label: func(r *http.Request) string { return "a\xff\xfeb" }},
		strings.Repeat("ü", 128): {Devices: true, Label: func(r *http.Request) string { return strings.Repeat("ü", 200) }},
		strings.Repeat("€", 85):  {Devices: true, Label: func(r *http.Request) string { return strings.Repeat("€", 200) }},
	} {
		site := newSite(t, newLedger(), o)
		site.enter(t, "agent", "ann")
		same(t, "label", labels(t, site, "ann"), want)
	}
}

// TestRevokeAll ends sessions that are listed and not, at once and for good; a login afterwards counts.
func TestRevokeAll(t *testing.T) {
	l := newLedger()
	site := newSite(t, l, Options{})
	var all []*browser
	for range 5 {
		all = append(all, site.enter(t, "", "ann"))
	}
	bob := site.enter(t, "", "bob")
	l.took()
	ok(t, site.RevokeAll(t.Context(), "ann"))
	same(t, "store calls", strings.Join(l.took(), ", "), "delete u")
	ok(t, site.RevokeAll(t.Context(), "ann"))
	for _, b := range all {
		same(t, "subject", b.subject(), "")
		same(t, "status of a change", b.do(func(s *Session) { ok(t, s.Set("x", 1)) }), http.StatusOK)
		same(t, "subject", b.subject(), "")
	}
	same(t, "bob", bob.subject(), "bob")
	all[0].login(t, "ann")
	same(t, "subject after another login", all[0].subject(), "ann")
	same(t, "subject of the others", all[1].subject(), "")
}

// TestInfo in each state.
func TestInfo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := newSite(t, newLedger(), Options{Devices: true, Idle: time.Hour, Lifetime: 90 * time.Minute, TouchAfter: time.Minute})
		b := site.browser()
		now := time.Now
		b.do(func(s *Session) {
			same(t, "of nothing", s.Info(), Info{New: true})
			ok(t, s.Set("x", 1))
			same(t, "before the save", s.Info(), Info{New: true})
			ok(t, s.Save())
			same(t, "after the save", s.Info(), Info{Created: now(), LastSeen: now(), IdleUntil: now().Add(time.Hour), Deadline: now().Add(90 * time.Minute)})
		})
		born := now()
		time.Sleep(40 * time.Minute)
		b.do(func(s *Session) {
			want := Info{Created: born, LastSeen: born, IdleUntil: born.Add(90 * time.Minute), Deadline: born.Add(90 * time.Minute)}
			same(t, "later", s.Info(), want)
			ok(t, s.SetSubject("ann"))
			want.Subject = "ann"
			same(t, "before the save of a login", s.Info(), want)
		})
		b.do(func(s *Session) {
			want := Info{Subject: "ann", Device: b.device(), Created: now(), LastSeen: now(), IdleUntil: now().Add(time.Hour), Deadline: now().Add(90 * time.Minute)}
			same(t, "after a login", s.Info(), want)
			ok(t, s.Remember(48*time.Hour))
			ok(t, s.Save())
			want.Remembered, want.IdleUntil, want.Deadline = true, now().Add(48*time.Hour), now().Add(48*time.Hour)
			same(t, "remembered", s.Info(), want)
			ok(t, s.Destroy())
			same(t, "destroyed", s.Info(), Info{New: true})
		})
	})
}

// TestListIsBounded: what a subject's logins leave behind goes with time, and nothing is there twice.
func TestListIsBounded(t *testing.T) {
	bubble(t, Options{Devices: true, Idle: time.Hour}, func(t *testing.T, l *ledger, site *site) {
		for range 50 {
			site.enter(t, "x", "ann")
			time.Sleep(10 * time.Minute)
		}
		item, err := store.Peek(t.Context(), l, site.subjectKey("ann"))
		ok(t, err)
		entry, err := decodeSubject(item)
		ok(t, err)
		must(t, len(entry.list) <= 7, "%d devices are kept", len(entry.list))
		ids := map[device]bool{}
		for _, d := range entry.list {
			ids[d.device] = true
		}
		same(t, "ids", len(ids), len(entry.list))
		must(t, slices.IsSortedFunc(entry.list, func(a, b listed) int { return a.created.Compare(b.created) }), "they are out of order")
	})
}

// TestOthersLoginSparesTheBusy: the list may be behind the sessions on it, and a login that tidies it up must not end one of them early.
func TestOthersLoginSparesTheBusy(t *testing.T) {
	bubble(t, Options{Devices: true, Idle: time.Hour, TouchAfter: 3 * time.Minute}, func(t *testing.T, l *ledger, site *site) {
		b := site.enter(t, "busy", "ann")
		time.Sleep(2 * time.Minute)
		b.set(t, "x", 1) // it has been seen now, and the list does not say so
		time.Sleep(time.Minute)
		same(t, "subject", b.subject(), "ann")
		time.Sleep(time.Hour)
		site.enter(t, "another", "ann")
		same(t, "subject after an hour", b.subject(), "ann")
	})
}

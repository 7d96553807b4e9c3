package session

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/larder-go/larder/store"
)

// The tests of time run in bubbles, where a day takes no time.

// TestEnds holds sessions against the rule through drawn times of use: idle never early and at most the slack late, the deadline to the nanosecond.
func TestEnds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := Options{
			Idle:     time.Duration(rapid.Int64Range(1, int64(100*time.Hour)).Draw(rt, "idle")),
			Lifetime: time.Duration(rapid.Int64Range(1, int64(1000*time.Hour)).Draw(rt, "lifetime")),
		}
		o.TouchAfter = time.Duration(rapid.Int64Range(-1, int64(o.Idle-1)).Draw(rt, "touch after"))
		filled, err := o.withDefaults()
		if err != nil {
			rt.Fatal(err)
		}
		idle, slack := filled.Idle, filled.TouchAfter
		gap := rapid.Map(rapid.OneOf(rapid.Int64Range(0, int64(idle+slack+1)), rapid.SampledFrom([]int64{int64(slack), int64(slack) + 1, int64(idle),
			int64(idle + slack), int64(idle+slack) + 1})), func(n int64) time.Duration { return time.Duration(n) })
		gaps := rapid.SliceOfN(gap, 1, 8).Draw(rt, "gaps")
		var broken string
		synctest.Test(t, func(t *testing.T) { broken = useAndWait(t, o, filled, gaps) })
		if broken != "" {
			rt.Fatal(broken)
		}
	})
}

// useAndWait uses a session after each of the gaps, and returns what is wrong with when it ends.
func useAndWait(t *testing.T, o, filled Options, gaps []time.Duration) string {
	idle, slack := filled.Idle, filled.TouchAfter
	l := newLedger()
	b := newSite(t, l, o).browser()
	b.set(t, "name", "Ann")
	used, deadline := time.Now(), time.Now().Add(filled.Lifetime)
	for _, gap := range gaps {
		time.Sleep(gap)
		now := time.Now()
		lives := b.get("name") == "Ann"
		switch {
		case !now.Before(deadline) && lives:
			return fmt.Sprintf("alive %v after its deadline", now.Sub(deadline))
		case gap > idle+slack && lives:
			return fmt.Sprintf("alive %v after it was used, with an idle time-out of %v and a slack of %v", gap, idle, slack)
		case now.Before(deadline) && gap <= idle && !lives:
			return fmt.Sprintf("over %v after it was used, with an idle time-out of %v and %v of its lifetime left", now.Sub(used), idle, deadline.Sub(now))
		case !lives:
			return ""
		}
		used = now
		for _, expires := range l.entries(t) {
			soonest := used.Add(idle)
			if soonest.After(deadline) {
				soonest = deadline
			}
			if expires.Before(soonest) || expires.After(deadline) || expires.After(used.Add(idle+slack+1)) {
				return fmt.Sprintf("the entry stands for %v after the use, with an idle time-out of %v and a slack of %v", expires.Sub(used), idle, slack)
			}
		}
	}
	return ""
}

// TestSweepTakesWhatIsOver: cleanup without an idle time-out removes exactly what has ended, aliases and subjects too, and nothing is left for ever.
func TestSweepTakesWhatIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		site := newSite(t, l, Options{Idle: time.Hour, Lifetime: 10 * time.Hour, RememberFor: 100 * time.Hour, Devices: true, TouchAfter: time.Minute})
		sweep := func() int {
			report, err := store.Sweep(t.Context(), l, store.SweepOptions{})
			ok(t, err)
			return report.Removed
		}
		var idle, busy, remembered = site.browser(), site.browser(), site.browser()
		idle.set(t, "x", 1)
		busy.login(t, "ann")
		busy.do(func(s *Session) { ok(t, s.Renew()) })
		remembered.do(func(s *Session) { ok(t, s.SetSubject("bob")); ok(t, s.Remember(0)) })
		same(t, "entries", len(l.entries(t)), 6)
		for key, expires := range l.entries(t) {
			must(t, !expires.IsZero(), "%s never ends", key)
		}
		for range 9 {
			time.Sleep(time.Hour)
			same(t, "busy", busy.subject(), "ann")
			same(t, "remembered", remembered.subject(), "bob")
			sweep()
		}
		same(t, "entries that are left", len(l.entries(t)), 4) // the idle one and the alias are gone
		time.Sleep(time.Hour)
		same(t, "busy", busy.subject(), "")
		same(t, "removed", sweep(), 2)
		time.Sleep(90*time.Hour - time.Nanosecond)
		same(t, "removed", sweep(), 0)
		same(t, "remembered", remembered.subject(), "bob")
		time.Sleep(time.Nanosecond)
		same(t, "removed", sweep(), 2)
		same(t, "remembered", remembered.subject(), "")
	})
}

// TestTouchEconomy: however often a session is used, its use is written at most once in TouchAfter.
func TestTouchEconomy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		site := newSite(t, l, Options{Idle: time.Hour, Devices: true})
		b := site.browser()
		b.login(t, "ann")
		l.took()
		for range 24 * 60 * 6 {
			time.Sleep(10 * time.Second)
			same(t, "subject", b.subject(), "ann")
		}
		sessions, lists := 0, 0
		for _, call := range l.took() {
			switch call {
			case "swap s":
				sessions++
			case "swap u":
				lists++
			}
		}
		if most := 24 * 20; sessions > most || lists > most || sessions < most*9/10 || lists < most*9/10 {
			t.Errorf("a day of use wrote the session %d times and the list of devices %d times; once in TouchAfter makes %d", sessions, lists, most)
		}
		devices, err := site.Sessions(t.Context(), "ann")
		if err != nil || len(devices) != 1 || time.Since(devices[0].LastSeen) > site.o.TouchAfter {
			t.Errorf("the list says %+v, %v", devices, err)
		}
	})
}

func TestRemember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		site := newSite(t, l, Options{Idle: time.Hour, Lifetime: 10 * time.Hour, RememberFor: 100 * time.Hour, Devices: true})
		b := site.browser()
		b.login(t, "ann")
		same(t, "Max-Age", b.sent().MaxAge, 0)
		b.do(func(s *Session) { ok(t, s.Remember(0)) }) // of a session that stands already
		same(t, "Max-Age", b.sent().MaxAge, 100*3600)
		time.Sleep(50 * time.Hour)
		b.do(func(s *Session) {
			info := s.Info()
			must(t, info.Remembered && info.Deadline.Equal(time.Now().Add(50*time.Hour)), "info is %+v", info)
		})
		devices, err := site.Sessions(t.Context(), "ann")
		must(t, err == nil && len(devices) == 1 && time.Until(devices[0].Expires) == 50*time.Hour, "the list is %+v, %v", devices, err)
		b.do(func(s *Session) { ok(t, s.Renew()) })
		same(t, "Max-Age of a new id", b.sent().MaxAge, 50*3600)
		time.Sleep(50*time.Hour - time.Nanosecond)
		same(t, "subject", b.subject(), "ann")
		time.Sleep(time.Nanosecond)
		same(t, "subject", b.subject(), "")

		b.do(func(s *Session) { ok(t, s.SetSubject("ann")); ok(t, s.Remember(1000*time.Hour)) })
		same(t, "Max-Age", b.sent().MaxAge, 1000*3600)
		b.login(t, "ann") // without it
		same(t, "Max-Age", b.sent().MaxAge, 0)
		b.do(func(s *Session) { must(t, !s.Info().Remembered, "it is remembered still") })
		time.Sleep(2 * time.Hour)
		same(t, "subject", b.subject(), "")
	})
}

func TestRememberRefused(t *testing.T) {
	s := store.NewMap(&store.MapOptions{Expiry: store.Expiry{Timeout: 24 * time.Hour}})
	b := newSite(t, s, Options{}).browser()
	b.set(t, "x", 1)
	b.do(func(s *Session) {
		if err := s.Remember(0); err == nil || !strings.HasPrefix(err.Error(), "session: remember: ") || !strings.Contains(err.Error(), "x-timeout") {
			t.Errorf("a lifetime over the store's time-out: %v", err)
		}
		if err := s.Remember(-1); err == nil || !strings.HasPrefix(err.Error(), "session: remember: ") {
			t.Errorf("a negative lifetime: %v", err)
		}
		ok(t, s.Remember(24*time.Hour))
	})
	if _, err := New(s, &Options{Idle: 25 * time.Hour}); err == nil || !strings.Contains(err.Error(), "Idle is 25h") {
		t.Errorf("an idle time-out over the store's: %v", err)
	}
}

func TestPersistent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSite(t, newLedger(), Options{Cookie: Cookie{Persistent: true}, Lifetime: 90 * time.Minute}).browser()
		b.set(t, "x", 1)
		same(t, "Max-Age", b.sent().MaxAge, 90*60)
		time.Sleep(time.Hour + time.Millisecond)
		b.do(func(s *Session) { ok(t, s.Renew()) })
		same(t, "Max-Age", b.sent().MaxAge, 30*60-1)
	})
}

// TestKeptKeyOutlastsSessions: the key in the store lasts as long as the sessions do, through cleanup and the store's own time-out, and another
// process finds it.
func TestKeptKeyOutlastsSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store.NewMap(&store.MapOptions{Expiry: store.Expiry{Timeout: 24 * time.Hour}})
		start := func() *site {
			m, err := New(s, nil)
			if err != nil {
				t.Fatal(err)
			}
			return &site{Manager: m}
		}
		b := start().browser()
		b.set(t, "name", "Ann")
		for range 30 { // hours of use, and cleanups, by one process
			time.Sleep(time.Hour)
			same(t, "name", b.get("name"), "Ann")
			_, err := s.Cleanup(t.Context(), 24*time.Hour)
			ok(t, err)
		}
		for range 4 {
			time.Sleep(24*time.Hour - time.Minute)
			if _, err := s.Cleanup(t.Context(), 24*time.Hour); err != nil {
				t.Fatal(err)
			}
			b.site = start() // it was restarted, or another host answers
			same(t, "name", b.get("name"), "Ann")
			time.Sleep(time.Minute) // a use that is not written
			same(t, "name", b.get("name"), "Ann")
		}
		time.Sleep(26 * time.Hour)
		same(t, "name past the idle time-out", b.get("name"), "")
		time.Sleep(keptFor)
		n, err := s.Cleanup(context.Background(), time.Hour)
		must(t, n > 0 && err == nil, "nothing was cleaned up: %v", err)
		if found, err := s.Contains(t.Context(), "session:key"); found || err != nil {
			t.Errorf("the key stands for ever: %v", err)
		}
	})
}

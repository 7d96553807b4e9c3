package session

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// modelOptions: with times that the drawn pauses fall before, between and behind.
var modelOptions = Options{Idle: time.Hour, Lifetime: 5 * time.Hour, RememberFor: 30 * time.Hour, Grace: time.Minute, Devices: true}

const modelSlack = time.Hour / 20

// view is what a request sees of a session.
type view struct {
	fields  map[string]string
	flashes []string
	subject string
}

// modelSession is what a session should be, once it is stored.
type modelSession struct {
	view
	used, ends time.Time
	idle       time.Duration
	over       bool
	loose      bool // whether it is still there cannot be told
}

// modelBrowser is what one browser should see.
type modelBrowser struct {
	real       *browser
	session    *modelSession // nil: none
	endedUntil time.Time     // it missed the answer to its login: until then it must change nothing
}

// step is one request, or a pause, or a revocation.
type step struct {
	browser int
	calls   []call
	deaf    bool // the answer is lost
	wait    time.Duration
	revoke  string
	restart bool
}

type call struct{ op, name, value string }

func (c call) String() string { return strings.TrimRight(c.op+" "+c.name+" "+c.value, " ") }

var drawCall = rapid.Custom(func(t *rapid.T) call {
	name := rapid.SampledFrom([]string{"a", "b", "c"})
	switch op := rapid.SampledFrom([]string{"set", "set", "set", "delete", "clear", "flash", "flashes", "login", "login", "renew", "remember",
		"destroy", "save", "look"}).Draw(t, "op"); op {
	case "set":
		return call{op, name.Draw(t, "name"), rapid.SampledFrom([]string{"1", "2"}).Draw(t, "value")}
	case "delete":
		return call{op, name.Draw(t, "name"), ""}
	case "flash":
		return call{op, "", rapid.SampledFrom([]string{"hello", "goodbye"}).Draw(t, "message")}
	case "login":
		return call{op, rapid.SampledFrom([]string{"ann", "bob", ""}).Draw(t, "subject"), ""}
	default:
		return call{op, "", ""}
	}
})

var drawStep = rapid.Custom(func(t *rapid.T) step {
	s := step{browser: rapid.IntRange(0, 2).Draw(t, "browser"), calls: rapid.SliceOfN(drawCall, 0, 4).Draw(t, "calls"),
		deaf: rapid.IntRange(0, 5).Draw(t, "deaf") == 0}
	switch rapid.IntRange(0, 9).Draw(t, "what else") {
	case 0:
		s.revoke = rapid.SampledFrom([]string{"ann", "bob"}).Draw(t, "revoke")
	case 1:
		s.restart = true
	case 2, 3, 4:
		s.wait = rapid.SampledFrom([]time.Duration{time.Second, time.Minute, 20 * time.Minute, time.Hour, 2 * time.Hour, 10 * time.Hour}).Draw(t, "wait")
	}
	return s
})

// TestModel compares sessions with a model of them, through requests of three browsers, one after the other: what several calls in one request do
// together, restarts, answers that get lost, time that passes.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(drawStep, 1, 25).Draw(rt, "steps")
		var err error
		synctest.Test(t, func(t *testing.T) { err = playModel(t, steps) })
		if err != nil {
			rt.Fatal(err)
		}
	})
}

func playModel(t *testing.T, steps []step) error {
	l := newLedger()
	site := newSite(t, l, modelOptions)
	var browsers []*modelBrowser
	for range 3 {
		browsers = append(browsers, &modelBrowser{real: site.browser()})
	}
	var all []*modelSession
	for n, s := range steps {
		time.Sleep(s.wait)
		if s.restart {
			site = newSite(t, l, modelOptions)
		}
		if s.revoke != "" {
			if err := site.RevokeAll(t.Context(), s.revoke); err != nil {
				return err
			}
			for _, m := range all {
				m.over = m.over || m.subject == s.revoke
			}
		}
		b := browsers[s.browser]
		b.real.site = site
		if err := b.visit(s); err != nil {
			return fmt.Errorf("step %d, %+v: %w", n, s, err)
		}
		if b.session != nil {
			all = append(all, b.session)
		}
	}
	for key, expires := range l.entries(t) {
		if expires.IsZero() {
			return fmt.Errorf("%s never ends", key)
		}
	}
	return nil
}

// reach is the session that the browser's token must open. Between its idle time-out and the slack after it, both is right.
func (b *modelBrowser) reach(now time.Time) (m *modelSession, maybe bool) {
	m = b.session
	if m == nil || m.over || !now.Before(m.ends) || now.Sub(m.used) > m.idle+modelSlack {
		return nil, false
	}
	return m, now.Sub(m.used) > m.idle || m.loose
}

// modelRequest is one request as it should go.
type modelRequest struct {
	view
	now             time.Time
	ended, refused  bool
	first, stored   *modelSession // what there was at its beginning, and what there is now
	login, remember bool          // asked for, not saved
	moved           bool          // a login was saved: the token that it came with is dead
	saved, late     bool          // by Save, and Remember came only then
	again           bool          // a login by a token that a login has made worthless
}

// visit makes one request and compares all that it sees.
func (b *modelBrowser) visit(s step) (err error) {
	m := &modelRequest{now: time.Now(), view: view{fields: map[string]string{}}}
	var maybe bool
	m.first, maybe = b.reach(m.now)
	m.ended = m.first == nil && m.now.Before(b.endedUntil)
	jar := maps.Clone(b.real.jar)
	status := b.real.do(func(sess *Session) {
		if maybe && sess.Info().New {
			m.first = nil
		}
		if m.stored = m.first; m.first != nil {
			m.view = m.first.clone()
		}
		for _, c := range append([]call{{op: "look"}}, s.calls...) {
			if err == nil {
				err = m.call(sess, c)
			}
		}
	})
	m.save()
	switch {
	case err != nil:
		return err
	case m.ended && len(b.real.last.Cookies()) > 0:
		return errors.New("an ended session got a cookie")
	case m.ended && (status == http.StatusConflict) == m.refused:
		return nil
	case m.ended || status != http.StatusOK:
		return fmt.Errorf("the status is %d: %s", status, b.real.body)
	}
	if b.session = m.stored; m.again && !s.deaf {
		b.endedUntil = time.Time{} // it has another token now, or none
	}
	if s.deaf {
		if b.real.jar = jar; m.stored != m.first || m.moved {
			b.session = nil
		}
		if m.moved {
			b.endedUntil = m.now.Add(modelOptions.Grace)
		}
		// Where Save has renewed it, Remember comes after that, and then the answer gets lost: the alias is made for the time before.
		if b.session != nil {
			b.session.loose = b.session.loose || m.late
		}
	}
	return nil
}

func (v view) clone() view {
	return view{maps.Clone(v.fields), slices.Clone(v.flashes), v.subject}
}

// call makes one call and compares the session afterwards.
func (m *modelRequest) call(s *Session, c call) (err error) {
	switch c.op {
	case "set":
		err = s.Set(c.name, c.value)
		m.fields[c.name] = c.value
	case "delete":
		err = s.Delete(c.name)
		delete(m.fields, c.name)
	case "clear":
		err = s.Clear()
		m.fields, m.flashes = map[string]string{}, nil
	case "flash":
		err = s.Flash(c.value)
		m.flashes = append(m.flashes, c.value)
	case "flashes":
		if got := s.Flashes(); !slices.Equal(got, m.flashes) {
			return fmt.Errorf("messages are %q, want %q", got, m.flashes)
		}
		m.flashes = nil
	case "login":
		err = s.SetSubject(c.name)
		if m.ended && !m.refused && c.name != "" {
			m.ended, m.again = false, true // the login again whose answer got lost
		}
		if m.subject != "" && m.subject != c.name {
			m.fields, m.flashes = map[string]string{}, nil
		}
		m.login = m.login || m.subject != "" || c.name != ""
		m.subject = c.name
	case "renew":
		err = s.Renew()
	case "remember":
		err = s.Remember(0)
		m.remember, m.late = true, m.saved
	case "destroy":
		if err = s.Destroy(); m.stored != nil {
			m.stored.over = true
		}
		m.view, m.stored, m.login, m.remember = view{fields: map[string]string{}}, nil, false, false
	case "save":
		err = s.Save()
		m.save()
		m.saved = true
	}
	if m.ended { // nothing that it does has an effect
		m.refused = m.refused || err != nil
		m.view = view{fields: map[string]string{}}
		err = nil
	}
	if err == nil {
		err = m.compare(s)
	}
	if err != nil {
		return fmt.Errorf("%v: %w", c, err)
	}
	return nil
}

// save is what a save makes of it.
func (m *modelRequest) save() {
	if m.ended || m.stored == nil && m.subject == "" && len(m.fields)+len(m.flashes) == 0 {
		return
	}
	m.moved = m.moved || m.login && m.stored != nil && m.stored == m.first
	if m.stored == nil || m.login {
		if m.stored == nil {
			m.stored = &modelSession{}
		}
		m.stored.idle, m.stored.ends = modelOptions.Idle, m.now.Add(modelOptions.Lifetime)
	}
	if m.remember {
		m.stored.idle, m.stored.ends = modelOptions.RememberFor, m.now.Add(modelOptions.RememberFor)
	}
	m.stored.view, m.stored.used = m.clone(), m.now
	m.login, m.remember = false, false
}

func (m *modelRequest) compare(s *Session) error {
	got := map[string]string{}
	for _, name := range s.Keys() {
		got[name], _ = Get[string](s, name)
	}
	info := s.Info()
	switch {
	case !maps.Equal(got, m.fields):
		return fmt.Errorf("the fields are %v, want %v", got, m.fields)
	case s.Subject() != m.subject || info.Subject != m.subject:
		return fmt.Errorf("the subject is %q, want %q", s.Subject(), m.subject)
	case info.New != (m.stored == nil):
		return fmt.Errorf("it is new: %v, want %v", info.New, m.stored == nil)
	case m.stored != nil && !info.Deadline.Equal(m.stored.ends):
		return fmt.Errorf("its deadline is %v too late", info.Deadline.Sub(m.stored.ends))
	}
	return nil
}

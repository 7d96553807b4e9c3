package session_test

import (
	"context"
	"errors"
	"strconv"

	"github.com/larder-go/larder/session"
)

// op is what a request can be for. Each looks at the whole session first.
type op struct {
	name string
	bare bool // comes without a cookie
	run  func(w *world, s *session.Session, r *request, ctx context.Context) error
}

// member is the one who logs in.
const member = "alice"

var (
	load = op{name: "load", run: func(_ *world, s *session.Session, r *request, _ context.Context) error {
		r.saw = observe(s)
		return nil
	}}

	// save changes a field that only it has, one that all change, and a counter; and it begins a session where there is none.
	save = op{name: "save", run: saveFields}

	// create is the save of somebody who has no cookie yet.
	create = op{name: "create", bare: true, run: saveFields}

	renew = op{name: "renew", run: func(_ *world, s *session.Session, r *request, _ context.Context) error {
		r.saw = observe(s)
		return s.Renew()
	}}

	renewAndSave = op{name: "renew+save", run: func(w *world, s *session.Session, r *request, ctx context.Context) error {
		return errors.Join(saveFields(w, s, r, ctx), s.Renew())
	}}

	login = op{name: "login", run: logIn}

	// enter is the login of somebody who has no cookie yet.
	enter = op{name: "enter", bare: true, run: logIn}

	destroy = op{name: "destroy", run: func(_ *world, s *session.Session, r *request, _ context.Context) error {
		r.saw = observe(s)
		return s.Destroy()
	}}

	revoke = op{name: "revoke", bare: true, run: func(w *world, _ *session.Session, r *request, ctx context.Context) error {
		return w.managers[0].RevokeAll(ctx, member)
	}}

	// revokeDevice signs out the device that the first session of the world was logged in on.
	revokeDevice = op{name: "revoke-device", bare: true, run: func(w *world, _ *session.Session, r *request, ctx context.Context) error {
		return w.managers[0].Revoke(ctx, member, w.device())
	}}
)

func saveFields(_ *world, s *session.Session, r *request, _ context.Context) error {
	r.saw = observe(s)
	return setFields(s, r)
}

func setFields(s *session.Session, r *request) error {
	n := strconv.Itoa(r.n)
	count, _ := session.Get[int64](s, "count")
	err := errors.Join(s.Set("f"+n, n), s.Set("shared", n), s.Set("count", count+1))
	if r.saw.line() == "" {
		err = errors.Join(err, s.Set("line", "line"+n))
	}
	return err
}

func logIn(_ *world, s *session.Session, r *request, _ context.Context) error {
	r.saw = observe(s)
	if err := s.SetSubject(member); err != nil {
		return err
	}
	return errors.Join(setFields(s, r), s.Set("login", strconv.Itoa(r.n)))
}

// device is the one of the world's first session.
func (w *world) device() string { return w.requests[1].saw.device }

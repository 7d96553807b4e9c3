package session_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
)

// The rules that ask what came before what.

// lastWrite is the place of r's last successful change of a key of this kind, "s:" or "u:", or -1.
func (v *verdict) lastWrite(r *request, kind string) int {
	for _, place := range slices.Backward(v.w.calls(r)) {
		step := v.w.steps[place]
		if strings.HasPrefix(step.Key, v.w.prefix+kind) && step.Err == nil && (step.Op == "swap" || step.Op == "delete") {
			return place
		}
	}
	return -1
}

// loginOf is the login that a state comes from.
func (v *verdict) loginOf(st state) *request {
	n, err := strconv.Atoi(st.fields["login"])
	if err != nil || n >= len(v.w.requests) {
		return nil
	}
	return v.w.requests[n]
}

// revocations: RevokeAll ends every login that had written the subject's entry before, and none that wrote it afterwards.
func (v *verdict) revocations() {
	last := -1
	for _, r := range v.w.requests {
		switch {
		case r.op.name == revoke.name && r.acked():
			last = max(last, v.lastWrite(r, "u:"))
		case r.op.name == revokeDevice.name && r.acked() && v.w.device() != "":
			for t, st := range v.alive {
				if st.subject == member && st.device == v.w.device() {
					v.fail("the device was signed out, and the cookie of request %d still opens its session", t.issuer.n)
				}
			}
		}
	}
	for t, st := range v.alive {
		if st.subject != member {
			continue
		}
		by := v.loginOf(st)
		if by == nil {
			v.fail("the cookie of request %d belongs to %s, and no login says why", t.issuer.n, st.subject)
		} else if at := v.lastWrite(by, "u:"); at < last {
			v.fail("login %d (call %d) was revoked at call %d, and the cookie of request %d still opens it", by.n, at, last, t.issuer.n)
		}
	}
	for _, r := range v.w.requests {
		if r.op.name != login.name && r.op.name != enter.name || r.set == nil || v.lastWrite(r, "u:") < last {
			continue
		}
		ended := slices.ContainsFunc(v.w.requests, func(e *request) bool {
			return e.to > r.from && e != r && e.ends() && e.op.name != revoke.name
		})
		if _, ok := v.alive[r.set]; !ok && !ended {
			v.fail("login %d came after every revocation, and its cookie opens nothing", r.n)
		}
	}
}

// fieldsKept: what was acknowledged is there, once, and nothing else is.
func (v *verdict) fieldsKept() {
	for line, users := range v.lines() {
		t, alive := v.owner(line)
		if !alive || strings.HasPrefix(line, "own") {
			continue
		}
		st := v.alive[t]
		changed, lastWrite, shared := 0, -2, ""
		for _, r := range users {
			if !r.changes() {
				continue
			}
			n := strconv.Itoa(r.n)
			if r.op.name == login.name && r.acked() && st.fields["f"+n] == "" && v.apart(r) {
				continue // it became a session of its own
			}
			switch has := st.fields["f"+n] == n; {
			case r.acked() && !has:
				v.fail("request %d (%s) was acknowledged, and session %s has lost what it set: %v", r.n, r.op.name, line, st)
			case !r.acked() && has:
				v.fail("request %d (%s) was refused, and session %s has what it set: %v", r.n, r.op.name, line, st)
			}
			if r.acked() {
				changed++
				if at := v.lastWrite(r, "s:"); at > lastWrite {
					lastWrite, shared = at, n
				}
			}
		}
		if count := st.fields["count"]; count != strconv.Itoa(changed) {
			v.fail("session %s was changed %d times, and counts %s", line, changed, count)
		}
		if st.fields["shared"] != shared && lastWrite >= 0 {
			v.fail("session %s has the shared field of request %s, but request %s wrote last", line, st.fields["shared"], shared)
		}
	}
}

// changes tells whether r set fields.
func (r *request) changes() bool {
	return slices.Contains([]string{save.name, create.name, login.name, enter.name, renewAndSave.name}, r.op.name)
}

// apart tells whether login r made a session of its own, or one that has ended since.
func (v *verdict) apart(r *request) bool {
	st, ok := v.alive[r.set]
	return !ok || st.line() != r.saw.line()
}

// loginsApart: what a login made is served to the cookie that it gave out, and to those that this one was exchanged for. Nobody who knew an
// id from before gets in.
func (v *verdict) loginsApart() {
	for t, st := range v.alive {
		by := v.loginOf(st)
		if by == nil {
			continue
		}
		from := t
		for from != nil && from.issuer != by {
			from = from.issuer.presented
		}
		if from == nil {
			v.fail("the cookie of request %d opens what login %d made, and was not exchanged for one of that", t.issuer.n, by.n)
		}
	}
}

// realTime: who begins after somebody else was answered sees what that one did.
func (v *verdict) realTime() {
	for _, before := range v.w.requests {
		last := -1
		if calls := v.w.calls(before); len(calls) > 0 {
			last = calls[len(calls)-1]
		} else if before.client >= 0 {
			continue
		}
		line := before.saw.line()
		if line == "" || !before.acked() {
			continue
		}
		for _, r := range v.w.requests {
			calls := v.w.calls(r)
			if len(calls) == 0 || calls[0] <= last || r.saw.line() != line {
				continue
			}
			n := strconv.Itoa(before.n)
			if before.op.name == destroy.name {
				v.fail("request %d (%s) began after session %s was destroyed, and was served it", r.n, r.op.name, line)
			} else if before.changes() && before.op.name != login.name && r.saw.fields["f"+n] != n {
				v.fail("request %d (%s) began after request %d was acknowledged, and did not see what it set", r.n, r.op.name, before.n)
			}
		}
	}
}

// afterGrace: once all have used the cookies that they were given and the grace is over, one cookie of each session is left. It takes time: for bubbles.
func (v *verdict) afterGrace(ctx context.Context, wait func()) {
	fresh, _, err := v.w.snapshot(ctx)
	if err != nil {
		v.fail("a copy of the store: %v", err)
		return
	}
	m, lines := fresh(), map[string]*token{}
	for _, t := range v.w.tokens {
		if st, ok := v.alive[t]; ok {
			lines[st.line()] = t
			v.w.probe(ctx, m, t)
		}
	}
	wait()
	for line, want := range lines {
		left := 0
		for _, t := range v.w.tokens {
			st, err := v.w.probe(ctx, m, t)
			if err == nil && len(st.fields) > 0 && st.line() == line {
				left++
			}
		}
		if left != 1 {
			v.fail("session %s has %d cookies after the grace, request %d gave out the last one", line, left, want.issuer.n)
		}
	}
}

package session_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// verdict is what is found out about a world once all clients have ended.
type verdict struct {
	w      *world
	items  map[string]*store.Item
	alive  map[*token]state // what a fresh manager serves for each token that it honours
	broken []string
}

func (v *verdict) fail(format string, args ...any) {
	v.broken = append(v.broken, fmt.Sprintf(format, args...))
}

// judge holds a world against the rules, and returns the broken ones. The store is only looked at.
func (w *world) judge(ctx context.Context) *verdict {
	v := &verdict{w: w, alive: map[*token]state{}}
	fresh, items, err := w.snapshot(ctx)
	if v.items = items; err != nil {
		v.fail("a copy of the store: %v", err)
		return v
	}
	for _, t := range w.tokens {
		switch st, err := w.probe(ctx, fresh(), t); {
		case err != nil:
			v.fail("the cookie of request %d cannot be read: %v", t.issuer.n, err)
		case len(st.fields) > 0:
			v.alive[t] = st
		case st.subject != "":
			v.fail("the cookie of request %d has a subject and no fields", t.issuer.n)
		}
	}
	v.records()
	v.answers()
	v.list(ctx, fresh())
	v.oneRecord()
	v.endings()
	v.revocations()
	v.fieldsKept()
	v.loginsApart()
	v.realTime()
	return v
}

// records: each expires, and the id of each session was given to somebody; but what was revoked before that, and changed by others since, is left to expire.
func (v *verdict) records() {
	ours := map[string]bool{}
	for _, t := range v.w.tokens {
		ours[t.key(v.w.prefix)] = true
	}
	revoked := slices.ContainsFunc(v.w.requests, func(r *request) bool { return r.op.name == revoke.name || r.op.name == revokeDevice.name })
	for key, item := range v.items {
		if item.Expires.IsZero() {
			v.fail("a record without an expiry under %.10s…", key)
		}
		if alias := len(item.Value) > 3 && item.Value[3] == 'A'; strings.HasPrefix(key, v.w.prefix+"s:") && !ours[key] && !alias && !revoked {
			v.fail("a session under %.10s… whose id nobody was given", key)
		}
	}
}

// list: the subject's list names the sessions that are alive, and no other.
func (v *verdict) list(ctx context.Context, m store.Store) {
	if !v.w.devices {
		return
	}
	manager, err := session.New(m, raceOptions(v.w.prefix, true))
	if err != nil {
		v.fail("a manager: %v", err)
		return
	}
	devices, err := manager.Sessions(ctx, member)
	if err != nil {
		v.fail("the list cannot be read: %v", err)
	}
	listed := map[string]bool{}
	for _, d := range devices {
		listed[d.ID] = true
	}
	for t, st := range v.alive {
		if st.subject == member && !listed[st.device] {
			v.fail("the session of request %d is not on its subject's list", t.issuer.n)
		}
	}
	for _, d := range devices {
		alive := false
		for _, st := range v.alive {
			alive = alive || st.device == d.ID
		}
		if !alive {
			v.fail("the subject's list names a session that no cookie opens")
		}
	}
}

// ends tells whether r can end sessions that others use.
func (r *request) ends() bool {
	return slices.Contains([]string{destroy.name, revoke.name, revokeDevice.name, login.name}, r.op.name)
}

// answers: 200, or 409 where a session ended; a loser gets no cookie, and nobody one of a session that had ended before he was answered.
func (v *verdict) answers() {
	for _, r := range v.w.requests {
		calls := v.w.calls(r)
		switch {
		case r.status == http.StatusConflict && (r.set != nil || r.cleared):
			v.fail("request %d (%s) lost, and changed the client's cookie", r.n, r.op.name)
		case r.status == http.StatusConflict:
			if !slices.ContainsFunc(v.w.requests, func(e *request) bool { return e != r && e.ends() && e.from < r.to }) {
				v.fail("request %d (%s) was told that the session had ended, and nobody ended one", r.n, r.op.name)
			}
		case !r.acked():
			v.fail("request %d (%s): status %d", r.n, r.op.name, r.status)
		}
		if r.cleared && r.op.name != destroy.name {
			v.fail("request %d (%s) took the client's cookie away", r.n, r.op.name)
		}
		if r.set == nil || len(calls) == 0 {
			continue
		}
		if _, ok := v.alive[r.set]; ok {
			continue
		}
		// A destroy or a login finds what r's last write has made, so it must have come later. A revocation must have come after r looked for one, as
		// its last call.
		if !slices.ContainsFunc(v.w.requests, func(e *request) bool {
			ended, last := v.w.calls(e), calls[len(calls)-1]
			if e.op.name == destroy.name || e.op.name == login.name {
				last = v.lastWrite(r, "s:")
			}
			return e != r && e.ends() && len(ended) > 0 && ended[len(ended)-1] > last
		}) {
			v.fail("request %d (%s) gave out the cookie of a session that had ended already", r.n, r.op.name)
		}
	}
}

// oneRecord: all ids of a session lead to the same record.
func (v *verdict) oneRecord() {
	first := map[string]*token{}
	for _, t := range v.w.tokens {
		st, ok := v.alive[t]
		if !ok {
			continue
		}
		other, ok := first[st.line()]
		if !ok {
			first[st.line()] = t
			continue
		}
		if is := v.alive[other]; !maps.Equal(is.fields, st.fields) || is.subject != st.subject || is.device != st.device {
			v.fail("two records of session %s: the cookie of request %d opens %v, that of request %d %v", st.line(), other.issuer.n, is, t.issuer.n, st)
		}
	}
}

// lines are all sessions that ever were, each with the requests that used it or began it.
func (v *verdict) lines() map[string][]*request {
	lines := map[string][]*request{}
	for _, r := range v.w.requests {
		line := r.saw.line()
		if began := "line" + strconv.Itoa(r.n); line == "" && r.acked() && r.set != nil {
			line = began
		}
		if line != "" {
			lines[line] = append(lines[line], r)
		}
	}
	return lines
}

// owner finds the token that serves a session, the last one where there are several, and whether there is one.
func (v *verdict) owner(line string) (*token, bool) {
	for _, t := range slices.Backward(v.w.tokens) {
		if st, ok := v.alive[t]; ok && st.line() == line {
			return t, true
		}
	}
	return nil, false
}

// endings: what was destroyed is dead for every cookie, and what was neither destroyed nor revoked is alive for one.
func (v *verdict) endings() {
	for line, users := range v.lines() {
		t, alive := v.owner(line)
		destroyed, revoked, member := false, false, false
		for _, r := range users {
			if r.op.name == login.name && strings.HasPrefix(line, "own") {
				revoked = true // it goes on by another name, that of the last login
			}
			destroyed = destroyed || r.op.name == destroy.name && r.acked()
			member = member || r.saw.subject != "" || r.op.name == login.name || r.op.name == enter.name
		}
		revoked = revoked || member && slices.ContainsFunc(v.w.requests, func(r *request) bool { return r.op.name == revoke.name || r.op.name == revokeDevice.name })
		switch {
		case alive && destroyed:
			v.fail("session %s was destroyed, and the cookie of request %d still opens it", line, t.issuer.n)
		case !alive && !destroyed && !revoked:
			v.fail("session %s has not ended, and no cookie opens it", line)
		}
	}
}

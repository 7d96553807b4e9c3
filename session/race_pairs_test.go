package session_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/internal/interleave"
	"github.com/larder-go/larder/store"
)

// start is how a world is before clients race in it: which cookies the clients have.
type start struct {
	name    string
	devices bool
	ready   func(t testing.TB, w *world) []*token // the clients' cookies; the last one is also that of all further clients
}

func begin(first op, then ...op) func(testing.TB, *world) []*token {
	return func(t testing.TB, w *world) []*token {
		cookies := []*token{w.setUp(t, first, nil)}
		w.setUp(t, load, cookies[0]) // tells its device
		for _, o := range then {
			cookies = append(cookies, w.setUp(t, o, cookies[len(cookies)-1]))
		}
		return cookies
	}
}

// starts: where both have the same cookie, two operations are the same pair in either order; where the first client has the old cookie of a
// session that was renewed, and the second one the new cookie that nobody has used yet, they are not.
var starts = []start{
	{"anonymous", false, begin(create)},
	{"member", false, begin(enter)},
	{"device", true, begin(enter)},
	{"renewed", false, begin(create, renew)},
	{"renewed-device", true, begin(enter, renew)},
}

var racing = []op{load, save, renew, login, destroy, revoke, revokeDevice, create, enter}

// play makes a world over a Map, perhaps one that a test has broken, lets the clients do one operation each in the order that choose picks, and judges.
func play(t testing.TB, s start, breakIt func(store.Store) store.Store, choose interleave.Chooser, each ...op) *verdict {
	t.Helper()
	var under store.Store = store.NewMap(nil)
	if breakIt != nil {
		under = breakIt(under)
	}
	w, err := newWorld(under, "t:", len(each), s.devices)
	if err != nil {
		t.Fatal(err)
	}
	cookies := s.ready(t, w)
	var clients []func(context.Context)
	for n, o := range each {
		cookie := cookies[min(n, len(cookies)-1)]
		clients = append(clients, func(ctx context.Context) { w.send(ctx, n, o, cookie) })
	}
	w.steps, err = interleave.Play(t.Context(), choose, clients...)
	v := w.judge(t.Context())
	if err != nil {
		v.fail("%v", err)
	}
	v.afterGrace(t.Context(), func() { time.Sleep(raceGrace + time.Second) })
	return v
}

// enumerate plays every schedule of the operations, or those that reduction leaves, and returns how many there are, how many break a rule, and the first
// that does.
func enumerate(t testing.TB, s start, reduce bool, breakIt func(store.Store) store.Store, each ...op) (all, bad int, first string) {
	for tree := (&interleave.Tree{Reduce: reduce}); tree.Next(); {
		v := play(t, s, breakIt, tree.Choose, each...)
		if tree.Redundant() {
			continue
		}
		all++
		if len(v.broken) > 0 {
			if bad++; bad == 1 {
				first = fmt.Sprintf("schedule %v: %s\n%v", tree, strings.Join(v.broken, "\n\t"), v.w)
			}
		}
	}
	return all, bad, first
}

// String tells what happened, call by call. Keys are shown by their kind and their first characters.
func (w *world) String() string {
	var b strings.Builder
	for _, r := range w.requests {
		fmt.Fprintf(&b, "request %d: client %d, %s, saw %v: status %d", r.n, r.client, r.op.name, r.saw, r.status)
		if r.presented != nil {
			fmt.Fprintf(&b, ", came with %.6s", strings.TrimPrefix(r.presented.key(w.prefix), w.prefix+"s:"))
		}
		if r.set != nil {
			fmt.Fprintf(&b, ", got %.6s", strings.TrimPrefix(r.set.key(w.prefix), w.prefix+"s:"))
		}
		b.WriteString("\n")
	}
	for i, step := range w.steps {
		op := step.Op
		if op == "swap" && step.Old == "" {
			op = "create"
		} else if op == "swap" && step.New == nil {
			op = "remove"
		}
		fmt.Fprintf(&b, "%4d client %d %-7s %.8s %v\n", i, step.Client, op, strings.TrimPrefix(step.Key, w.prefix), step.Err)
	}
	return b.String()
}

// TestInterleavings goes through every interleaving of the store calls of each pair of operations. Of those that differ only in the order of
// calls that cannot notice each other it tries one, but for the first start where nobody logs in; with LARDER_SOAK=1 all, but for two logins at once, of
// which there would be millions.
func TestInterleavings(t *testing.T) {
	total := 0
	for _, s := range starts {
		t.Run(s.name, func(t *testing.T) {
			begun, schedules, soak := time.Now(), 0, os.Getenv("LARDER_SOAK") != ""
			for i, a := range racing {
				for j, b := range racing {
					if j < i && !strings.HasPrefix(s.name, "renewed") || !s.devices && (a.name == revokeDevice.name || b.name == revokeDevice.name) {
						continue
					}
					t.Run(a.name+"/"+b.name, func(t *testing.T) {
						logins := strings.Count(a.name+b.name, login.name)
						reduce := logins == 2 || !soak && (logins == 1 || s.name != "anonymous")
						synctest.Test(t, func(t *testing.T) {
							all, bad, first := enumerate(t, s, reduce, nil, a, b)
							if schedules += all; bad > 0 {
								t.Errorf("%d of %d schedules break a rule. The first:\n%s", bad, all, first)
							}
						})
					})
				}
			}
			t.Logf("%d schedules in %v", schedules, time.Since(begun).Round(time.Millisecond))
			total += schedules
		})
	}
	t.Logf("%d schedules in all", total)
}

// TestTriples: three clients, one operation each.
func TestTriples(t *testing.T) {
	three, from, total, begun := []op{save, renew, destroy}, starts[:1], 0, time.Now()
	if os.Getenv("LARDER_SOAK") != "" {
		three, from = append(three, login, revoke), starts
	}
	for _, s := range from {
		for i, a := range three {
			for j, b := range three[i:] {
				for _, c := range three[i+j:] {
					if n := strings.Count(a.name+b.name+c.name, login.name); n > 1 || n == 1 && s.devices {
						continue // hundreds of thousands
					}
					t.Run(fmt.Sprintf("%s/%s+%s+%s", s.name, a.name, b.name, c.name), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							all, bad, first := enumerate(t, s, true, nil, a, b, c)
							if total += all; bad > 0 {
								t.Errorf("%d of %d schedules break a rule. The first:\n%s", bad, all, first)
							}
						})
					})
				}
			}
		}
	}
	t.Logf("%d schedules in %v", total, time.Since(begun).Round(time.Millisecond))
}

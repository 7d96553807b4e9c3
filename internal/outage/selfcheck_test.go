package outage

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// TestSelfCheck takes the server of a fake store away. The judge must find nothing in the sound one, and name each fault of the others.
func TestSelfCheck(t *testing.T) {
	few := make(chan struct{}, 16) // t.Parallel would run one per processor, and all of them wait
	var all sync.WaitGroup
	defer all.Wait()
	for name, want := range map[string]string{
		"":                                 "",
		"an error without an outage":       "it failed before the fault",
		"an outage told as an absence":     "said to be absent",
		"late":                             "to be given up",
		"a cancel told as an outage":       "cancels without context.Canceled",
		"a deadline not told as an outage": "an outage without ErrUnavailable",
		"an outage told as a deadline":     "though the context has no deadline",
		"no time-out of its own":           "to be given up",
		"the key in an error":              "shows the key",
		"the value of another key":         "a wrong value",
		"a wrong version":                  "a wrong version",
		"an acknowledged write lost":       "a lost write",
		"a write sent twice":               "a lost write",
		"a success without a server":       "it succeeded: the fault is none",
		"slow to recover":                  "its first success",
		"a stale connection":               "a read failed after the server's return",
	} {
		few <- struct{}{}
		all.Go(func() {
			defer func() { <-few }()
			t.Run(name, func(t *testing.T) { selfcheck(t, name, want) })
		})
	}
}

func selfcheck(t *testing.T, flaw, want string) {
	for attempt := 1; ; attempt++ {
		found := strings.Join(try(t, flaw), "\n")
		switch {
		case want == "" && found != "":
			t.Errorf("the sound one:\n%s", found)
		case strings.Contains(found, want):
		case attempt < 3: // a busy machine excuses much
			continue
		default:
			t.Errorf("not found: %q, but\n%s", want, found)
		}
		return
	}
}

func try(t *testing.T, flaw string) []string {
	s, clock := newFake(flaw), startControl()
	defer clock.stop()
	l := newLoad(s, "fake", fakeOwn, clock, 1)
	if err := l.seed(t.Context()); err != nil {
		t.Fatal(err)
	}
	f := fault{name: "away", total: flaw != "a write sent twice"}
	m := l.run(f, 700*time.Millisecond, 1400*time.Millisecond, s.leave, nil, s.restore)
	v := l.judge(f, m)
	t.Log(v)
	return v.wrong
}

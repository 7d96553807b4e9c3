package outage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/larder-go/larder/store"
)

const (
	grace    = 50 * time.Millisecond // how late an operation may return after it was to be given up
	hopeless = 4 * grace
	recovery = time.Second // how long after the server's return everything works, usually
	starved  = 200 * time.Millisecond
	meeting  = 10 * time.Millisecond // an outage and a cancel so close to each other may be told as either
)

// verdict is what the records of one load say.
type verdict struct {
	wrong []string // each breaks a promise

	ops, inFault, failed int
	latest               time.Duration // of all: after it was to be given up, less what the machine owes
	lateP99              time.Duration
	recovered            time.Duration // from the server's return to the last goroutine's first success
	failedWrites         int           // begun after the server's return
	failedAfter          time.Duration // what begun in the fault with a deadline, and failed: the median time that it took
	lastFailed           time.Duration // after the server's return, the last read that failed was begun
}

func (v verdict) String() string {
	return fmt.Sprintf("%d ops, %d begun in the fault, %d failed, with a deadline after %v; late p99 %v, most %v; all at work after %v; %d writes failed after the return, the last read %v after it",
		v.ops, v.inFault, v.failed, round(v.failedAfter), round(v.lateP99), round(v.latest), round(v.recovered), v.failedWrites, round(v.lastFailed))
}

func round(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }

// judge reads the records of l.
func (l *load) judge(f fault, m marks) (v verdict) {
	wrong := func(r record, format string, args ...any) {
		if n := len(v.wrong); n < 12 { // more say nothing new
			v.wrong = append(v.wrong, fmt.Sprintf("%v, begun %s, %v after its begin: ", r.kind, m.when(r.begin), round(r.end-r.begin))+fmt.Sprintf(format, args...))
		}
	}
	var lates, fails []time.Duration
	cancels, unnamed, tooLate, slow := 0, 0, 0, time.Duration(0)
	for _, w := range l.workers {
		first, free, tried := time.Duration(-1), m.returned, false // free: from when on the goroutine could find out that all is well
		for _, r := range w.records {
			v.ops++
			failed := r.err != nil && !errors.Is(r.err, store.ErrConflict)
			if r.wrong != "" {
				wrong(r, "%s", r.wrong)
			}
			if failed {
				v.failed++
				if what := l.misnamed(r); what != "" {
					wrong(r, "%s: %v", what, r.err)
				}
				if excuse := l.excuse(r, f, m); excuse != "" {
					wrong(r, "%s: %v", excuse, r.err)
				}
				if r.why == byDeadline && m.begun < r.begin && r.begin < m.ending {
					fails = append(fails, r.end-r.begin)
				}
				if r.begin > m.returned && r.kind.reads() && !errors.Is(r.err, context.Canceled) {
					v.lastFailed = max(v.lastFailed, r.begin-m.returned)
				}
				if r.begin > m.returned && !r.kind.reads() && !errors.Is(r.err, context.Canceled) {
					v.failedWrites++
				}
			}
			if m.begun < r.begin && r.begin < m.ending {
				v.inFault++
				if f.total && !failed && !r.spared && r.begin > m.begun+starved && r.end < m.ending { // a server takes a moment to stop
					wrong(r, "it succeeded: the fault is none, and this test shows nothing")
				}
			}
			if r.limit > 0 && r.end > r.limit {
				// Twice, since an operation that is given up wakes two goroutines one after the other.
				late := max(0, r.end-r.limit-2*l.clock.excuse(r.limit-meeting, r.end))
				lates = append(lates, late)
				if late > grace {
					tooLate++
				}
				if late > hopeless {
					wrong(r, "it returned %v after it was to be given up (%s), of which the machine owes %v: %v",
						round(r.end-r.limit), r.why, round(r.end-r.limit-late), r.err)
				}
			}
			if failed && r.why == byCaller && r.limit > 0 {
				if cancels++; !errors.Is(r.err, context.Canceled) {
					unnamed++
				}
			}
			if r.begin < m.returned {
				free = max(free, r.end)
			} else {
				tried = true
			}
			if !failed && r.end > m.returned && first < 0 {
				first = max(0, r.end-free)
				slow = max(slow, first-l.clock.excuse(free, r.end))
			}
		}
		if v.recovered = max(v.recovered, first); first < 0 && tried {
			v.wrong = append(v.wrong, "a goroutine had no success any more after the server's return")
		}
	}
	if slow > l.settles+grace {
		v.wrong = append(v.wrong, fmt.Sprintf("a goroutine had its first success %v after it could learn of the server's return, less what the machine owes", slow))
	}
	// One that fails for an outage in the very moment of a cancel is no fault; many are.
	if unnamed > 3+cancels/10 {
		v.wrong = append(v.wrong, fmt.Sprintf("%d of %d cancels without context.Canceled", unnamed, cancels))
	}
	// One of a hundred may be the machine's fault although the control did not notice.
	if tooLate > 1+len(lates)/100 {
		v.wrong = append(v.wrong, fmt.Sprintf("%d of %d operations returned more than %v after they were to be given up", tooLate, len(lates), grace))
	}
	if slices.Sort(fails); len(fails) > 0 {
		v.failedAfter = fails[len(fails)/2]
	}
	if slices.Sort(lates); len(lates) > 0 {
		v.lateP99, v.latest = lates[len(lates)*99/100], lates[len(lates)-1]
	}
	return v
}

func (w why) String() string {
	return [...]string{"by its deadline", "by its caller", "by the store's own time-out"}[w]
}

func (m marks) when(t time.Duration) string {
	switch {
	case t < m.eve:
		return "before the fault"
	case t < m.begun:
		return "as the fault began"
	case t < m.ending:
		return fmt.Sprintf("%v into the fault", round(t-m.begun))
	case t < m.returned:
		return "as the server came back"
	}
	return fmt.Sprintf("%v after the server's return", round(t-m.returned))
}

// misnamed says where an error is not what the contract calls it.
func (l *load) misnamed(r record) string {
	unavailable, canceled := errors.Is(r.err, store.ErrUnavailable), errors.Is(r.err, context.Canceled)
	deadline := errors.Is(r.err, context.DeadlineExceeded)
	var named []string
	say := func(wrong bool, what string) {
		if wrong {
			named = append(named, what)
		}
	}
	gone := r.why == byCaller && r.limit > 0
	say(!unavailable && !canceled, "an outage without ErrUnavailable")
	say(unavailable && canceled, "both ErrUnavailable and context.Canceled")
	say(canceled && !gone, "context.Canceled though nobody cancelled")
	say(gone && !canceled && r.end-r.limit > meeting+2*l.clock.excuse(r.limit-meeting, r.end), "a cancel long ago without context.Canceled")
	say(deadline && !unavailable, "context.DeadlineExceeded without ErrUnavailable")
	say(deadline && r.why != byDeadline, "context.DeadlineExceeded though the context has no deadline")
	say(deadline && r.why == byDeadline && r.end < r.limit, "context.DeadlineExceeded before the deadline")
	say(!deadline && r.why == byDeadline && r.end-r.limit > grace+2*l.clock.excuse(r.limit-meeting, r.end),
		"the deadline has passed, and the error does not say so")
	say(r.err == store.ErrUnavailable || r.err == context.Canceled || r.err == context.DeadlineExceeded, "a bare error")
	return strings.Join(named, ", ")
}

// excuse says "" where there is a reason for r to have failed, or else that there is none.
func (l *load) excuse(r record, f fault, m marks) string {
	switch {
	case errors.Is(r.err, context.Canceled):
		return ""
	case r.end-r.begin >= starved && l.clock.excuse(r.begin, r.end) >= starved/4:
		return "" // not the store's fault: the server, too, had no processor to answer with
	case r.spared:
		return "it failed, and its server was there"
	case r.end < m.eve || f.idle && r.end < m.begun:
		return "it failed before the fault"
	case r.begin < m.returned: // it was under way while the server was not there
		return ""
	case l.lost != nil && r.begin < l.settled(m, r): // that another server has its share now, the client must find out
		return ""
	case l.memory && f.refuses && r.begin < l.settled(m, r) && strings.Contains(r.err.Error(), "dial "):
		return "" // the client remembers that nobody answered
	case r.kind.reads():
		return "a read failed after the server's return"
	case r.begin > l.settled(m, r):
		return "a write failed long after the server's return"
	}
	return "" // a write may have gone to a connection that looked sound, and is not sent a second time
}

// settled is when everything was to work again for r.
func (l *load) settled(m marks, r record) time.Duration {
	return m.returned + l.settles + l.clock.excuse(m.returned, r.begin)
}

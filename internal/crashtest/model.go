package crashtest

import (
	"fmt"
	"slices"
	"time"
)

// state is what a key may hold: the value with this sequence number and deadline; seq 0: nothing.
type state struct {
	seq     uint64
	expires int64
}

func (s state) dead(now time.Time) bool {
	return s.seq == 0 || s.expires != 0 && now.UnixNano() >= s.expires
}

func (s state) String() string {
	switch {
	case s.seq == 0:
		return "nothing"
	case s.expires != 0:
		return fmt.Sprintf("#%d until %s", s.seq, time.Unix(0, s.expires).Format("15:04:05.000000"))
	}
	return fmt.Sprintf("#%d", s.seq)
}

// view is what a key may hold, seen from one side: a writer that was killed leaves what was there before, and what it had
// begun.
type view struct {
	states []state
	counts [maxWorkers]struct{ min, max uint64 } // of a counter
}

// entry is one key's account. There are two views because a kill and a cut leave different things: what a killed
// writer had begun may be visible afterwards and nevertheless gone after the next cut, for nobody has acknowledged it.
type entry struct {
	key      string
	counter  bool
	visible  view // to a process that opens the store now
	durable  view // after a cut
	history  []string
	stirred  bool // something happened since the last look
	removed  bool // the last acknowledgement was that of a removal
	ackedSeq uint64
}

// model is the account of all keys, kept from the writers' pipes.
type model struct {
	entries []*entry
	begun   map[int]line // by worker: what it has begun and not acknowledged
	cutOff  map[int]line // likewise, of those killed last
	report  *Report
	killed  int // workers killed since the last look
	cycle   int
	start   time.Time
}

func newModel(workers int, report *Report) *model {
	m := &model{begun: make(map[int]line), report: report, start: time.Now()}
	for i, key := range allKeys(workers) {
		none := view{states: []state{{}}}
		m.entries = append(m.entries, &entry{key: key, counter: i < counters, visible: none, durable: none})
	}
	return m
}

// note adds to a key's history; only the latest part of it is kept.
func (m *model) note(e *entry, at time.Time, format string, args ...any) {
	const most = 80
	if len(e.history) >= most {
		e.history = slices.Delete(e.history, 0, most/2)
	}
	when := fmt.Sprintf("cycle %d, +%.4fs: ", m.cycle, at.Sub(m.start).Seconds())
	e.history = append(e.history, when+fmt.Sprintf(format, args...))
}

// noteAll marks a crash in the history of every key to which something has happened since the one before.
func (m *model) noteAll(what string) {
	for _, e := range m.entries {
		if e.stirred {
			m.note(e, time.Now(), "%s", what)
		}
	}
}

// apply accounts for what one writer said, in its order.
func (m *model) apply(lines []line) {
	for _, l := range lines {
		var e *entry
		if l.key >= 0 && l.key < len(m.entries) {
			e = m.entries[l.key]
			m.hear(e, l)
		}
		switch {
		case l.what == lineFail:
			m.find(Broken, e, "worker %d: %s: %s", l.worker, l.op, l.text)
		case e == nil || !writes(l.op):
		case l.what == lineBegin:
			m.begun[l.worker] = l
			e.begin(l)
		case l.what == lineAck:
			delete(m.begun, l.worker)
			m.report.Acked++
			e.ack(l)
		}
	}
}

func (m *model) hear(e *entry, l line) {
	text := fmt.Sprintf("worker %d: %s %s", l.worker, l.what, l.op)
	if l.seq != 0 {
		text += " " + state{l.seq, l.expires}.String()
	}
	m.note(e, l.at, "%s", text+l.text)
	e.stirred = true
}

// ended tells that no writer runs any more: what is begun stays begun.
func (m *model) ended() {
	m.report.Pending += len(m.begun)
	m.cutOff, m.begun = m.begun, make(map[int]line)
}

// retries are the operations that the kill before has cut off, removals first: a removal that seems done already is the one that
// a store is most likely to acknowledge without doing anything.
func (m *model) retries() (list []retry) {
	for worker, l := range m.cutOff {
		list = append(list, retry{worker, l.key, l.op})
	}
	slices.SortFunc(list, func(a, b retry) int {
		switch {
		case (a.Op == opDel) == (b.Op == opDel):
			return a.Worker - b.Worker
		case a.Op == opDel:
			return -1
		}
		return 1
	})
	return list
}

func writes(op string) bool {
	switch op {
	case opSet, opSwap, opBrief, opDead, opDel, opIncr:
		return true
	}
	return false
}

func (l line) result() state {
	if l.op == opDel || l.op == opDead {
		return state{}
	}
	return state{l.seq, l.expires}
}

func (e *entry) begin(l line) {
	for _, v := range []*view{&e.visible, &e.durable} {
		if l.op == opIncr {
			v.counts[l.worker].max++
		} else if s := l.result(); !slices.Contains(v.states, s) {
			v.states = append(slices.Clip(v.states), s)
		}
	}
}

func (e *entry) ack(l line) {
	if l.op == opIncr {
		// The increment stands on what was visible, all of which it has made durable.
		e.visible.counts[l.worker].min++
		e.durable.counts[l.worker].min = e.visible.counts[l.worker].min
		return
	}
	only := []state{l.result()}
	e.visible.states, e.durable.states = only, only
	e.removed = l.result().seq == 0
	e.ackedSeq = l.seq
}

// find records a finding about e, which may be nil.
func (m *model) find(kind string, e *entry, format string, args ...any) {
	f := Finding{Kind: kind, Cycle: m.cycle, Key: "-", Detail: fmt.Sprintf(format, args...)}
	if e != nil {
		f.Key, f.History = e.key[:min(len(e.key), 12)], slices.Clone(e.history)
	}
	m.report.Findings = append(m.report.Findings, f)
}

// seen is what a check found under a key.
type seen struct {
	value         value
	present       bool
	expires       int64
	before, after time.Time // the clock around the look
}

// judge holds what was found against the account, and makes it the account: after a cut, or when nothing but kills comes,
// what is there now is all there is.
func (m *model) judge(e *entry, s seen, cut bool) {
	if e.stirred {
		m.note(e, s.after, "found %s", s)
	}
	v := &e.visible
	if cut {
		v = &e.durable
	}
	if e.counter {
		m.judgeCounter(e, v, s)
	} else {
		m.judgeState(e, v, s)
	}
	if cut {
		e.visible, e.stirred = e.durable, false
	}
}

func (s seen) String() string {
	if !s.present {
		return "nothing"
	}
	return state{s.value.seq, s.expires}.String()
}

func (m *model) judgeState(e *entry, v *view, s seen) {
	found := state{}
	if s.present {
		found = state{s.value.seq, s.expires}
	}
	for _, want := range v.states {
		if want == found && !want.dead(s.before) || !s.present && want.dead(s.after) {
			v.states = []state{found}
			return
		}
	}
	kind := Lost
	switch {
	case found.seq > e.ackedSeq || slices.ContainsFunc(v.states, func(w state) bool { return w.seq == found.seq && !w.dead(s.before) }):
		kind = Ghost // never begun, or with a deadline that nobody gave it
	case s.present && (e.removed || slices.ContainsFunc(v.states, func(w state) bool { return w.dead(s.before) })):
		kind = Returned
	}
	m.find(kind, e, "%s, where %v may be", found, v.states)
	v.states = []state{found}
}

func (m *model) judgeCounter(e *entry, v *view, s seen) {
	for w, n := range s.value.counts {
		c := &v.counts[w]
		switch {
		case n < c.min:
			m.find(Lost, e, "worker %d's count is %d, of %d acknowledged increments", w, n, c.min)
		case n > c.max:
			m.find(Ghost, e, "worker %d's count is %d, of %d begun increments", w, n, c.max)
		}
		c.min, c.max = n, n
	}
}

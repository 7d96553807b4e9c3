package crashtest

import (
	"testing"
	"time"
)

// TestModel tells short stories about one key and asks what the account makes of what is found after them.
func TestModel(t *testing.T) {
	now := time.Now()
	past := now.Add(-time.Second).UnixNano()
	begin := func(op string, seq uint64) line { return line{what: lineBegin, op: op, seq: seq} }
	acked := func(op string, seq uint64) []line { return []line{begin(op, seq), {what: lineAck, op: op, seq: seq}} }
	join := func(parts ...any) (all []line) {
		for _, p := range parts {
			switch p := p.(type) {
			case line:
				all = append(all, p)
			case []line:
				all = append(all, p...)
			}
		}
		return all
	}
	for _, test := range []struct {
		name  string
		lines []line
		found uint64 // 0: nothing
		want  string // kind; "": nothing is wrong
	}{
		{"an acknowledged write is there", acked(opSet, 1), 1, ""},
		{"an acknowledged write is gone", acked(opSet, 1), 0, Lost},
		{"an older value", join(acked(opSet, 1), acked(opSet, 2)), 1, Lost},
		{"a later one that was begun", join(acked(opSet, 1), begin(opSet, 2)), 2, ""},
		{"a later one that did not happen", join(acked(opSet, 1), begin(opSet, 2)), 1, ""},
		{"nothing, with a later one begun", join(acked(opSet, 1), begin(opSet, 2)), 0, Lost},
		{"a removal that was begun", join(acked(opSet, 1), begin(opDel, 2)), 0, ""},
		{"a removal that did not happen", join(acked(opSet, 1), begin(opDel, 2)), 1, ""},
		{"a removal that is undone", join(acked(opSet, 1), acked(opDel, 2)), 1, Returned},
		{"an entry made dead that lives", acked(opDead, 1), 1, Returned},
		{"a value out of nowhere", acked(opSet, 1), 9, Ghost},
	} {
		m := newModel(1, &Report{})
		for i := range test.lines {
			test.lines[i].key = ownKey(0, 1)
		}
		m.apply(test.lines)
		m.ended()
		s := seen{present: test.found != 0, value: value{seq: test.found}, before: now, after: now}
		m.judge(m.entries[ownKey(0, 1)], s, true)
		got := ""
		if len(m.report.Findings) > 0 {
			got = m.report.Findings[0].Kind
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}

	t.Run("a deadline that has passed", func(t *testing.T) {
		m := newModel(1, &Report{})
		e := m.entries[ownKey(0, 1)]
		e.ack(line{op: opBrief, seq: 1, expires: past})
		m.judge(e, seen{before: now, after: now}, true)
		if len(m.report.Findings) > 0 {
			t.Error("its absence is a finding:", m.report.Findings[0])
		}
		e.ack(line{op: opBrief, seq: 2, expires: past})
		m.judge(e, seen{present: true, value: value{seq: 2}, expires: past, before: now, after: now}, true)
		if len(m.report.Findings) != 1 || m.report.Findings[0].Kind != Returned {
			t.Error("its presence gives", m.report.Findings)
		}
	})

	t.Run("a counter", func(t *testing.T) {
		for n, want := range map[uint64]string{1: Lost, 2: "", 3: "", 4: Ghost} {
			m := newModel(1, &Report{})
			m.apply(join(acked(opIncr, 1), acked(opIncr, 2), begin(opIncr, 3)))
			v := value{}
			v.counts[0] = n
			m.judge(m.entries[0], seen{present: true, value: v}, false)
			got := ""
			if len(m.report.Findings) > 0 {
				got = m.report.Findings[0].Kind
			}
			if got != want {
				t.Errorf("%d of two acknowledged and one begun: %q, want %q", n, got, want)
			}
		}
	})

	t.Run("visible and not durable", func(t *testing.T) {
		m := newModel(1, &Report{})
		e := m.entries[ownKey(0, 1)]
		e.ack(line{op: opSet, seq: 1})
		e.begin(line{op: opSet, seq: 2})
		m.judge(e, seen{present: true, value: value{seq: 2}, before: now, after: now}, false) // after a kill
		m.judge(e, seen{present: true, value: value{seq: 1}, before: now, after: now}, true)  // after a cut: nobody acknowledged 2
		if len(m.report.Findings) > 0 {
			t.Error(m.report.Findings[0])
		}
	})
}

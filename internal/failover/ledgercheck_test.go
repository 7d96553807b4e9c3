package failover

import (
	"strings"
	"testing"
	"time"
)

// TestExamine shows that the ledger is not blind: each kind of fault is found, and what a failover may do is none.
func TestExamine(t *testing.T) {
	ms := time.Millisecond
	made := func(key string, share bool, acked ...bool) *history {
		h := &history{key: key, share: share, deeds: []deed{{acked: true}}}
		for i, ok := range acked {
			h.deeds = append(h.deeds, deed{seq: uint64(i + 1), begin: time.Duration(10*i+10) * ms, end: time.Duration(10*i+15) * ms, acked: ok})
		}
		return h
	}
	removed := made("removed", true, true, true)
	removed.deeds[2].seq = absent
	for _, c := range []struct {
		name         string
		all          []*history
		stands       map[string]uint64
		lost, undone int
		wrong        string
	}{
		{"all is there", []*history{made("a", true, true, true)}, map[string]uint64{"a": 2}, 0, 0, ""},
		{"the unsure one is there", []*history{made("a", true, true, false)}, map[string]uint64{"a": 2}, 0, 0, ""},
		{"the unsure one is not", []*history{made("a", true, true, false)}, map[string]uint64{"a": 1}, 0, 0, ""},
		{"the end is lost", []*history{made("a", true, true, true), made("b", true, true)}, map[string]uint64{"a": 1, "b": 1}, 1, 0, ""},
		{"a removal is undone", []*history{removed}, map[string]uint64{"removed": 1}, 0, 1, ""},
		{"something from the middle is lost", []*history{made("a", true, true), made("b", true, true, true, true)}, map[string]uint64{"b": 3}, 1, 0, "not the end alone"},
		{"what another server has is lost", []*history{made("a", false, true)}, nil, 1, 0, "was there all the time"},
		{"nobody wrote it", []*history{made("a", true, true)}, map[string]uint64{"a": 7}, 0, 0, "nobody wrote it"},
	} {
		a := examine(c.all, c.stands, time.Second)
		if a.lost != c.lost || a.undone != c.undone || (len(a.wrong) > 0) != (c.wrong != "") || !strings.Contains(strings.Join(a.wrong, " "), c.wrong) {
			t.Errorf("%s: %v, %q", c.name, a, a.wrong)
		}
	}
}

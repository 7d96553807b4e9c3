package failover

import (
	"bytes"
	"fmt"
	"strconv"
	"time"
)

// A value tells whose it is: the key, a number, and filler that follows from both.
func value(key string, seq uint64) []byte {
	b := fmt.Appendf(make([]byte, 0, 320), "%s|%d|", key, seq)
	x := seq*0x9e3779b97f4a7c15 + uint64(len(key))
	for size := 100 + int(seq%200); len(b) < size; {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b = append(b, byte(x))
	}
	return b
}

// parse returns the number in a value of key, or what is wrong with it.
func parse(key string, b []byte) (uint64, error) {
	rest, ok := bytes.CutPrefix(b, []byte(key+"|"))
	digits, _, ok2 := bytes.Cut(rest, []byte("|"))
	seq, err := strconv.ParseUint(string(digits), 10, 64)
	if !ok || !ok2 || err != nil || !bytes.Equal(b, value(key, seq)) {
		return 0, fmt.Errorf("under %q stands %.60q (%d bytes)", key, b, len(b))
	}
	return seq, nil
}

const absent = 0 // the number of no value, and so of a removal

// deed is one write that somebody did.
type deed struct {
	seq        uint64
	begin, end time.Duration
	acked      bool
}

// history is what was done to a key by its one writer, in order. The first deed is what stood there at the beginning.
type history struct {
	key   string
	share bool // the lost primary had it
	deeds []deed
}

// last is what stands there as far as its writer knows.
func (h *history) last() deed { return h.deeds[len(h.deeds)-1] }

// audit is what a failover has left of a ledger.
type audit struct {
	keys, deeds  int
	lost, undone int           // acknowledged values that are gone, and acknowledged removals that are undone
	reach        time.Duration // from when the first of those was acknowledged until the last acknowledgement of all
	unsure       int           // without an acknowledgement, and there
	wrong        []string
}

// examine holds what stands there, by key, against the histories. The primary went at gone.
func examine(all []*history, stands map[string]uint64, gone time.Duration) (a audit) {
	firstLost, lastKept, lastAck := time.Duration(-1), deed{}, time.Duration(0)
	var lostKey, keptKey string
	for _, h := range all {
		a.keys++
		a.deeds += len(h.deeds) - 1
		seq := stands[h.key]
		at, matches := -1, 0
		for i, d := range h.deeds {
			if d.seq == seq {
				at, matches = i, matches+1
			}
			if d.acked {
				lastAck = max(lastAck, d.end)
			}
		}
		if at < 0 {
			a.wrong = append(a.wrong, fmt.Sprintf("number %d of %q stands there, and nobody wrote it", seq, h.key))
			continue
		}
		if !h.deeds[at].acked {
			a.unsure++
		}
		for _, d := range h.deeds[at+1:] {
			switch {
			case !d.acked:
				continue
			case d.seq == absent:
				a.undone++
			default:
				a.lost++
			}
			if !h.share {
				a.wrong = append(a.wrong, fmt.Sprintf("number %d of %q is lost, and its server was there all the time", d.seq, h.key))
			}
			if firstLost < 0 || d.end < firstLost {
				firstLost, lostKey = d.end, h.key
			}
		}
		// Of several removals nobody can tell which one it is that the new primary knows of.
		if d := h.deeds[at]; h.share && at > 0 && matches == 1 && d.end < gone && d.begin > lastKept.begin {
			lastKept, keptKey = d, h.key
		}
	}
	if firstLost >= 0 {
		a.reach = lastAck - firstLost
		if lastKept.begin > firstLost {
			a.wrong = append(a.wrong, fmt.Sprintf("not the end alone is lost: a write of %q was acknowledged at %v and is gone, and one of %q that was begun at %v is there",
				lostKey, round(firstLost), keptKey, round(lastKept.begin)))
		}
	}
	return a
}

func (a audit) String() string {
	return fmt.Sprintf("%d writes of %d keys: %d acknowledged values lost, %d removals undone, of the last %v; %d without an acknowledgement are there",
		a.deeds, a.keys, a.lost, a.undone, round(a.reach), a.unsure)
}

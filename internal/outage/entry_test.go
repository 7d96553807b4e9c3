package outage

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"github.com/larder-go/larder/store"
)

// A value tells whose it is: the key, a number, and filler that follows from both. So a value of another key, an older one, or a mixture
// is seen for what it is.
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

// parse returns the number in a value of key, or what is wrong with it. The text shows test keys, which are no secrets.
func parse(key string, b []byte) (uint64, error) {
	rest, ok := bytes.CutPrefix(b, []byte(key+"|"))
	digits, _, ok2 := bytes.Cut(rest, []byte("|"))
	seq, err := strconv.ParseUint(string(digits), 10, 64)
	if !ok || !ok2 || err != nil || !bytes.Equal(b, value(key, seq)) {
		return 0, fmt.Errorf("a wrong value: under %q stands %.60q (%d bytes)", key, b, len(b))
	}
	return seq, nil
}

const absent = 0 // the number of no value

// entry is what its one writer knows of a key.
type entry struct {
	key     string
	last    uint64        // the number that was drawn last
	acked   uint64        // what the last acknowledged write left there
	version store.Version // of that, where known
	past    []string      // what was done to it
	unsure  []write       // writes that ended in an error: each may have happened, or may yet, when its bytes arrive
}

type write struct {
	seq    uint64
	calm   bool // once a later one is acknowledged, it cannot happen any more
	onlyIf bool // it was conditional on a version, and so cannot happen after a later write
}

func (e *entry) draw() uint64 {
	e.last++
	return e.last
}

// wrote settles a write of seq, or a removal where seq is absent.
func (e *entry) wrote(w write, v store.Version, err error) {
	e.past = append(e.past[max(0, len(e.past)-5):], fmt.Sprintf("%v%s: %v", w.seq, map[bool]string{true: " by Swap"}[w.onlyIf], err))
	if err != nil {
		e.unsure = append(e.unsure, w)
		return
	}
	e.acked, e.version = w.seq, v
	e.unsure = slices.DeleteFunc(e.unsure, func(w write) bool { return w.onlyIf || w.calm })
}

// settled forgets writes that can no longer happen, since the server that had them is gone and this is what it left.
func (e *entry) settled(seq uint64, v store.Version) {
	e.acked, e.version, e.unsure = seq, v, nil
}

// check says what is wrong with seq as what stands there.
func (e *entry) check(seq uint64) string {
	if seq == e.acked || slices.ContainsFunc(e.unsure, func(w write) bool { return w.seq == seq }) {
		return ""
	}
	switch {
	case seq == absent:
		return fmt.Sprintf("a lost write: number %d of %q was acknowledged, and the key is absent; done: %q", e.acked, e.key, e.past)
	case e.acked == absent:
		return fmt.Sprintf("a removal undone: %q was removed, and number %d is back; done: %q", e.key, seq, e.past)
	}
	return fmt.Sprintf("a lost write: number %d of %q was acknowledged, and number %d stands there; done: %q", e.acked, e.key, seq, e.past)
}

// checkVersion says what is wrong with the version of what was loaded as number seq. That of a Set is learned.
func (e *entry) checkVersion(seq uint64, v store.Version) string {
	if seq == e.acked && e.version == "" {
		e.version = v
	}
	if seq == e.acked && e.version != "" && v != e.version {
		return fmt.Sprintf("a wrong version: number %d of %q is loaded with another than before", seq, e.key)
	}
	return ""
}

package crashtest

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// What a writer can do. Only the first group changes what a key holds.
const (
	opSet   = "set"   // Set
	opSwap  = "swap"  // Update, without a deadline or with a far one
	opBrief = "brief" // Update with a deadline that passes at once
	opDead  = "dead"  // Update with an atime so old that the entry is absent
	opDel   = "del"   // Delete, or Update that removes
	opIncr  = "incr"  // Update of a shared counter

	opTouch = "touch"
	opGet   = "get"
	opClean = "clean"
	opRest  = "rest" // a pause, so that a cut also comes after an acknowledgement that nobody's next fsync covers
)

// What a line on the pipe can say.
const (
	lineReady = "ready" // the store is open
	lineBegin = "begin"
	lineAck   = "ack"
	lineFail  = "fail" // the operation failed, or a read showed what must not be; the reason stands in text
)

// line is one message of a writer. It goes out in one write that is shorter than PIPE_BUF, so that neither a kill nor another
// goroutine can cut it in two; keys travel as indexes into the list of [allKeys] because some are long.
type line struct {
	what    string
	worker  int
	op      string
	key     int    // index; -1: none
	seq     uint64 // of the value written
	expires int64  // its deadline, Unix nanoseconds; 0: none
	text    string
	at      time.Time // when it was heard
}

func (l line) String() string {
	return fmt.Sprintf("%s %d %s %d %d %d %s\n", l.what, l.worker, l.op, l.key, l.seq, l.expires, strings.ReplaceAll(l.text, "\n", " "))
}

func parseLine(s string) (line, error) {
	f := strings.SplitN(s, " ", 7)
	if len(f) < 7 {
		return line{}, fmt.Errorf("crashtest: a writer said %q", s)
	}
	l := line{what: f[0], op: f[2], text: f[6], at: time.Now()}
	var errs [4]error
	l.worker, errs[0] = strconv.Atoi(f[1])
	l.key, errs[1] = strconv.Atoi(f[3])
	l.seq, errs[2] = strconv.ParseUint(f[4], 10, 64)
	l.expires, errs[3] = strconv.ParseInt(f[5], 10, 64)
	for _, err := range errs {
		if err != nil {
			return line{}, fmt.Errorf("crashtest: a writer said %q: %w", s, err)
		}
	}
	return l, nil
}

const (
	keysPerWorker = 12
	counters      = 3
)

// allKeys is the list of the keys of a campaign: the shared counters, then each worker's own.
func allKeys(workers int) []string {
	var keys []string
	for i := range counters {
		keys = append(keys, fmt.Sprintf("counter/%d", i))
	}
	for w := range workers {
		for k := range keysPerWorker {
			key := fmt.Sprintf("w%d/k%d", w, k)
			if k == 0 {
				key += strings.Repeat("/long", 200)
			}
			keys = append(keys, key)
		}
	}
	return keys
}

// ownKey is the index of the k-th key of worker w.
func ownKey(w, k int) int { return counters + w*keysPerWorker + k }

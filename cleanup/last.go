package cleanup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/larder-go/larder/store"
)

// ErrBrokenReport says that what stands in the place of the last run's report cannot be read. The next run with a lease replaces it.
var ErrBrokenReport = errors.New("the report of the last cleanup cannot be read")

// LastRun is the report that a run with a lease has left in the store.
type LastRun struct {
	Report
	Start   time.Time     // by the clock of its host
	Success time.Time     // when a run, this or an earlier one, last ended without an error; zero: none has
	Host    string        // where it ran
	PID     int           // its process
	Idle    time.Duration // [Options.Idle] of it
	Prefix  string        // [Options.Prefix] of it
}

// End is when the run ended.
func (l LastRun) End() time.Time { return l.Start.Add(l.Duration) }

// Last reads the report of the last run that had a lease and came to its end, by itself or not: one that was killed leaves none. It is
// [store.ErrNotFound] where there is none. An error that wraps [errors.ErrUnsupported] says that s cannot keep one.
func Last(ctx context.Context, s store.Store) (LastRun, error) {
	r, _, err := readRecord(ctx, s)
	switch {
	case errors.Is(err, ErrBrokenReport):
		return LastRun{}, store.Wrap("cleanup", "last", err)
	case err != nil:
		return LastRun{}, err
	case r.Last == nil:
		return LastRun{}, store.ErrNotFound
	}
	return r.Last.run(), nil
}

// leaseKey is the one entry that holds lease and report.
func leaseKey() string { return store.ReservedKey("cleanup") }

// record is its value: JSON, for whoever has to look at it by hand.
type record struct {
	Holder string        `json:"holder,omitempty"` // random, of one run; "": nobody holds the lease
	Host   string        `json:"host,omitempty"`
	PID    int           `json:"pid,omitempty"`
	TTL    time.Duration `json:"ttl_ns,omitempty"`
	Until  time.Time     `json:"until,omitzero"` // by the holder's clock
	Last   *wireRun      `json:"last,omitempty"`
}

// wireRun is how LastRun is written. Names stay; what is added must make sense when it is missing.
type wireRun struct {
	Start          time.Time     `json:"start"`
	Success        time.Time     `json:"success,omitzero"`
	Host           string        `json:"host"`
	PID            int           `json:"pid"`
	Idle           time.Duration `json:"idle_ns,omitempty"`
	Prefix         string        `json:"prefix,omitempty"`
	Scanned        int           `json:"scanned"`
	Removed        int           `json:"removed"`
	Bytes          int64         `json:"bytes"`
	Oldest         time.Time     `json:"oldest,omitzero"`
	Lag            time.Duration `json:"lag_ns,omitempty"`
	Duration       time.Duration `json:"duration_ns"`
	Done           bool          `json:"done"`
	Reason         Reason        `json:"reason"`
	Backlog        int           `json:"backlog,omitempty"`
	BacklogAtLeast bool          `json:"backlog_at_least,omitempty"`
}

func newWire(l LastRun) *wireRun {
	return &wireRun{
		Start: l.Start.UTC(), Success: utc(l.Success), Host: l.Host, PID: l.PID, Idle: l.Idle, Prefix: l.Prefix,
		Scanned: l.Scanned, Removed: l.Removed, Bytes: l.Bytes, Oldest: utc(l.Oldest), Lag: l.Lag, Duration: l.Duration,
		Done: l.Done, Reason: l.Reason, Backlog: l.Backlog, BacklogAtLeast: l.BacklogAtLeast,
	}
}

func (w *wireRun) run() LastRun {
	return LastRun{
		Start: w.Start, Success: w.Success, Host: w.Host, PID: w.PID, Idle: w.Idle, Prefix: w.Prefix,
		Report: Report{
			Scanned: w.Scanned, Removed: w.Removed, Bytes: w.Bytes, Oldest: w.Oldest, Lag: w.Lag, Duration: w.Duration,
			Done: w.Done, Reason: w.Reason, Backlog: w.Backlog, BacklogAtLeast: w.BacklogAtLeast,
		},
	}
}

func (w *wireRun) success() time.Time {
	if w == nil {
		return time.Time{}
	}
	return w.Success
}

func utc(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC()
}

const (
	// maxRecord is more than any record has. What is longer was not written by us, nor could it be read again.
	maxRecord = 64 << 10

	maxHost   = 255 // bytes: more than a name of a host has
	maxReason = 64
)

// readRecord returns the entry with its version, also of one whose value cannot be read. It is not a use. Texts in it are no longer than ours: whoever
// can write to the store could have put anything there, and what is carried over to the next record must fit into it.
func readRecord(ctx context.Context, s store.Store) (r record, version store.Version, err error) {
	item, err := store.Peek(ctx, s, leaseKey())
	if err != nil {
		return r, "", err
	}
	if len(item.Value) > maxRecord || json.Unmarshal(item.Value, &r) != nil { // its error would quote the value
		return record{}, item.Version, ErrBrokenReport
	}
	r.Host = cut(r.Host, maxHost)
	if w := r.Last; w != nil {
		w.Host, w.Reason, w.Prefix = cut(w.Host, maxHost), Reason(cut(string(w.Reason), maxReason)), cut(w.Prefix, store.MaxKeyLen)
	}
	return r, item.Version, nil
}

// cut returns the first bytes of s, at most n, and no half letter.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// encode leaves the last run's report out where there is no room for it: a lease that its holder cannot read again keeps nobody out.
func (r record) encode() ([]byte, error) {
	var value bytes.Buffer
	e := json.NewEncoder(&value)
	e.SetEscapeHTML(false) // a < would take six bytes
	if err := e.Encode(r); err != nil {
		return nil, fmt.Errorf("the lease cannot be written, look at this machine's clock: %w", err) // a time after the year 9999
	}
	if value.Len() > maxRecord && r.Last != nil {
		r.Last = nil
		return r.encode()
	}
	return bytes.TrimSuffix(value.Bytes(), []byte("\n")), nil
}

// until returns r as it is to be written at now.
func (r record) until(now time.Time) record {
	r.Until = now.Round(0).UTC().Add(r.TTL)
	return r
}

// heldAt reports whether somebody has the lease, as seen from a clock that may be a minute off the holder's: one that runs out within
// a margin, or has run out no longer ago than that. What is further ahead than a lease can be was written by a clock that is wrong, and must not lock out
// everybody until then.
func (r record) heldAt(now time.Time) bool {
	if r.Holder == "" || r.TTL <= 0 || r.Until.IsZero() {
		return false
	}
	left := r.Until.Sub(now.Round(0))
	return -leaseMargin <= left && left <= min(r.TTL, MaxLease)+leaseMargin
}

// refusal is ErrLeased for somebody to act upon. The host stands in our own record, but whoever can write to the store could have put anything there.
func (r record) refusal() error {
	return fmt.Errorf("%w: process %d on host %q; if that died, it is free after %s", ErrLeased, r.PID, cut(r.Host, 64),
		r.Until.Add(leaseMargin).UTC().Format(time.RFC3339))
}

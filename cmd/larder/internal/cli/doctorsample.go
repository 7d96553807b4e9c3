package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/store"
)

// aheadOf is how far ahead of this host's clock the last use of an entry may be.
const aheadOf = 5 * time.Second

// sampled is what some entries of a store look like.
type sampled struct {
	entries, corrupt int
	forEver          int           // without a deadline
	ahead            time.Duration // how far the latest use lies ahead
}

// sample looks at some entries: not more than can be looked at in a moment.
func (d *doctor) sample(ctx context.Context, last *cleanup.LastRun) error {
	if !store.CanList(d.s) {
		d.unknown("entries", "this kind of store cannot list what it holds: damaged entries, and those without a deadline, are not seen")
		return nil
	}
	got, err := d.look(ctx)
	if d.passes(err) {
		d.unknown("entries", "those of the nodes that do not answer were not looked at")
	} else if err != nil {
		return err
	}
	d.result.Looked = got.entries
	if got.corrupt > 0 {
		d.add(doctorFact{"damaged", entries(got.corrupt), "they cannot be read: " + adviceOnCorrupt +
			"; then look for what damages them: the disk, or another program"})
	} else {
		d.fine("damaged", "none")
	}
	if got.ahead > aheadOf {
		d.add(doctorFact{"future", "the last use of an entry lies " + age(got.ahead.Truncate(time.Second)) + " ahead of this host's clock",
			"a host that uses the store has a wrong clock, or this one has: entries stay, or go, so much too late or early; set the clocks by NTP"})
	} else {
		d.fine("future", "no entry was used then")
	}
	idle := d.idle(last)
	switch {
	case d.expiry.Timeout > 0:
		d.fine("idle time-out", "%s, by x-timeout", age(d.expiry.Timeout))
	case idle > 0:
		d.fine("idle time-out", "%s, by the cleanup job", age(idle))
	case got.forEver > 0:
		d.add(doctorFact{"idle time-out", fmt.Sprintf("none, and %s of %s looked at no deadline either", have(got.forEver), thousands(got.entries)),
			"they stay for ever: give x-timeout in the URL, here and in every program, or clean up with --idle (and tell doctor by --idle)"})
	case got.entries == 0:
		d.unknown("idle time-out", "there is no x-timeout, and no entry that would show whether deadlines are set")
	default:
		d.fine("idle time-out", "none; the entries have deadlines")
	}
	return nil
}

func have(n int) string {
	if n == 1 {
		return "1 has"
	}
	return thousands(n) + " have"
}

func (d *doctor) look(parent context.Context) (got sampled, err error) {
	ctx, cancel := context.WithTimeout(parent, doctorSample)
	defer cancel()
	for info, err := range store.List(ctx, d.s, "") {
		switch {
		case errors.Is(err, store.ErrCorrupt):
			got.corrupt++
			continue
		case err != nil && ctx.Err() != nil && parent.Err() == nil:
			return got, nil // the time is over
		case err != nil:
			return got, err
		}
		got.entries++
		if info.Expires.IsZero() {
			got.forEver++
		}
		got.ahead = max(got.ahead, time.Until(info.Atime))
		if got.entries+got.corrupt >= doctorLooked {
			return got, nil
		}
	}
	return got, nil
}

package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/store"
)

// Defaults of [Options].
const (
	DefaultEvery     = 2 * time.Second
	DefaultCountTime = 10 * time.Second
)

// Options steer a [Handler]. nil and the zero value look and change nothing.
type Options struct {
	// Title says on the page which deployment it shows. "": "Larder".
	Title string

	// AllowWrites lets requests remove an entry, sweep, and sign out. Without it they are answered with 403.
	AllowWrites bool

	// Cleanup is what a sweep on request does; what is only for [cleanup.Loop] does not count. A request may narrow it: idle for longer, fewer, for less
	// time, in smaller batches, a dry run. nil removes what is absent by the store's own [store.Expiry].
	Cleanup *cleanup.Options

	// LeastIdle is the shortest idle time that a request may sweep by. 0: that of Cleanup, or where it has none, the store's own Timeout; where that
	// has none either, a request may not sweep by idle time, since nothing says for how long entries are wanted. Negative: any that a request asks for.
	LeastIdle time.Duration

	// SignOut ends all sessions of a subject, as [github.com/larder-go/larder/session.Manager.RevokeAll] does. nil: there is no such form.
	SignOut func(ctx context.Context, subject string) error

	// Hosts are names, without a port, by which the handler may be reached on a loopback address, besides localhost and addresses: those that a
	// reverse proxy on this machine hands through. "*": any.
	Hosts []string

	// Every is how often the entries are counted, at most. 0: [DefaultEvery].
	Every time.Duration

	// CountTime is how long a count may take. What it has by then is shown as "at least". 0: [DefaultCountTime].
	CountTime time.Duration

	// Logger is told of everything that a request has changed, at level Info, and of what failed, at level Warn; of no key, and of no subject. nil:
	// [slog.Default].
	Logger *slog.Logger
}

// settle returns o with its defaults filled in, unless it makes no sense.
func (o *Options) settle(s store.Store) (Options, error) {
	var c Options
	if o != nil {
		c = *o
	}
	switch {
	case s == nil:
		return c, fmt.Errorf("admin: new: there is no store")
	case c.Every < 0:
		return c, fmt.Errorf("admin: new: Every of %v is negative", c.Every)
	case c.CountTime < 0:
		return c, fmt.Errorf("admin: new: CountTime of %v is negative", c.CountTime)
	}
	if c.Title == "" {
		c.Title = "Larder"
	}
	if c.Every == 0 {
		c.Every = DefaultEvery
	}
	if c.CountTime == 0 {
		c.CountTime = DefaultCountTime
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	var sweep cleanup.Options
	if c.Cleanup != nil {
		sweep = *c.Cleanup
	}
	c.Cleanup = &sweep
	c.Hosts = append([]string(nil), c.Hosts...)
	if err := checkSweep(sweep); err != nil {
		return c, fmt.Errorf("admin: new: Cleanup: %w", err)
	}
	if c.LeastIdle == 0 {
		c.LeastIdle = sweep.Idle
		if e, err := store.ExpiryOf(s); err == nil && c.LeastIdle == 0 {
			c.LeastIdle = e.Timeout
		}
	}
	return c, nil
}

// checkSweep finds at New what package cleanup would refuse at each request.
func checkSweep(o cleanup.Options) error {
	switch {
	case min(o.Idle, o.Pause, o.MaxTime) < 0 || min(o.Batch, o.Limit) < 0:
		return errors.New("a negative number makes no sense; leave it at 0 for none")
	case o.MaxTime > 0 && o.Pause >= o.MaxTime:
		return fmt.Errorf("the pause (%v) is as long as the whole budget (%v); shorten Pause or raise MaxTime", o.Pause, o.MaxTime)
	}
	return nil
}

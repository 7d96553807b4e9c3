package live

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest/internal/cases"
)

// Config says how to open the deployment and what is known of it. Only Open is needed.
type Config struct {
	// Open opens the deployment with this Expiry. It is called a few times for each case, from several goroutines.
	Open func(ctx context.Context, e store.Expiry) (store.Closer, error)

	Alone    bool          // a second handle does not see the entries of the first, or cannot be opened
	Expires  bool          // the backend expires by itself: a Cleanup removes nothing, whoever's it is
	Timeout  time.Duration // the shortest Timeout that it can keep; default 200 ms, and 20 round trips at least
	Slack    time.Duration // lateness allowed beyond the contract's; default 0
	MaxValue int           // largest value that it takes, one byte more is ErrTooLarge; default: 1,000,000 at least
	MaxKey   int           // longest key; default 1024
	Lacks    []string      // abilities and cases that its backend does not promise; which abilities it has, Run also asks

	Cases    []string              // names of cases, or themes, the part before the slash; nil: all
	Full     bool                  // sizes and repetitions of the suite's long form, and lists also where they take long
	Progress func(done, total int) // called after each case, from several goroutines
}

// Prefix begins every key that Run writes.
const Prefix = "larder-check-"

const (
	beside    = 12                     // how many cases that wait run at the same time
	atWork    = 4                      // and how many of those that do not
	slowList  = 500 * time.Millisecond // hundreds of lists that take so long would take minutes
	caseLimit = 3 * time.Minute        // for one case; with Full ten times as long
	grace     = 2 * time.Minute        // for the removal, after a cancel too
	hexDigits = 4                      // of the number in the prefix of a store

	fineClock = 20 * time.Millisecond // a server may read its clock once for many commands, and a client may have to guess it
	maxSkew   = 2 * time.Second       // a clock that is further off breaks the rules about deadlines, and must be seen to
)

// selected returns the cases that cfg asks for.
func (cfg *Config) selected() ([]cases.Case, error) {
	all := slices.DeleteFunc(cases.All(), func(c cases.Case) bool {
		return slices.Contains([]string{"abilities/swap", "abilities/list", "abilities/sweep", "abilities/touch"}, c.Name) // asked, not tested
	})
	if len(cfg.Cases) == 0 {
		return all, nil
	}
	var themes []string
	for _, c := range all {
		theme, _, _ := strings.Cut(c.Name, "/")
		if !slices.Contains(themes, theme) {
			themes = append(themes, theme)
		}
	}
	matches := func(c cases.Case, name string) bool { return c.Name == name || strings.HasPrefix(c.Name, name+"/") }
	for _, name := range cfg.Cases {
		if !slices.ContainsFunc(all, func(c cases.Case) bool { return matches(c, name) }) {
			return nil, fmt.Errorf("live: no case %q; the themes are: %s", name, strings.Join(themes, ", "))
		}
	}
	return slices.DeleteFunc(all, func(c cases.Case) bool {
		return !slices.ContainsFunc(cfg.Cases, func(name string) bool { return matches(c, name) })
	}), nil
}

// portable is what the cases are told.
func (r *run) portable() cases.Config {
	p := cases.Config{
		New:      r.newStore,
		Timeout:  cmp.Or(r.cfg.Timeout, 200*time.Millisecond),
		Slack:    r.cfg.Slack + min(2*r.skew+fineClock, maxSkew),
		MaxValue: cmp.Or(r.cfg.MaxValue, 1_000_000),
		Limited:  r.cfg.MaxValue > 0,
		MaxKey:   cmp.Or(r.cfg.MaxKey, store.MaxKeyLen) - len(r.root) - hexDigits - len("/"),
		Lacks:    r.lacks,
		Short:    !r.cfg.Full,
	}
	p.Timeout = max(p.Timeout, 20*r.roundTrip)
	if !r.cfg.Alone {
		p.Reopen = r.reopen
	}
	return p
}

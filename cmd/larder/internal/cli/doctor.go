package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/larder-go/larder/store"
	"github.com/spf13/cobra"
)

type doctorResult struct {
	Store    string       `json:"store"`    // without its password
	Wrong    []doctorFact `json:"wrong"`    // what has to be done something about
	Notes    []doctorFact `json:"notes"`    // what may be meant so
	Unknown  []doctorFact `json:"unknown"`  // what could not be asked
	Fine     []doctorFact `json:"fine"`     // the rest
	Looked   int          `json:"looked"`   // entries that were looked at
	Duration float64      `json:"duration"` // seconds
}

// doctorFact is a store.Fact by the names under which scripts find it.
type doctorFact struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Advice string `json:"advice"` // what it comes to, and what to do
}

type doctorFlags struct {
	idle   duration
	accept []string
}

// doctor asks a deployment what is wrong with it. Nothing that it does takes longer on a larger store, and nothing is written.
type doctor struct {
	*app
	s      store.Store
	f      *doctorFlags
	partly bool // nodes do not answer, which is a finding
	result doctorResult
}

// These bound what would grow with the store, or hang with its server.
const (
	doctorAsk    = 10 * time.Second // for what the backend tells of itself
	doctorSample = 3 * time.Second  // for looking at entries,
	doctorSwept  = 3 * time.Second  // and for looking for what should have gone
	doctorLooked = 10_000
	doctorDead   = 1000 // the first of them, where a store keeps an order, is what it is about
)

func (a *app) doctorCommand() *cobra.Command {
	var f doctorFlags
	c := &cobra.Command{
		Use:   "doctor [URL]",
		Short: "Say what is wrong with this deployment, and what to do about it",
		Long: "Say what is wrong with this deployment, and what to do about it: the server or the\n" +
			"file system and how it is set up, whether cleanup runs, rights of files, clocks,\n" +
			"damaged entries, entries that would stay for ever. It writes nothing, and is quick\n" +
			"on a store of any size, as it looks at some entries only. What cannot be asked is\n" +
			"said. larder check tests the promises themselves.",
		Example: "  larder doctor --idle 30d\n" +
			"  LARDER_STORE_FILE=/etc/app/store larder doctor\n" +
			"  larder doctor redis://host --accept persistence -q",
		Args: func(c *cobra.Command, args []string) error {
			switch {
			case len(args) > 1:
				return usage("usage: "+c.UseLine(), "%d arguments, but %s takes no more than one", len(args), c.CommandPath())
			case len(args) == 1 && c.Flags().Changed(storeFlag):
				return usage("name the store once", "two stores: the argument and --store")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				if err := c.Flags().Set(storeFlag, args[0]); err != nil {
					return err
				}
			}
			start := time.Now()
			return a.withStore(c, false, func(ctx context.Context, s store.Closer) error {
				d := &doctor{app: a, s: s, f: &f}
				if err := d.examine(ctx); err != nil {
					return err
				}
				d.result.Duration = time.Since(start).Seconds()
				return d.report()
			})
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := c.Flags()
	flags.Var(&f.idle, "idle", "the --idle of the cleanup job")
	flags.Var((*nameList)(&f.accept), "accept", "what is meant so: the `NAMES` of findings that are not wrong")
	return a.exits.add(c, exitError, exitPartial, exitNoStore, exitLocked)
}

// examine asks one thing after the other. Only an outage, or a signal, ends it early: what is wrong is a finding, and so is an outage of some of several nodes.
func (d *doctor) examine(ctx context.Context) error {
	none := []doctorFact{}
	d.result = doctorResult{Store: store.Redact(d.secret), Wrong: none, Notes: none, Unknown: none, Fine: none}
	doing := newDoing("asking the backend")
	defer d.progress(doing.text).stop()
	if err := d.backendFacts(ctx); err != nil {
		return err
	}
	d.urlFacts()
	doing.now("looking at files")
	d.fileFacts()
	d.migrationFacts(ctx)
	doing.now("looking at entries")
	last, err := d.lastCleanup(ctx)
	if err != nil {
		return err
	}
	if err := d.sample(ctx, last); err != nil {
		return err
	}
	doing.now("looking for what should have gone")
	return d.cleanupFacts(ctx, last)
}

// add files a fact: what has an advice is wrong, unless the user says that it is meant so.
func (d *doctor) add(f doctorFact) {
	switch {
	case f.Advice == "":
		d.result.Fine = append(d.result.Fine, f)
	case d.accepts(f.Name):
		d.result.Notes = append(d.result.Notes, f)
	default:
		d.result.Wrong = append(d.result.Wrong, f)
	}
}

func (d *doctor) fine(name, format string, args ...any) {
	d.add(doctorFact{name, fmt.Sprintf(format, args...), ""})
}

func (d *doctor) unknown(name, why string) {
	d.result.Unknown = append(d.result.Unknown, doctorFact{name, "not known", why})
}

// accepts takes "eviction" for that of each of several servers, which stand behind the name, and of each of several nodes, which stand before it.
func (d *doctor) accepts(name string) bool {
	base, _, _ := strings.Cut(name, " (")
	for _, accepted := range d.f.accept {
		if accepted == name || isAbout(base, accepted) {
			return true
		}
	}
	return false
}

// backendFacts are those that the backend tells of itself.
func (d *doctor) backendFacts(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, doctorAsk)
	defer cancel()
	facts, err := store.Inspect(ctx, d.s)
	if errors.Is(err, errors.ErrUnsupported) {
		d.unknown("server", "this kind of store does not tell of itself: doctor of each store behind it does")
		return nil
	}
	if err != nil {
		return err
	}
	for _, f := range facts {
		fact := doctorFact{f.Name, f.Value, f.Warn}
		d.partly = d.partly || f.Value == "unreachable"
		switch {
		case f.Warn == "":
			d.add(fact)
		case notTold(f):
			d.result.Unknown = append(d.result.Unknown, fact)
		case meantSo(f) && !d.accepts(f.Name):
			d.result.Notes = append(d.result.Notes, fact)
		default:
			d.add(fact)
		}
	}
	return nil
}

// passes reports whether err is what nodes say that are known not to answer, and that the others can be looked at all the same.
func (d *doctor) passes(err error) bool { return d.partly && errors.Is(err, store.ErrUnavailable) }

// notTold reports whether a warning says no more than that the backend did not tell, as where a hosted server forbids the question.
func notTold(f store.Fact) bool {
	return f.Value == "unknown" || strings.Contains(f.Value, "not told") || strings.Contains(f.Value, "not known")
}

// meantSo reports whether a warning is about what people choose with open eyes: check tells which promise it weakens, and nothing can be
// done about it but to choose otherwise.
func meantSo(f store.Fact) bool {
	switch name, _, _ := strings.Cut(f.Name, " ("); {
	case isAbout(name, "persistence"):
		return strings.Contains(f.Value, "appendfsync everysec") || strings.Contains(f.Value, "the file system is overlay")
	case isAbout(name, "role"): // a master with replicas
		return strings.Contains(f.Warn, "replicas follow with a delay")
	case isAbout(name, "replication"): // a primary with standbys
		return strings.Contains(f.Warn, "a standby follows with a delay")
	}
	return false
}

// isAbout reports whether a fact has that name, also as one of several nodes: "a persistence" of node a.
func isAbout(name, what string) bool { return name == what || strings.HasSuffix(name, " "+what) }

func (d *doctor) report() error {
	r := &d.result
	if !d.quiet || len(r.Wrong) > 0 {
		if err := d.app.result(r, r.text(d.quiet)); err != nil {
			return err
		}
	}
	if len(r.Wrong) == 0 {
		return nil
	}
	names := make([]string, len(r.Wrong))
	for i, f := range r.Wrong {
		names[i] = f.Name
	}
	return &failure{exitPartial, fmt.Errorf("%s wrong: %s", count(len(names), "thing is", "things are"), strings.Join(names, ", ")),
		"docs/doctor.md tells more of each; --accept NAME is for what is meant so"}
}

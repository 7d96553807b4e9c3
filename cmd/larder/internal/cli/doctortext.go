package cli

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"
)

// doing is what the progress says, from another goroutine.
type doing struct{ what atomic.Pointer[string] }

func newDoing(what string) *doing {
	d := new(doing)
	d.now(what)
	return d
}

func (d *doing) now(what string) { d.what.Store(&what) }
func (d *doing) text() string    { return *d.what.Load() }

// text is one screen: what is wrong first, what is fine in a line.
func (r *doctorResult) text(wrongOnly bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-14s %s\n", "store", printable(r.Store))
	list := func(title string, facts []doctorFact) {
		if len(facts) == 0 {
			return
		}
		fmt.Fprintf(&b, "\n%s\n", title)
		for _, f := range facts {
			fmt.Fprintf(&b, "  %-12s %s\n", printable(f.Name), printable(f.Value))
			if f.Advice != "" {
				fmt.Fprintf(&b, "  %-12s > %s\n", "", printable(f.Advice))
			}
		}
	}
	list("wrong", r.Wrong)
	if wrongOnly {
		return strings.TrimSuffix(b.String(), "\n")
	}
	list("may be meant so", r.Notes)
	list("could not be asked", r.Unknown)
	names := make([]string, len(r.Fine))
	for i, f := range r.Fine {
		names[i] = printable(f.Name)
	}
	if len(names) > 0 {
		fmt.Fprintf(&b, "\nfine\n%s", wrapped(names, 78))
	}
	verdict := "nothing is wrong"
	if len(r.Wrong) > 0 {
		verdict = count(len(r.Wrong), "thing is", "things are") + " wrong"
	}
	took := age(roundDuration(time.Duration(r.Duration * float64(time.Second))))
	fmt.Fprintf(&b, "\n%s (%s; %s looked at)", verdict, took, entries(r.Looked))
	return b.String()
}

// wrapped writes words with commas between in lines of some columns.
func wrapped(words []string, columns int) string {
	var b strings.Builder
	line := " "
	for i, word := range words {
		if i < len(words)-1 {
			word += ","
		}
		if len(line)+1+len(word) > columns {
			b.WriteString(line + "\n")
			line = " "
		}
		line += " " + word
	}
	return b.String() + line + "\n"
}

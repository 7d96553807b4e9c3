package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest/live"
)

type checkResult struct {
	Store    string        `json:"store"` // without its password
	Facts    []checkFact   `json:"facts"`
	Rules    []checkRule   `json:"rules"`
	Broken   []checkBroken `json:"broken"`
	Untested []checkCase   `json:"untested"`
	Lacks    []string      `json:"lacks"`    // abilities
	Kept     int           `json:"kept"`     // cases
	Tested   int           `json:"tested"`   // cases
	Warnings int           `json:"warnings"` // facts that have one
	Duration float64       `json:"duration"` // seconds
}

// checkFact is a store.Fact.
type checkFact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Warn  string `json:"warn"` // "": nothing is wrong with it
}

// checkRule is a heading of the contract.
type checkRule struct {
	Heading string `json:"heading"`
	Kept    int    `json:"kept"`   // cases
	Tested  int    `json:"tested"` // cases
	Cases   int    `json:"cases"`  // all that there are

	why []string // some are not tested
}

type checkBroken struct {
	Case     string   `json:"case"`
	Rule     string   `json:"rule"`
	Failures []string `json:"failures"`
}

type checkCase struct {
	Case string `json:"case"`
	Why  string `json:"why"`
}

func newCheckResult(shown string, facts []store.Fact, report *live.Report, took time.Duration) *checkResult {
	r := &checkResult{Store: shown, Facts: []checkFact{}, Rules: []checkRule{}, Broken: []checkBroken{}, Untested: []checkCase{},
		Lacks: append([]string{}, report.Lacks...), Duration: took.Seconds()}
	for _, f := range facts {
		r.Facts = append(r.Facts, checkFact(f))
		if f.Warn != "" {
			r.Warnings++
		}
	}
	at := make(map[string]int)
	for _, c := range report.Results {
		i, ok := at[c.Heading]
		if !ok {
			i = len(r.Rules)
			at[c.Heading] = i
			r.Rules = append(r.Rules, checkRule{Heading: c.Heading})
		}
		rule := &r.Rules[i]
		rule.Cases++
		why := c.Untested
		if c.Lacks != "" {
			why = lackText(c.Lacks, report.Slow)
		}
		switch {
		case len(c.Failures) > 0:
			rule.Tested++
			r.Broken = append(r.Broken, checkBroken{c.Case, c.Heading + ": " + c.Rule, c.Failures})
		case why == "":
			rule.Tested++
			rule.Kept++
		default:
			r.Untested = append(r.Untested, checkCase{c.Case, why})
			if !containsText(rule.why, why) {
				rule.why = append(rule.why, why)
			}
		}
	}
	for _, rule := range r.Rules {
		r.Kept += rule.Kept
		r.Tested += rule.Tested
	}
	return r
}

func containsText(list []string, text string) bool {
	for _, t := range list {
		if t == text {
			return true
		}
	}
	return false
}

// lackText says what a store cannot do.
func lackText(ability string, slow bool) string {
	switch {
	case slow:
		return "a list of this store takes long; --full does it all the same"
	case ability == "list":
		return "this store does not list"
	case ability == "swap":
		return "this store does not swap"
	case ability == "sweep", ability == "cleanup":
		return "this store expires by itself, or cleans up only as a whole"
	}
	return "this store lacks " + ability
}

// shownFailures is how many failures of one case are worth reading.
const shownFailures = 3

func (r *checkResult) text() string {
	var b strings.Builder
	line := func(name, text string) { fmt.Fprintf(&b, "%-14s %s\n", printable(name), printable(text)) }
	line("store", r.Store)
	for _, f := range r.Facts {
		line(f.Name, f.Value)
		if f.Warn != "" {
			line("", "warning: "+f.Warn)
		}
	}
	b.WriteString("\n")
	for _, rule := range r.Rules {
		var parts []string
		if rule.Tested > 0 {
			parts = append(parts, fmt.Sprintf("%d of %d kept", rule.Kept, rule.Tested))
		}
		if n := rule.Cases - rule.Tested; n > 0 {
			untested := fmt.Sprintf("%d not tested", n)
			if rule.Tested == 0 {
				untested = "not tested"
			}
			parts = append(parts, untested+": "+strings.Join(rule.why, "; "))
		}
		line(rule.Heading, strings.Join(parts, ", "))
	}
	for _, c := range r.Broken {
		fmt.Fprintf(&b, "\nbroken: %s\n  %s\n", c.Case, printable(c.Rule))
		for i, failure := range c.Failures {
			if i == shownFailures {
				fmt.Fprintf(&b, "  - and %d more\n", len(c.Failures)-i)
				break
			}
			if runes := []rune(failure); len(runes) > 300 {
				failure = string(runes[:300]) + "..."
			}
			fmt.Fprintf(&b, "  - %s\n", printable(failure))
		}
	}
	took := age(roundDuration(time.Duration(r.Duration * float64(time.Second))))
	verdict := fmt.Sprintf("%d of %d promises that were tested are kept", r.Kept, r.Tested)
	if r.Kept == r.Tested {
		verdict = fmt.Sprintf("all %d promises that were tested are kept", r.Tested)
	}
	if r.Warnings > 0 {
		verdict += ", with " + count(r.Warnings, "warning", "warnings")
	}
	fmt.Fprintf(&b, "\n%s (%s); what was written is removed", verdict, took)
	return b.String()
}

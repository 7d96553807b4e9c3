package live

import "strings"

// Report is what Run has found.
type Report struct {
	Results []Result // one for each case that was asked for and has ended
	Lacks   []string // abilities that the store does not have: swap, list, sweep, cleanup
	Slow    bool     // it lists, but so slowly that what needs lists was left out: see Config.Full
	Prefix  string   // of everything that was written
	Left    int      // entries that could not be removed; of a store that does not list, removals that failed
}

// Result is what became of one case.
type Result struct {
	Case     string   // its name
	Heading  string   // under which the package comment of store states the rule
	Rule     string   // a sentence, or two
	Failures []string // how it was broken
	Lacks    string   // the ability that the store would need, and was not tested therefore
	Untested string   // why it was not tested otherwise
}

// Kept reports whether the rule was tested and kept.
func (r *Result) Kept() bool { return len(r.Failures) == 0 && r.Lacks == "" && r.Untested == "" }

// Broken returns the results with failures.
func (r *Report) Broken() (broken []Result) {
	for _, result := range r.Results {
		if len(result.Failures) > 0 {
			broken = append(broken, result)
		}
	}
	return broken
}

func newResult(name, rule string) Result {
	heading, sentence, _ := strings.Cut(rule, ": ")
	return Result{Case: name, Heading: heading, Rule: sentence}
}

package cases

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/larder-go/larder/store"
)

// TestHostileKeys compares the table with CheckKey: both were written by hand.
func TestHostileKeys(t *testing.T) {
	classes, keys := map[string]int{}, hostileKeys()
	for _, h := range keys {
		classes[h.class]++
		if err := store.CheckKey(h.key); (err == nil) != h.valid {
			t.Errorf("%s: %q is said to be valid: %v, and CheckKey says %v", h.class, h.key, h.valid, err)
		}
	}
	if len(keys) < 250 || len(classes) < 20 {
		t.Errorf("%d hostile keys in %d classes; want 250 in 20", len(keys), len(classes))
	}
	t.Logf("%d hostile keys in %d classes", len(keys), len(classes))
}

// TestCases looks whether each case has a stable name and states a rule under a heading of the contract.
func TestCases(t *testing.T) {
	doc, err := os.ReadFile("../../../doc.go")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`^[a-z]+/[0-9a-z-]+$`)
	seen, tested := map[string]bool{}, map[string]bool{}
	for _, c := range All() {
		heading, rule, ok := strings.Cut(c.Rule, ": ")
		switch {
		case !name.MatchString(c.Name) || seen[c.Name] || c.Run == nil:
			t.Errorf("%q: not a name, or one that stands twice, or nothing to run", c.Name)
		case !ok || !strings.HasSuffix(rule, "."):
			t.Errorf("%s: %q is not \"Heading: sentence.\"", c.Name, c.Rule)
		case !strings.Contains(string(doc), "\n// # "+heading+"\n"):
			t.Errorf("%s: the package comment of store has no heading %q", c.Name, heading)
		}
		seen[c.Name], tested[heading] = true, true
	}
	for _, m := range regexp.MustCompile(`(?m)^// # (.*)$`).FindAllStringSubmatch(string(doc), -1) {
		// Durability needs a crash: the backends' own tests. Of reserved keys a store of somebody else's need not know: internal/modelcheck.
		if heading := m[1]; !tested[heading] && heading != "Durability" && heading != "Reserved keys" {
			t.Errorf("no case tests the rules under %q", heading)
		}
	}
	t.Logf("%d cases", len(seen))
}

// TestTry runs cases that fail, skip, panic and pass.
func TestTry(t *testing.T) {
	cleaned := 0
	for _, c := range []struct {
		name, skipped string
		failures      int
		run           func(e *Env)
	}{
		{"passes", "", 0, func(e *Env) {}},
		{"fails", "", 2, func(e *Env) { e.Errorf("once"); e.Errorf("twice") }},
		{"stops", "", 1, func(e *Env) { e.Fatalf("at once"); e.Errorf("not reached") }},
		{"skips", "why", 0, func(e *Env) { e.Skipf("why"); e.Errorf("not reached") }},
		{"panics", "", 1, func(e *Env) { panic("loudly") }},
	} {
		run := func(e *Env) {
			e.Cleanup(func() { cleaned++ })
			c.run(e)
		}
		failures, skipped := Try(t.Context(), &Case{Name: c.name, Run: run}, Config{})
		if len(failures) != c.failures || skipped != c.skipped {
			t.Errorf("a case that %s: %q, skipped: %q", c.name, failures, skipped)
		}
	}
	if cleaned != 5 {
		t.Errorf("%d of 5 cases were cleaned up after", cleaned)
	}
	_, skipped := Try(t.Context(), &Case{Needs: []string{corrupt}, Run: func(*Env) { t.Error("run") }}, Config{})
	if skipped == "" {
		t.Error("a case without its hook is not skipped")
	}
}

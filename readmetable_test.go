package larder_test

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/internal/traits"
)

// table is what the README must say of the backends.
func table() string {
	yes := map[bool]string{true: "yes", false: "no"}
	var b strings.Builder
	b.WriteString("| backend | URL | shared between | survives | expires by itself | lists | largest value | who cleans up |\n|---|---|---|---|---|---|---|---|\n")
	for _, t := range traits.All() {
		expires := yes[t.Expires]
		if t.Expires {
			expires += ", with `x-timeout`"
		}
		fmt.Fprintf(&b, "| [%s](%s) | `%s` | %s | %s | %s | %s | %s | %s |\n",
			t.Name, t.Doc, t.URL, t.Shared, t.Survives, expires, yes[t.Lists], t.Largest, t.Cleaner)
	}
	return b.String()
}

// TestReadmeTable: the table "Choose a backend" says what the conformance tests of the backends declare.
func TestReadmeTable(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n## Choose a backend\n")
	var got strings.Builder
	for line := range strings.Lines(section) {
		if strings.HasPrefix(line, "|") {
			got.WriteString(line)
		} else if got.Len() > 0 {
			break
		}
	}
	if got.String() != table() {
		t.Errorf("the README has\n%s\nwant, after internal/traits,\n%s", got.String(), table())
	}
}

// TestTraits holds the rows together: with each other, with Mux, and with the tests that make them true.
func TestTraits(t *testing.T) {
	tests := map[string]string{"map": "store/storetest/storetest_test.go"}
	mux := larder.Mux()
	delete(mux, "handover") // is two of the others
	delete(mux, "shard")    // is several
	for _, b := range traits.All() {
		if b.Lists == slices.Contains(b.Lacks, "list") {
			t.Errorf("%s: lists %t, and lacks %q", b.Name, b.Lists, b.Lacks)
		}
		for _, scheme := range append([]string{b.Scheme}, b.Schemes...) {
			if mux[scheme] == nil {
				t.Errorf("%s: nothing opens %s:", b.Name, scheme)
			}
			delete(mux, scheme)
		}
		file := tests[b.Scheme]
		if file == "" {
			file = path.Join(path.Dir(b.Doc), "conformance_test.go")
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(source), fmt.Sprintf("traits.Of(%q)", b.Scheme)) || !strings.Contains(string(source), "Lacks") {
			t.Errorf("%s: %s does not declare what stands in internal/traits", b.Name, file)
		}
	}
	for scheme := range mux {
		t.Errorf("%s: is nobody's", scheme)
	}
}

package cli

import (
	"os"
	"regexp"
	"testing"

	"github.com/larder-go/larder"
)

// TestURLsOfSeveralAreQuoted: who copies a URL with a bare & into a shell gets the first of its nodes alone, and no error.
func TestURLsOfSeveralAreQuoted(t *testing.T) {
	texts := map[string]string{}
	for _, page := range []string{"cli", "operations", "scaling", "doctor"} {
		text, err := os.ReadFile("../../../../docs/" + page + ".md")
		if err != nil {
			t.Fatal(err)
		}
		texts[page] = string(text)
	}
	for _, command := range []string{"handover", "copy", "demo", "stat", "check", "doctor", "cleanup"} {
		_, out, _ := onNodes(t, larder.Mux(), "", "help", command)
		texts["larder "+command] = out
	}
	bare := regexp.MustCompile("(?:^|[^'])((?:shard|handover):\\?[^\\s'`]*&)")
	for name, text := range texts {
		if len(text) < 100 {
			t.Errorf("%s: %q", name, text)
		}
		for _, found := range bare.FindAllStringSubmatch(text, -1) {
			t.Errorf("%s has %s without quotes", name, found[1])
		}
	}
}

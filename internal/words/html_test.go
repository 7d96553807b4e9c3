package words_test

import (
	"html"
	"testing"

	"github.com/larder-go/larder/internal/words"
)

func TestHTML(t *testing.T) {
	all := make([]byte, 0, 512)
	for c := range 256 {
		all = append(all, byte(c), 'x')
	}
	for _, s := range []string{"", "plain", `<a href="?b=1&c='2'">&amp;</a>`, "&&<<", "é\u2028", string(all)} {
		if got, want := words.HTML(s), html.EscapeString(s); got != want {
			t.Errorf("HTML(%q) = %q, not %q", s, got, want)
		}
	}
}

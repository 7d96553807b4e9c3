package demo

import "testing"

func TestFill(t *testing.T) {
	got := fill(`<a href="{}">{}</a> {}`, `/?q="'><script>`, "<b>&amp;", fill("<i>{}</i>", 3))
	if want := markup(`<a href="/?q=&#34;&#39;&gt;&lt;script&gt;">&lt;b&gt;&amp;amp;</a> <i>3</i>`); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	// A mark in an argument is text, and not filled.
	if got := fill("{} {}", "{}", markup("{}")); got != "{} {}" {
		t.Error(got)
	}
}

func TestFillCounts(t *testing.T) {
	for _, wrong := range []func(){func() { fill("{}") }, func() { fill("", 1) }, func() { fill("{} {}", 1) }} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("a fragment with too few or too many arguments passed")
				}
			}()
			wrong()
		}()
	}
}

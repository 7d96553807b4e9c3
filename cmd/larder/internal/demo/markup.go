package demo

import (
	"fmt"
	"strings"

	"github.com/larder-go/larder/internal/words"
)

// markup is HTML that may be sent as it is: made by fill.
type markup string

// fragment is a piece of HTML that stands in this package. A constant becomes one by itself; the text of a request, which is a
// string, does not compile in its place.
type fragment string

// fill puts args in place of the marks {} of f, in their order. Whatever is not markup itself is escaped, for text and for attributes in
// double quotes alike. html/template would know more contexts than these two, and triple the size of the command.
func fill(f fragment, args ...any) markup {
	var b strings.Builder
	rest := string(f)
	for _, arg := range args {
		before, after, ok := strings.Cut(rest, "{}")
		if !ok {
			panic("demo: more arguments than marks in " + string(f))
		}
		b.WriteString(before)
		if m, ok := arg.(markup); ok {
			b.WriteString(string(m))
		} else {
			b.WriteString(words.HTML(fmt.Sprint(arg)))
		}
		rest = after
	}
	if strings.Contains(rest, "{}") {
		panic("demo: fewer arguments than marks in " + string(f))
	}
	b.WriteString(rest)
	return markup(b.String())
}

// join is markup one after the other.
func join(parts ...markup) markup {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(string(p))
	}
	return markup(b.String())
}

package admin

import (
	_ "embed"
	"fmt"
	"net/http"
	"strings"

	"github.com/larder-go/larder/internal/words"
)

//go:embed page.html
var frame fragment

//go:embed admin.css
var styleSheet string

//go:embed admin.js
var script string

//go:embed admin.svg
var icon string

// file serves a file of the page.
func file(contentType, content string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Write([]byte(content))
	}
}

// markup is HTML that may be sent as it is. Only fill makes it.
type markup string

// fragment is HTML that stands in this package: the text of a request or of a store, which is a string, does not compile in its place.
type fragment string

// fill puts args in place of the marks {} of f, in their order, and escapes what is not markup itself, for text and for attributes in double quotes.
// Refused: html/template, which triples the command that serves this page.
func fill(f fragment, args ...any) markup {
	parts := strings.Split(string(f), "{}")
	if len(parts) != len(args)+1 {
		panic(fmt.Sprintf("admin: %d marks for %d arguments in %q", len(parts)-1, len(args), string(f)))
	}
	var b strings.Builder
	for i, part := range parts {
		b.WriteString(part)
		if i == len(args) {
			break
		}
		if m, ok := args[i].(markup); ok {
			b.WriteString(string(m))
		} else {
			b.WriteString(words.HTML(fmt.Sprint(args[i])))
		}
	}
	return markup(b.String())
}

// when is m if the condition holds, else nothing.
func when(condition bool, m markup) markup {
	if !condition {
		return ""
	}
	return m
}

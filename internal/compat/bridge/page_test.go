package bridge

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/alexedwards/scs/v2"
	"github.com/gorilla/sessions"
)

// members returns the exported fields and methods of what v is a pointer to.
func members(v any) (names []string) {
	p := reflect.TypeOf(v)
	for m := range p.Methods() {
		names = append(names, m.Name)
	}
	for f := range p.Elem().Fields() {
		if f.IsExported() {
			names = append(names, f.Name)
		}
	}
	return names
}

// section returns a part of docs/from-others.md, and the names that stand as code in the first cells of its tables.
func section(t *testing.T, title string) (text string, cells []string) {
	t.Helper()
	page, err := os.ReadFile("../../../docs/from-others.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(page), "\n## "+title+"\n")
	if !ok {
		t.Fatalf("the page has no section %q", title)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	for _, row := range regexp.MustCompile(`(?m)^\| (.*?) \|`).FindAllStringSubmatch(text, -1) {
		for _, code := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
			cells = append(cells, code[1])
		}
	}
	return text, cells
}

// TestPageScs: the page says something of all that scs has, and of nothing that it has not.
func TestPageScs(t *testing.T) {
	text, cells := section(t, "alexedwards/scs")
	known := map[string]bool{"New": true, "NewSession": true, "scs.SessionManager": true}
	for _, name := range members(new(scs.SessionManager)) {
		known[name] = true
	}
	for _, name := range members(new(scs.SessionCookie)) {
		known["Cookie."+name] = true
	}
	holdPage(t, text, cells, known)
}

// TestPageGorilla does likewise for gorilla/sessions.
func TestPageGorilla(t *testing.T) {
	text, cells := section(t, "gorilla/sessions")
	known := map[string]bool{"CookieStore": true, "FilesystemStore": true, "NewSession": true, "NewCookie": true, "GetRegistry": true,
		"Registry": true, "MultiError": true, "sessions.Save": true, "Store.Get": true, "Store.New": true, "Store.Save": true, "hashKey": true}
	for _, name := range members(new(sessions.Session)) {
		known["Session."+name] = true
	}
	for _, name := range members(new(sessions.Options)) {
		known["Options."+name] = true
	}
	for _, name := range []string{"CookieStore.MaxAge", "FilesystemStore.MaxAge", "MaxLength", "Save"} {
		known[name] = true
	}
	holdPage(t, text, cells, known)
}

func holdPage(t *testing.T, text string, cells []string, known map[string]bool) {
	t.Helper()
	for name := range known {
		if !regexp.MustCompile("`" + regexp.QuoteMeta(name) + `\b`).MatchString(text) {
			t.Errorf("the page says nothing of %s", name)
		}
	}
	name := regexp.MustCompile(`^[A-Za-z.]+`)
	for _, cell := range cells {
		if !known[name.FindString(cell)] {
			t.Errorf("the page names %s, which is not there", cell)
		}
	}
}

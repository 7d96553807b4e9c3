package larder_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// sessionNames returns what package session exports: "New", "Options", and with its type before it what hangs on one: "Options.Idle".
func sessionNames(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("session/*.go")
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range syntax.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				name := d.Name.Name
				if d.Recv != nil {
					name = receiver(d.Recv.List[0].Type) + "." + name
				}
				names[name] = true
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					addNames(names, spec)
				}
			}
		}
	}
	for name := range names {
		for part := range strings.SplitSeq(name, ".") {
			if !ast.IsExported(part) {
				delete(names, name)
			}
		}
	}
	return names
}

func receiver(e ast.Expr) string {
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return "" // of a generic type, of which none is exported
}

func addNames(names map[string]bool, spec ast.Spec) {
	switch s := spec.(type) {
	case *ast.ValueSpec:
		for _, id := range s.Names {
			names[id.Name] = true
		}
	case *ast.TypeSpec:
		names[s.Name.Name] = true
		if st, ok := s.Type.(*ast.StructType); ok {
			for _, field := range st.Fields.List {
				for _, id := range field.Names {
					names[s.Name.Name+"."+id.Name] = true
				}
			}
		}
	}
}

// TestDocsNames: the pages name all that package session exports, and nothing that it does not.
func TestDocsNames(t *testing.T) {
	names := sessionNames(t)
	var all strings.Builder
	for _, page := range []string{"docs/sessions.md", "docs/timeouts.md", "docs/from-others.md", "README.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
		ours := string(text)
		if page == "docs/from-others.md" { // of a row, what is not ours stands first
			ours = regexp.MustCompile(`(?m)^\|[^|]*\|`).ReplaceAllString(ours, "")
		}
		for _, match := range regexp.MustCompile(`\b(session|Options|Cookie|Session|Manager|Info|Device)(?:\(\))?\.([A-Z]\w*)`).FindAllStringSubmatch(ours, -1) {
			name := match[1] + "." + match[2]
			if match[1] == "session" {
				name = match[2]
			}
			if !names[name] && !strings.Contains(ours, "was."+name) && !strings.Contains(ours, "`scs."+match[1]) {
				t.Errorf("%s names %s, which package session does not have", page, match[0])
			}
		}
	}
	for name := range names {
		last := name[strings.LastIndex(name, ".")+1:]
		if last == "String" || last == "LogValue" { // for fmt and slog, which hide what is secret
			continue
		}
		if !regexp.MustCompile(`\b` + last + `\b`).MatchString(all.String()) {
			t.Errorf("no page says anything of %s", name)
		}
	}
}

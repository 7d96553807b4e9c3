package session_test

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestThreatTable: every test that docs/security.md names is there, every row names one, and no test of this kind is forgotten.
func TestThreatTable(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]string{}
	for _, pattern := range []string{"*_test.go", "../codec/*_test.go"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			syntax, err := parser.ParseFile(gotoken.NewFileSet(), file, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, decl := range syntax.Decls {
				if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil {
					declared[f.Name.Name] = file
				}
			}
		}
	}
	name, named, rows := regexp.MustCompile("`((?:Test|Example)[A-Za-z_]+)`"), map[string]bool{}, 0
	for line := range strings.Lines(string(page)) {
		tests := name.FindAllStringSubmatch(line, -1)
		for _, test := range tests {
			if named[test[1]] = true; declared[test[1]] == "" {
				t.Errorf("there is no %s", test[1])
			}
		}
		if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| attack") {
			if rows++; len(tests) == 0 {
				t.Errorf("a row names no test: %s", line)
			}
		}
	}
	if rows < 15 {
		t.Errorf("the table has %d rows", rows)
	}
	for test, file := range declared {
		own := test == "TestThreatTable" || test == "TestCanaryIsHeard" // tests of the tests
		if strings.HasPrefix(file, "security_") && (strings.HasPrefix(test, "Test") || strings.HasPrefix(test, "Example")) && !own && !named[test] {
			t.Errorf("%s in %s is in no row", test, file)
		}
	}
}

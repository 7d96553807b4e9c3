package larder_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The rules of this repository. Each failure says what the rule is for.

const module = "github.com/larder-go/larder"

// mayImport says which packages outside the standard library each package may import; packages below a folder follow the folder's
// rule. A package that is not here fails: add it, and think about who should know whom.
var mayImport = map[string][]string{
	"":                    {"*"},
	"cmd":                 {"*"},
	"store":               {},
	"store/storetest":     {"store", "store/storetest"},
	"migrations":          {},
	"codec":               {"store", "codec/internal", "github.com/vmihailenco/msgpack/v5"},
	"cleanup":             {"store"},
	"session":             {"codec", "store"},
	"shard":               {"store", "github.com/cespare/xxhash/v2"},
	"admin":               {"cleanup", "store", "internal/idle", "internal/words"},
	"otelstore":           {"store", "go.opentelemetry.io/otel"},
	"diskstore":           {"store", "internal"},
	"boltstore":           {"store", "internal", "go.etcd.io/bbolt"},
	"dbstore":             {"store", "internal", "migrations", "github.com/jackc/pgx/v5", "github.com/jackc/puddle/v2"},
	"memstore":            {"store", "internal", "github.com/bradfitz/gomemcache"},
	"redisstore":          {"store", "internal", "github.com/redis/go-redis/v9"},
	"internal/chart":      {"internal/words"},
	"internal/folder":     {},
	"internal/idle":       {},
	"internal/pause":      {},
	"internal/record":     {"store"},
	"internal/sim":        {"shard", "internal/chart", "internal/words"},
	"internal/testneed":   {},
	"internal/traits":     {},
	"internal/words":      {},
	"internal/testserver": {"internal/testneed"},
	"internal/modelcheck": {"store", "pgregory.net/rapid", "github.com/anishathalye/porcupine"},
	"internal/crashtest":  {"store"},
	"internal/outage":     {}, // tests only
	"internal/fleettest":  {}, // tests only
	"internal/failover":   {}, // tests only
	"internal/layertest":  {}, // tests only
	"internal/interleave": {"store"},
}

// mayTestImport is what tests may use besides.
var mayTestImport = []string{
	module, "pgregory.net/rapid", "github.com/anishathalye/porcupine", "go.uber.org/goleak", "github.com/google/go-cmp",
	"github.com/rogpeppe/go-internal", "github.com/vmihailenco/msgpack/v5", "go.etcd.io/bbolt",
	"github.com/jackc/pgx/v5", "github.com/bradfitz/gomemcache", "github.com/redis/go-redis/v9",
	"go.opentelemetry.io/otel",
}

type pkg struct {
	ImportPath                         string
	Dir                                string
	Imports, TestImports, XTestImports []string
}

func packages(t *testing.T) (all []pkg) {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Dir,Imports,TestImports,XTestImports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var p pkg
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// rule finds the rule of the nearest folder.
func rule(importPath string) ([]string, bool) {
	for dir := strings.TrimPrefix(strings.TrimPrefix(importPath, module), "/"); ; dir = path.Dir(dir) {
		if dir == "." {
			dir = ""
		}
		if allowed, ok := mayImport[dir]; ok && (dir != "" || importPath == module) {
			return allowed, true
		}
		if dir == "" {
			return nil, false
		}
	}
}

func below(importPath, root string) bool {
	return importPath == root || strings.HasPrefix(importPath, root+"/")
}

func isStandard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}

func TestImportDirections(t *testing.T) {
	for _, p := range packages(t) {
		allowed, ok := rule(p.ImportPath)
		if !ok {
			t.Errorf("%s has no rule in mayImport", p.ImportPath)
			continue
		}
		for _, imp := range p.Imports {
			permitted := isStandard(imp) || slices.Contains(allowed, "*")
			for _, root := range allowed {
				if below(imp, root) || below(imp, module+"/"+root) {
					permitted = true
				}
			}
			if !permitted {
				t.Errorf("%s imports %s; it may import the standard library and %q", p.ImportPath, imp, allowed)
			}
		}
		for _, imp := range slices.Concat(p.TestImports, p.XTestImports) {
			if !isStandard(imp) && !slices.ContainsFunc(mayTestImport, func(root string) bool { return below(imp, root) }) {
				t.Errorf("a test of %s imports %s, which is not among the test helpers", p.ImportPath, imp)
			}
		}
	}
}

// TestPackageComments: each package has exactly one, in one file, or go doc shows pieces in no order. Files for one system count.
func TestPackageComments(t *testing.T) {
	for _, p := range packages(t) {
		files, err := filepath.Glob(filepath.Join(p.Dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		var with []string
		for _, file := range files {
			syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.PackageClauseOnly)
			if err != nil {
				t.Fatal(err)
			}
			if syntax.Doc != nil && !strings.HasSuffix(file, "_test.go") {
				with = append(with, filepath.Base(file))
			}
		}
		if len(with) != 1 {
			t.Errorf("%s has %d package comments %q, not one", p.ImportPath, len(with), with)
		}
	}
}

// TestFileSizes keeps files so short that one sees what each is for.
func TestFileSizes(t *testing.T) {
	const most, limit = 200, 400
	total, over := 0, 0
	eachFile(t, func(file string, data []byte) {
		if !strings.HasSuffix(file, ".go") {
			return
		}
		lines := bytes.Count(data, []byte("\n"))
		if lines > limit {
			t.Errorf("%s has %d lines, the limit is %d: perhaps two things share one file", file, lines, limit)
		}
		if total++; lines > most {
			over++
		}
	})
	if over*2 > total {
		t.Errorf("%d of %d files have over %d lines", over, total, most)
	}
}

// TestNoHiddenStart: importing a package starts nothing and registers nothing.
func TestNoHiddenStart(t *testing.T) {
	eachFile(t, func(file string, data []byte) {
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), file, data, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range syntax.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Name.Name == "init" && f.Recv == nil {
				t.Errorf("%s has an init function", file)
			}
		}
	})
}

// TestNoLumberRooms: a package is named after what it does.
func TestNoLumberRooms(t *testing.T) {
	for _, p := range packages(t) {
		for dir := range strings.SplitSeq(strings.TrimPrefix(p.ImportPath, module), "/") {
			if slices.Contains([]string{"util", "utils", "common", "helpers", "misc", "pkg"}, dir) {
				t.Errorf("%s: a folder %q says nothing", p.ImportPath, dir)
			}
		}
	}
}

// TestModuleFile: go.mod is what users inherit.
func TestModuleFile(t *testing.T) {
	data, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		switch first, _, _ := strings.Cut(strings.TrimSpace(line), " "); first {
		case "toolchain", "replace", "exclude", "tool":
			t.Errorf("go.mod has a line %q, which would break go install of the command or bind its users", strings.TrimSpace(line))
		}
	}
	if !bytes.Contains(data, []byte("\ngo 1.26.0\n")) {
		t.Error("go.mod does not say go 1.26.0: the oldest supported release, and the one that users inherit")
	}
}

// TestMakefile keeps the Makefile a list of commands, not a program.
func TestMakefile(t *testing.T) {
	data, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(data, []byte("\n")); n > 30 {
		t.Errorf("the Makefile has %d lines, the limit is 30", n)
	}
}

// TestLinks follows the relative links of every page.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#\s]+)(#[^)]*)?\)`)
	eachFile(t, func(file string, data []byte) {
		if !strings.HasSuffix(file, ".md") {
			return
		}
		for _, match := range link.FindAllStringSubmatch(string(data), -1) {
			if strings.Contains(match[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), match[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", file, match[1])
			}
		}
	})
}

// eachFile calls visit with every file that git tracks or would.
func eachFile(t *testing.T, visit func(file string, data []byte)) {
	t.Helper()
	out, err := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Skipf("git ls-files: %v", err)
	}
	for file := range strings.Lines(string(out)) {
		file = strings.TrimSpace(file)
		if strings.Contains(file, "testdata/") {
			continue
		}
		data, err := os.ReadFile(file)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(fmt.Errorf("%s: %w", file, err))
		}
		visit(file, data)
	}
}

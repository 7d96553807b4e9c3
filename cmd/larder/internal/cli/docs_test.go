package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// manual is docs/cli.md, by section: "### larder NAME" for a command, "## Exit codes" and the like for the rest.
func manual(t *testing.T) (whole string, sections map[string]string) {
	t.Helper()
	page, err := os.ReadFile("../../../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	sections = make(map[string]string)
	title := ""
	for line := range strings.Lines(string(page)) {
		if heading, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "##") {
			title = strings.TrimSpace(heading)
			if name, ok := strings.CutPrefix(title, "larder "); ok {
				title = "larder " + strings.Fields(name)[0]
			}
		}
		sections[title] += line
	}
	return string(page), sections
}

// TestManualIsComplete compares the manual with the commands as they are.
func TestManualIsComplete(t *testing.T) {
	whole, sections := manual(t)
	a := newApp(strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{}, func(string) string { return "" }, nil)
	root := a.rootCommand(nil)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	flagName := regexp.MustCompile(`(?:-(\w), )?--([a-z-]+)`)
	names := make(map[string]bool)
	for _, c := range root.Commands() {
		names[c.Name()] = true
		section, ok := sections["larder "+c.Name()]
		if !ok {
			t.Errorf("the manual has no section on larder %s", c.Name())
		}
		usages := c.LocalNonPersistentFlags().FlagUsages()
		for _, shell := range c.Commands() {
			usages += shell.LocalNonPersistentFlags().FlagUsages()
		}
		flags := make(map[string]bool)
		for _, match := range flagName.FindAllStringSubmatch(usages, -1) {
			flags[match[2]] = true
			row := "| `--" + match[2]
			if match[1] != "" {
				row = fmt.Sprintf("| `-%s`, `--%s", match[1], match[2])
			}
			if match[2] != "help" && !strings.Contains(section, row) {
				t.Errorf("the section on larder %s has no row %q", c.Name(), row)
			}
		}
		for _, match := range regexp.MustCompile("(?m)^\\|.*`--([a-z-]+)[^|]*\\|").FindAllStringSubmatch(section, -1) {
			if !flags[match[1]] {
				t.Errorf("the section on larder %s names --%s, which it does not have", c.Name(), match[1])
			}
		}
		if c.Example == "" && c.Name() != "completion" {
			t.Errorf("larder %s has no example", c.Name())
		}
	}
	for title := range sections {
		if name, ok := strings.CutPrefix(title, "larder "); ok && !names[name] {
			t.Errorf("the manual has a section on larder %s, which there is not", name)
		}
	}
	for _, match := range flagName.FindAllStringSubmatch(root.PersistentFlags().FlagUsages(), -1) {
		if !strings.Contains(sections["Flags of every command"], "--"+match[2]) {
			t.Errorf("the manual does not name --%s", match[2])
		}
	}
	for code := range 256 {
		row := regexp.MustCompile(fmt.Sprintf(`(?m)^\| %d \|`, code)).MatchString(sections["Exit codes"])
		if known := exitMeaning(code) != ""; known != row {
			t.Errorf("exit code %d: known %t, in the manual %t", code, known, row)
		}
	}
	for _, name := range []string{envStore, envStoreFile, defaultStore} {
		if !strings.Contains(whole, "`"+name+"`") {
			t.Errorf("the manual does not name %s", name)
		}
	}
}

// TestManualNamesJSONFields: the fields are a promise, so each is written down.
func TestManualNamesJSONFields(t *testing.T) {
	_, sections := manual(t)
	for title, result := range map[string]any{
		"larder set": setResult{}, "larder get": getResult{}, "larder ls": lsResult{}, "larder stat": statResult{}, "larder rm": rmResult{},
		"larder touch": touchResult{}, "larder cleanup": cleanupResult{}, "larder check": checkResult{}, "larder doctor": doctorResult{}, "larder demo": demoResult{}, "larder handover": handoverResult{}, "larder copy": copyResult{}, "larder export": exportResult{}, "larder import": importResult{}, "larder version": versionResult{},
		"larder ring": struct {
			plan      ringPlanResult
			rebalance ringRebalanceResult
			status    ringStatusResult
			where     ringWhereResult
		}{},
	} {
		for _, name := range fields(reflect.TypeOf(result)) {
			text := sections[title]
			if title == "larder touch" {
				text += sections["larder rm"] // problems
			}
			if !strings.Contains(text, "`"+name+"`") {
				t.Errorf("the section on %s does not name the field %q", title, name)
			}
		}
	}
	for _, name := range fields(reflect.TypeFor[complaint]()) {
		if !strings.Contains(sections["Exit codes"], `"`+name+`"`) {
			t.Errorf("the manual does not name the field %q of an error", name)
		}
	}
}

// fields returns the names of all fields of a result, also of what is nested in it.
func fields(t reflect.Type) (names []string) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		return fields(t.Elem())
	case reflect.Struct:
	default:
		return nil
	}
	if t.Implements(reflect.TypeFor[json.Marshaler]()) {
		return nil // a time
	}
	for f := range t.Fields() {
		if name := f.Tag.Get("json"); name != "" {
			names = append(names, name)
		}
		names = append(names, fields(f.Type)...)
	}
	return names
}

// TestHelpIsComplete: each command that opens a store names its variables and exit codes, within some 80 columns.
func TestHelpIsComplete(t *testing.T) {
	for _, args := range [][]string{{}, {"set"}, {"get"}, {"ls"}, {"stat"}, {"rm"}, {"touch"}, {"cleanup"}, {"check"}, {"handover"}, {"copy"}, {"export"}, {"import"}, {"demo"},
		{"ring"}, {"ring", "plan"}, {"ring", "rebalance"}, {"ring", "status"}, {"ring", "where"}, {"version"}, {"completion"}, {"help"}} {
		var out, errs bytes.Buffer
		code := Run(t.Context(), append(args, "--help"), strings.NewReader(""), &out, &errs, func(string) string { return "" })
		if code != exitDone || errs.Len() > 0 {
			t.Fatalf("%q: %d, %s", args, code, &errs)
		}
		opens := len(args) == 0 || args[0] != "version" && args[0] != "completion" && args[0] != "help" && args[0] != "handover" && args[0] != "copy" && !(len(args) == 1 && args[0] == "ring")
		fallback := defaultStore
		if len(args) > 0 && args[0] == "demo" {
			fallback = demoStore
		}
		for _, want := range []string{envStore, envStoreFile, fallback} {
			if opens != strings.Contains(strings.ReplaceAll(out.String(), "as "+defaultStore, ""), want) {
				t.Errorf("%q: %s: want %t", args, want, opens)
			}
		}
		if !strings.Contains(out.String(), "\nExit codes:\n") {
			t.Errorf("%q names no exit codes", args)
		}
		for line := range strings.Lines(out.String()) {
			if len([]rune(line)) > 85 {
				t.Errorf("%q: a line of %d columns: %s", args, len([]rune(line)), line)
			}
		}
	}
}

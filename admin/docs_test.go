package admin

import (
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestPageIsComplete: names are a promise, so each field and each error is written down, and none that there is not.
func TestPageIsComplete(t *testing.T) {
	text, err := os.ReadFile("../docs/admin.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	for _, v := range []any{stat{}, listPage{}, sweepRequest{}, swept{}, failure{}, problem{}} {
		for _, name := range fieldNames(reflect.TypeOf(v)) {
			if !strings.Contains(page, "`"+name+"`") && !strings.Contains(page, `"`+name+`"`) {
				t.Errorf("docs/admin.md does not name the field %q", name)
			}
		}
	}
	source, err := exec.Command("sh", "-c", "cat *.go").Output()
	if err != nil {
		t.Skip(err)
	}
	_, table, _ := strings.Cut(page, "### Errors")
	rows := make(map[string]bool)
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(table, -1) {
		rows[m[1]] = true
		if !strings.Contains(string(source), `"`+m[1]+`"`) {
			t.Errorf("docs/admin.md has the error %s, which there is not", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`problem\{"([a-z_]+)"|p\.Name, p\.status = "([a-z_]+)"`).FindAllStringSubmatch(string(source), -1) {
		if name := m[1] + m[2]; !rows[name] {
			t.Errorf("docs/admin.md does not have the error %s", name)
		}
	}
	for i := range kinds {
		if kindName(i) == "" {
			t.Errorf("kind %d has no name", i)
		}
	}
}

func fieldNames(t reflect.Type) (names []string) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		return fieldNames(t.Elem())
	case reflect.Struct:
	default:
		return nil
	}
	if t == reflect.TypeFor[time.Time]() {
		return nil
	}
	for f := range t.Fields() {
		if name := f.Tag.Get("json"); name != "" {
			names = append(names, name)
		}
		if f.IsExported() || f.Anonymous {
			names = append(names, fieldNames(f.Type)...)
		}
	}
	return names
}

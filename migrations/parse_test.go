package migrations

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	const file = "-- about\n\n-- +goose Up\nSELECT 1;\n-- why\n-- +goose StatementBegin\nSELECT 2;\n-- +goose StatementEnd\n\n-- +goose Down\r\nSELECT 3;\r\n"
	up, down, err := parse(file)
	if up != "SELECT 1;\n-- why\nSELECT 2;" || down != "SELECT 3;" || err != nil {
		t.Errorf("%q, %q, %v", up, down, err)
	}
	for text, want := range map[string]string{
		"":         "no -- +goose Up",
		"SELECT 1": "line 1: a statement stands before",
		"-- +goose NO TRANSACTION\n-- +goose Up\nSELECT 1;":                          "NO TRANSACTION",
		"-- +goose Down\nSELECT 1;":                                                  "line 1",
		"-- +goose Up\n-- +goose Up\n":                                               "line 2",
		"-- +goose Up\n-- +goose StatementBegin\n":                                   "StatementEnd is missing",
		"-- +goose Up\n-- +goose StatementEnd\n":                                     "line 2",
		"-- +goose Up\n-- +goose StatementBegin\n-- +goose Down":                     "line 3",
		"-- +goose Up\n-- +goose StatementBegin\n-- +goose StatementBegin":           "line 3",
		"-- +goose StatementBegin\n-- +goose Up":                                     "line 1",
		"-- +goose ENVSUB ON\n-- +goose Up":                                          "line 1",
		"-- +goose Up\n-- +goose Down\n-- +goose Down":                               "line 3",
		"-- +goose Up\n-- +goose Down\n-- +goose Up\n":                               "line 3",
		"-- +goose Up\nSELECT 1;\n--+goose NO TRANSACTION":                           "NO TRANSACTION",
		"-- +goose Upwards\n" + strings.Repeat("x", 1000):                            "line 1",
		"-- +goose Up\n  -- +goose StatementBegin\nx\n\t-- +goose StatementEnd\n-- ": "",
	} {
		_, _, err := parse(text)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// FuzzParse: whatever a file holds, it is refused, or each line is in the part that it stands in, in its order.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"00001_entries.sql", "00002_indexes.sql", "00003_autovacuum.sql"} {
		data, err := FS.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Add("-- +goose Up\n-- +goose Down\n-- +goose Up")
	f.Add("--+goose Up\n")
	f.Fuzz(func(t *testing.T, text string) {
		up, down, err := parse(text)
		if err != nil {
			return
		}
		var want strings.Builder
		began := false
		for line := range strings.Lines(text) {
			rest, comment := strings.CutPrefix(strings.TrimSpace(line), "--")
			switch note := comment && strings.HasPrefix(strings.TrimSpace(rest), "+goose"); {
			case note:
				began = true
			case began:
				want.WriteString(line)
			case !comment && rest != "":
				t.Errorf("%q is dropped", line)
			}
		}
		squeeze := func(s string) string { return strings.Join(strings.Fields(s), "") }
		if got := squeeze(up + down); got != squeeze(want.String()) {
			t.Errorf("%q became %q and %q", text, up, down)
		}
	})
}

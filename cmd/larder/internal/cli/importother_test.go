package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/larder-go/larder/store"
)

// TestImportOther: an import that was interrupted goes on with the file that it was of. Another one, also with the same id, is imported whole: at
// once where it is a file, and when it is run again where it comes through a pipe. Without an id none goes on.
func TestImportOther(t *testing.T) {
	lines := func(id, name string) string {
		text := fmt.Sprintf("{\"format\":\"larder-export\",\"version\":1,\"id\":%q}\n", id)
		for i := range 1000 {
			text += fmt.Sprintf("{\"key\":\"%s%d\",\"text\":\"v\"}\n", name, i)
		}
		return text // cut off, which costs nothing but the exit code
	}
	for _, test := range []struct {
		id, name string
		file     bool
		want     []int // exit codes
		resumes  bool
	}{
		{"one", "first", true, []int{exitPartial}, true},
		{"one", "first", false, []int{exitPartial}, true},
		{"one", "second", true, []int{exitPartial}, false},
		{"one", "second", false, []int{exitError, exitPartial}, false},
		{"", "first", true, []int{exitPartial}, false},
		{"", "second", false, []int{exitPartial}, false},
	} {
		t.Run(fmt.Sprintf("%+v", test), func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			dst := &ending{keep: keep{store.NewMap(nil)}, stop: cancel}
			dst.n.Store(600)
			run := func(ctx context.Context, text string, file bool) (int, importResult, string) {
				args := []string{"import", "--json", "--store", "dst:"}
				stdin := strings.NewReader(text)
				if file {
					path := filepath.Join(t.TempDir(), "all.jsonl")
					if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
						t.Fatal(err)
					}
					args = append(args, path)
				}
				var out, errs bytes.Buffer
				mux := store.Mux{"dst": func(context.Context, *url.URL) (store.Closer, error) { return dst, nil }}
				code := newApp(stdin, &out, &errs, func(string) string { return "" }, mux).run(ctx, args)
				var r importResult
				if err := json.Unmarshal(out.Bytes(), &r); err != nil {
					t.Fatalf("%d, %v: %s%s", code, err, &out, &errs)
				}
				return code, r, errs.String()
			}
			if code, r, errs := run(ctx, lines(test.id, "first"), true); code != exitInterrupted || r.Copied < 400 {
				t.Fatalf("%d, %+v, %s", code, r, errs)
			}
			for _, want := range test.want {
				code, r, errs := run(t.Context(), lines(test.id, test.name), test.file)
				if code != want || want == exitPartial && (r.Resumed > 300) != test.resumes {
					t.Fatalf("%d, %+v, %s", code, r, errs)
				}
			}
			for i := range 1000 {
				if has, _ := dst.Contains(t.Context(), fmt.Sprint(test.name, i)); !has {
					t.Fatalf("entry %d is missing", i)
				}
			}
		})
	}
}

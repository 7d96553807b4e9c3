package cli

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/store"
)

// TestWaitingIsTold: what waits for a node says so, and for what, once, and goes on when the node is back.
func TestWaitingIsTold(t *testing.T) {
	folder := t.TempDir()
	source := filepath.Join(folder, "source")
	_, mux := heldRing("d")
	fillRing(t, mux, "held:d", 100)
	if code, _, errs := onNodes(t, mux, "held:d", "export", source); code != exitDone {
		t.Fatal(code, errs)
	}
	for _, test := range []struct{ args, told string }{
		{"export %s", "waiting for half a minute at most: held: open: store unavailable (node b)"},
		{"import " + source, "waiting for half a minute at most: held: open: store unavailable (node b)"},
		{"copy " + downURL + " held:d", "waiting for half a minute at most: SRC: held: open: store unavailable (node b)"},
		{"copy held:d " + downURL, "waiting for half a minute at most: DST: held: open: store unavailable (node b)"},
	} {
		for _, flag := range []string{"", " -q", " terminal"} {
			for _, back := range []bool{true, false} {
				synctest.Test(t, func(t *testing.T) {
					nodes, mux := heldRing("a", "b", "c", "d")
					fillRing(t, mux, heldURL, 100)
					fillRing(t, mux, "held:d", 100)
					start, later := time.Now(), time.Hour
					if back {
						later = 10 * time.Second
					}
					mux["down"] = func(_ context.Context, u *url.URL) (store.Closer, error) {
						if time.Since(start) < later {
							return nil, store.Wrap("held", "open", store.ErrUnavailable)
						}
						return nodes[u.Opaque], nil
					}
					var out, errs bytes.Buffer
					a := newApp(strings.NewReader(""), &out, &errs, func(name string) string { return map[string]string{envStore: downURL}[name] }, mux)
					a.tty = func(any) bool { return flag == " terminal" }
					args := test.args
					if strings.Contains(args, "%s") {
						args = fmt.Sprintf(args, filepath.Join(folder, fmt.Sprintf("%d-%t", len(flag), back)))
					}
					code := a.run(t.Context(), strings.Fields(args+strings.TrimSuffix(flag, " terminal")))
					said := strings.Count(errs.String(), test.told)
					if flag == "" && said != 1 || flag == " -q" && said != 0 || flag == " terminal" && said == 0 {
						t.Errorf("%s%s: it is said %d times: %q", test.args, flag, said, &errs)
					}
					if back != (code == exitDone) {
						t.Errorf("%s: %d, %s", test.args, code, &errs)
					}
				})
			}
		}
	}
}

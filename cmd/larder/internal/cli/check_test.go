package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/larder-go/larder/internal/testserver"
)

// backends returns a URL for each backend, of a store that exists and that nobody else uses.
func backends(t *testing.T) map[string]string {
	t.Helper()
	urls := map[string]string{
		"map":       "map:",
		"file":      "file:" + t.TempDir() + "/data",
		"bolt":      "bolt:" + t.TempDir() + "/data.db",
		"memcached": testserver.Memcached(t).URL + "?x-timeout=24h&x-prefix=" + t.Name() + ":",
		"redis":     testserver.Redis(t).URL + "?x-timeout=24h&x-prefix=" + t.Name() + ":",
		"postgres":  testserver.Postgres(t).URL + "?x-schema=" + strings.ToLower(t.Name()),
	}
	for name, url := range urls {
		if name == "postgres" {
			if code, out, errs := command(t, url, "migrate", "up"); code != exitDone {
				t.Fatalf("%d, %s%s", code, out, errs)
			}
		}
		if code, out, errs := command(t, url, "set", "somebody"); code != exitDone {
			t.Fatalf("%s: %d, %s%s", name, code, out, errs)
		}
	}
	return urls
}

// command runs a command line on the store of that URL, as the process would.
func command(t *testing.T, url string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	env := func(name string) string { return map[string]string{envStore: url}[name] }
	code = Run(t.Context(), args, strings.NewReader("else"), &out, &errs, env)
	return code, out.String(), errs.String()
}

func TestCheckEveryBackend(t *testing.T) {
	for name, url := range backends(t) {
		t.Run(name, func(t *testing.T) {
			code, out, errs := command(t, url, "check", "--json")
			if code != exitDone {
				t.Fatalf("%d, %s%s", code, out, errs)
			}
			var r checkResult
			if err := json.Unmarshal([]byte(out), &r); err != nil {
				t.Fatal(err)
			}
			t.Log(r.text())
			if r.Kept != r.Tested || r.Tested < 60 || len(r.Facts) < 3 || len(r.Broken) > 0 {
				t.Errorf("%s", out)
			}
			if name == "map" {
				return
			}
			if code, out, errs := command(t, url, "get", "somebody"); code != exitDone || out != "else" {
				t.Errorf("somebody else's entry: %d, %s%s", code, out, errs)
			}
			if code, out, errs := command(t, url, "ls", "--json"); name != "memcached" && (code != exitDone || !strings.Contains(out, `"count":1,`)) {
				t.Errorf("what is there: %d, %s%s", code, out, errs)
			}
		})
	}
}

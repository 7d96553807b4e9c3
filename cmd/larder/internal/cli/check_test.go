package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest/mutants"
)

// backends returns a URL for each backend, of a store that exists and that nobody else uses.
func backends(t *testing.T) map[string]string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "larder-test-") // a disk that others use too would only make it slow
	if err != nil {
		dir = t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	urls := map[string]string{
		"map":       "map:",
		"file":      "file:" + dir + "/data",
		"bolt":      "bolt:" + dir + "/data.db",
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

// TestCheckEveryBackend runs the cases that take little time, and where LARDER_SOAK is set, all.
func TestCheckEveryBackend(t *testing.T) {
	args, least := []string{"check", "--json", "--cases", "abilities,keys/pairs,values,door/get,deadline,swap,delete,sweep,list/prefix,errors"}, 35
	if os.Getenv("LARDER_SOAK") != "" {
		args, least = args[:2], 90
	}
	for name, url := range backends(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out, errs := command(t, url, args...)
			if code != exitDone {
				t.Fatalf("%d, %s%s", code, out, errs)
			}
			var r checkResult
			if err := json.Unmarshal([]byte(out), &r); err != nil {
				t.Fatal(err)
			}
			t.Logf("%d of %d kept in %.0f s, %d warnings", r.Kept, r.Tested, r.Duration, r.Warnings)
			if r.Kept != r.Tested || r.Tested < least || len(r.Facts) < 3 || len(r.Broken) > 0 {
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

// TestCheckBroken: a store that breaks a promise fails, and the rule is shown.
func TestCheckBroken(t *testing.T) {
	var mutant mutants.Mutant
	for _, m := range mutants.All() {
		if m.Name == "key-lower-case" {
			mutant = m
		}
	}
	open := func(_ context.Context, u *url.URL) (store.Closer, error) {
		return mutant.New(store.NewParams(u).Expiry()).(store.Closer), nil
	}
	check := func(args ...string) (code int, stdout, stderr string) {
		var out, errs bytes.Buffer
		env := func(name string) string { return map[string]string{envStore: "test:?x-prefix=own:"}[name] }
		a := newApp(strings.NewReader(""), &out, &errs, env, store.Mux{"test": open})
		code = a.run(t.Context(), append([]string{"check", "--cases", "keys/pairs,values/empty"}, args...))
		return code, out.String(), errs.String()
	}
	code, out, errs := check()
	for _, want := range []string{"Keys           0 of 1 kept", "Values         1 of 1 kept", "broken: keys/pairs\n  Keys: Distinct keys never meet", "\n  - case: ",
		"1 of 2 promises that were tested are kept"} {
		if code != exitError || !strings.Contains(out, want) {
			t.Errorf("%d, no %q in %s%s", code, want, out, errs)
		}
	}
	if !strings.Contains(errs, "larder: 1 promise is broken: keys/pairs\n  hint: ") {
		t.Error(errs)
	}
	code, out, errs = check("--json")
	var r checkResult
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != exitError || len(r.Broken) != 1 || len(r.Broken[0].Failures) == 0 || r.Kept != 1 || r.Tested != 2 {
		t.Errorf("%d, %s%s", code, out, errs)
	}
	if code, out, errs = check("-q"); code != exitError || out != "" || !strings.Contains(errs, "keys/pairs") {
		t.Errorf("%d, %s%s", code, out, errs)
	}
}

// TestCheckInterrupted: what was written until then is removed.
func TestCheckInterrupted(t *testing.T) {
	dir := t.TempDir() + "/data"
	if code, out, errs := command(t, "file:"+dir, "set", "somebody"); code != exitDone {
		t.Fatalf("%d, %s%s", code, out, errs)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var out, errs bytes.Buffer
	ended := make(chan int)
	go func() {
		ended <- Run(ctx, []string{"check"}, strings.NewReader(""), &out, &errs, func(name string) string { return map[string]string{envStore: "file:" + dir}[name] })
	}()
	for wrote := false; !wrote; {
		files, err := filepath.Glob(dir + "/*/*")
		if err != nil {
			t.Fatal(err)
		}
		wrote = len(files) > 20
	}
	cancel()
	if code := <-ended; code != exitInterrupted || out.Len() > 0 || !strings.Contains(errs.String(), "what was written is removed") {
		t.Errorf("%d, %s%s", code, &out, &errs)
	}
	if code, out, errs := command(t, "file:"+dir, "ls", "--json"); code != exitDone || !strings.Contains(out, `"count":1,`) {
		t.Errorf("what is there: %d, %s%s", code, out, errs)
	}
}

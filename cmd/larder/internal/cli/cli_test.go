package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/store"
)

// keep is a store that outlives the command: Close does nothing.
type keep struct{ *store.Map }

func (keep) Close() error { return nil }

// plain hides every ability: what an author of a store must write, and no more.
type plain struct{ store.Store }

func (plain) Close() error { return nil }

// outage is a store whose server does not answer.
type outage struct{ *store.Map }

func (outage) Close() error { return nil }

func (outage) List(context.Context, string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		if yield(store.Info{Key: "first"}, nil) {
			yield(store.Info{}, store.Wrap("outage", "list", store.ErrUnavailable))
		}
	}
}

func (outage) Get(context.Context, string) ([]byte, error) {
	return nil, store.Wrap("outage", "get", store.ErrUnavailable)
}

// opens returns a Mux that opens s as "test:" and has nothing else.
func opens(s store.Closer) store.Mux {
	return store.Mux{"test": func(context.Context, *url.URL) (store.Closer, error) { return s, nil }}
}

// run runs a command line against s.
func run(t *testing.T, ctx context.Context, s store.Closer, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	env := func(name string) string { return map[string]string{envStore: "test:"}[name] }
	code = newApp(strings.NewReader("input"), &out, &errs, env, opens(s)).run(ctx, args)
	return code, out.String(), errs.String()
}

func TestHostileKeysSteerNoTerminal(t *testing.T) {
	s := keep{store.NewMap(nil)}
	hostileKeys := []string{"\x1b]0;owned\x07", "\u009b2J", "\u202etxt.exe", "tab\tand\nline", "\r\x1b[Kclean", "%s%n", "-rf", "$(reboot)", "`id`", " "}
	for _, key := range hostileKeys {
		if code, _, stderr := run(t, t.Context(), s, "set", "--", key); code != exitDone {
			t.Fatalf("set %q: %d, %s", key, code, stderr)
		}
	}
	for _, args := range [][]string{{"ls"}, {"ls", "--full"}, {"ls", "--json", "--full"}, {"stat"},
		append([]string{"rm", "-n", "--"}, append(hostileKeys, "\x1b[31mnosuch")...)} {
		_, stdout, stderr := run(t, t.Context(), s, args...)
		for _, c := range stdout + stderr {
			if c != '\n' && hostile(c) {
				t.Errorf("%q prints %U: %q", args, c, stdout+stderr)
			}
		}
	}
	// In JSON, what was escaped is still exact.
	_, stdout, _ := run(t, t.Context(), s, "ls", "--json", "--full")
	var listed lsResult
	if err := json.Unmarshal([]byte(stdout), &listed); err != nil {
		t.Fatal(err)
	}
	found := make(map[string]bool)
	for _, e := range listed.Entries {
		found[e.Key] = true
	}
	for _, key := range hostileKeys {
		if !found[key] {
			t.Errorf("%q is not in the list as it is", key)
		}
	}
}

func TestStoreWithoutAbilities(t *testing.T) {
	s := plain{store.NewMap(nil)}
	for _, test := range []struct {
		args       []string
		code       int
		out, error string
	}{
		{[]string{"set", "key"}, exitDone, "stored 5 B", ""},
		{[]string{"get", "key"}, exitDone, "input", ""},
		{[]string{"get", "--json", "key"}, exitDone, `"value":"aW5wdXQ=","size":5,"atime":null`, ""},
		{[]string{"get", "--peek", "key"}, exitUsage, "", "leave --peek out"},
		{[]string{"ls"}, exitUsage, "", "cannot list what it holds"},
		{[]string{"stat"}, exitUsage, "", "cannot list what it holds"},
		{[]string{"touch", "key"}, exitDone, "touched 1", ""},
		{[]string{"cleanup", "--idle", "1h"}, exitDone, "nothing to remove", ""},
		{[]string{"cleanup", "-n"}, exitUsage, "", "leave the other flags out"},
		{[]string{"cleanup", "--limit", "1"}, exitUsage, "", "leave the other flags out"},
		{[]string{"rm", "key"}, exitDone, "removed 1", ""},
	} {
		code, stdout, stderr := run(t, t.Context(), s, test.args...)
		if code != test.code || !strings.Contains(stdout, test.out) || !strings.Contains(stderr, test.error) {
			t.Errorf("%q: %d, %q, %q; want %d, %q, %q", test.args, code, stdout, stderr, test.code, test.out, test.error)
		}
	}
}

func TestOutageIsAnError(t *testing.T) {
	for _, args := range [][]string{{"ls"}, {"ls", "--json"}, {"stat"}, {"get", "key"}} {
		code, stdout, stderr := run(t, t.Context(), outage{store.NewMap(nil)}, args...)
		if code != exitError || !strings.Contains(stderr, "store unavailable") || !strings.Contains(stderr, "hint") {
			t.Errorf("%q: %d, %q, %q", args, code, stdout, stderr)
		}
		if args[len(args)-1] == "--json" && !strings.Contains(stdout, `"complete":false}`) {
			t.Errorf("%q: a list that broke off does not say so: %q", args, stdout)
		}
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := keep{store.NewMap(nil)}
	for _, args := range [][]string{{"get", "key"}, {"ls"}, {"stat"}, {"rm", "a", "b"}, {"touch", "a", "b"}, {"cleanup"}, {"set", "key"}} {
		code, _, stderr := run(t, ctx, s, args...)
		if code != exitInterrupted || !strings.Contains(stderr, "larder: interrupted\n") {
			t.Errorf("%q: %d, %q", args, code, stderr)
		}
	}
}

// TestSetDoesNotHangOnInput: a terminal at which nobody types must not keep the command from ending.
func TestSetDoesNotHangOnInput(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	defer r.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	a := newApp(r, &bytes.Buffer{}, &bytes.Buffer{}, func(string) string { return "" }, nil)
	if _, err := a.input(ctx, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("input returned %v", err)
	}
}

func TestInputIsBounded(t *testing.T) {
	if _, err := readAll(strings.NewReader("12345"), 4); err == nil {
		t.Error("5 bytes were read with a limit of 4")
	}
	if value, err := readAll(strings.NewReader("1234"), 4); err != nil || string(value) != "1234" {
		t.Errorf("%q, %v", value, err)
	}
}

// TestEveryErrorHasCodeAndAdvice: explain finds an exit code and something to do for whatever stores return.
func TestEveryErrorHasCodeAndAdvice(t *testing.T) {
	for _, err := range []error{store.ErrNotFound, store.ErrConflict, store.ErrInvalidKey, store.ErrTooLarge, store.ErrCorrupt,
		store.ErrUnavailable, errors.ErrUnsupported, os.ErrPermission, os.ErrNotExist, os.ErrClosed, context.Canceled, context.DeadlineExceeded,
		errors.New("anything")} {
		f := explain(store.Wrap("pkg", "op", err))
		if f.code == exitDone || f.hint == "" || f.Error() == "" || exitMeaning(f.code) == "" {
			t.Errorf("%v: code %d, hint %q", err, f.code, f.hint)
		}
	}
}

func TestSuggestedFlag(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"idle", "idle", 0}, {"idel", "idle", 1}, {"stroe", "store", 1}, {"jsn", "json", 1}, {"abc", "xyz", 3}, {"", "abc", 3}, {"full", "", 4}} {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("distance(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
	}
}

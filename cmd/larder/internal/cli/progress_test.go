package cli

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/store"
)

func TestProgress(t *testing.T) {
	run := func(d time.Duration, text string) string {
		var screen strings.Builder
		p := startProgress(func(s string) { screen.WriteString(s) }, func() string { return text })
		time.Sleep(d)
		synctest.Wait()
		p.stop()
		p.stop()
		return screen.String()
	}
	synctest.Test(t, func(t *testing.T) {
		if got := run(999*time.Millisecond, "x"); got != "" {
			t.Errorf("what takes less than a second shows %q", got)
		}
		got := run(1450*time.Millisecond, "cleaning up")
		if n := strings.Count(got, "cleaning up (1s)"); n != 3 {
			t.Errorf("the line is written %d times, want 3: %q", n, got)
		}
		if !strings.HasSuffix(got, "\r"+strings.Repeat(" ", len("cleaning up (1s)"))+"\r") {
			t.Errorf("the line is not wiped out: %q", got)
		}
		for line := range strings.SplitSeq(run(2*time.Second, strings.Repeat("ключ ", 50)), "\r") {
			if len([]rune(line)) > progressWidth {
				t.Errorf("a line would wrap: %q", line)
			}
		}
	})
	var none *progress
	none.stop() // where there is no terminal
}

// slow is a store, and the input of set, that takes 400 ms for each step. It holds every key.
type slow struct {
	*store.Map
	left int // bytes to read
}

func (*slow) Close() error { return nil }

func (*slow) step() { time.Sleep(400 * time.Millisecond) }

func (s *slow) Contains(context.Context, string) (bool, error) { s.step(); return true, nil }

func (s *slow) Touch(context.Context, string) error { s.step(); return nil }

func (s *slow) Read(p []byte) (int, error) {
	s.step()
	if s.left == 0 {
		return 0, io.EOF
	}
	n := min(s.left, 100)
	s.left -= n
	return n, nil
}

// TestLongCommandsShowProgress: on a terminal, after a second, and not with --quiet.
func TestLongCommandsShowProgress(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"rm a b c d", "removing: 2 of 4 keys (1s)"},
		{"rm -n a b c d", "looking: 2 of 4 keys (1s)"},
		{"touch a b c d a", "touching: 2 of 4 keys (1s)"},
		{"set key", "reading: 200 B (1s)"},
	} {
		for _, terminal := range []bool{true, false} {
			for _, quiet := range []string{"", " -q"} {
				synctest.Test(t, func(t *testing.T) {
					s := &slow{store.NewMap(nil), 500}
					var out, errs bytes.Buffer
					env := func(name string) string { return map[string]string{envStore: "test:"}[name] }
					a := newApp(s, &out, &errs, env, opens(s))
					a.tty = func(stream any) bool { return terminal && stream == a.stderr }
					if code := a.run(t.Context(), strings.Fields(test.args+quiet)); code != exitDone {
						t.Fatalf("%s: %d, %s", test.args, code, &errs)
					}
					if want := terminal && quiet == ""; want != strings.Contains(errs.String(), "\r"+test.want) || !want && errs.Len() > 0 {
						t.Errorf("%s, terminal %t: stderr is %q", test.args+quiet, terminal, &errs)
					}
					if strings.Contains(out.String(), ":") {
						t.Errorf("%s: the progress is in the results: %q", test.args, &out)
					}
				})
			}
		}
	}
}

// TestTypedInputHasNoProgress: it would stand in the middle of what is being typed.
func TestTypedInputHasNoProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var errs bytes.Buffer
		a := newApp(&slow{nil, 500}, &bytes.Buffer{}, &errs, func(string) string { return "" }, nil)
		a.tty = func(any) bool { return true }
		if value, err := a.input(t.Context(), nil); err != nil || len(value) != 500 || strings.Contains(errs.String(), "reading") {
			t.Errorf("%d bytes, %v, stderr is %q", len(value), err, &errs)
		}
	})
}

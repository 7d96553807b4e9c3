package cli

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
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

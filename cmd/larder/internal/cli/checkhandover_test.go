package cli

import (
	"net/url"
	"strings"
	"testing"

	"github.com/larder-go/larder"
)

// TestCheckHandover: it is refused before anything is opened, and the advice says what can be checked.
func TestCheckHandover(t *testing.T) {
	both := "handover:?" + url.Values{"old": {"file:" + t.TempDir()}, "new": {"file:" + t.TempDir()}}.Encode()
	code, out, errs := onNodes(t, larder.Mux(), both, "check")
	if code != exitUsage || out != "" || !strings.HasPrefix(errs, "larder: a handover cannot be checked") || !strings.Contains(errs, "hint: check the two stores") {
		t.Errorf("%d, %s%s", code, out, errs)
	}
}

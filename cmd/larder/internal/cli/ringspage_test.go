package cli

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/larder-go/larder/internal/testserver"
)

// TestRingsPage does what docs/rings.md says, as TestOperations does with its page. redis://cache1 to redis://cache4 are stores of the script's own in a server of the tests.
func TestRingsPage(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the page is for sh")
	}
	redis := testserver.Redis(t)
	p := readPage(t, "docs/rings.md")
	var done atomic.Bool
	t.Run("scripts", func(t *testing.T) {
		testscript.Run(t, testscript.Params{
			Dir:                 "testdata/rings",
			RequireExplicitExec: true,
			Setup: func(e *testscript.Env) error {
				own := rand.Text()
				for i := range 4 {
					e.Setenv(fmt.Sprint("CACHE", i+1), fmt.Sprintf("%s?x-prefix=%s-%d:", redis.URL, own, i))
				}
				e.Setenv("GORACE", "atexit_sleep_ms=0")
				e.Setenv("LARDER_STORE", "")
				e.Setenv("RECHECK", "100ms")
				jar, err := cookiejar.New(nil)
				e.Values[demoKey{}] = &demoProcess{client: &http.Client{Jar: jar, Transport: firefox{http.DefaultTransport}}}
				e.Values[visitorsKey{}] = make(map[string]http.CookieJar)
				e.Defer(func() { done.Store(true) })
				return err
			},
			Cmds: map[string]func(*testscript.TestScript, bool, []string){
				"demo": startDemo, "ends": endDemo, "look": look, "login": demoLogin, "shows": shows, "page": p.run, "as": as, "seed": seed,
			},
		})
	})
	if done.Load() && !t.Failed() {
		p.complete(t)
	}
}

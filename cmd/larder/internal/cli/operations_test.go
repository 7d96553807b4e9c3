package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// TestOperations does what docs/operations.md says, by the page's own commands: a script names a heading of it, whose commands are then run by sh as they
// stand there, and what they print is held against what the page says that they print. Only addresses are others: paths lie within the script's folder,
// and postgres://app@db/app is a server of the tests. Commands of the page that no script runs fail the test.
func TestOperations(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the page is for sh")
	}
	postgres := testserver.Postgres(t)
	p := readPage(t, "docs/operations.md")
	scripts, err := filepath.Glob("testdata/operations/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var done atomic.Int32
	t.Run("scripts", func(t *testing.T) {
		testscript.Run(t, testscript.Params{
			Dir:                 "testdata/operations",
			RequireExplicitExec: true,
			RequireUniqueNames:  true,
			Setup: func(e *testscript.Env) error {
				own := "ops-" + rand.Text() // tables must be new ones
				contrib, err := filepath.Abs("../../../../contrib")
				if err != nil {
					return err
				}
				e.Setenv("GORACE", "atexit_sleep_ms=0")
				e.Setenv("LARDER_STORE", "")
				e.Setenv("POSTGRES", postgres.URL+"?x-schema="+own)
				e.Setenv("PATH", filepath.Join(e.WorkDir, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
				jar, err := cookiejar.New(nil)
				e.Values[demoKey{}] = &demoProcess{client: &http.Client{Jar: jar, Transport: firefox{http.DefaultTransport}}}
				e.Values[visitorsKey{}] = make(map[string]http.CookieJar)
				e.Defer(func() { done.Add(1) })
				admin, listenErr := net.Listen("tcp", "127.0.0.1:0")
				if listenErr != nil {
					return listenErr
				}
				admin.Close()
				e.Setenv("ADMIN", admin.Addr().String())
				// The path of a socket must be short.
				sockets, tempErr := os.MkdirTemp("", "ops")
				e.Defer(func() { os.RemoveAll(sockets) })
				e.Setenv("SOCKETS", sockets)
				return errors.Join(err, tempErr, os.Symlink(contrib, filepath.Join(e.WorkDir, "contrib")))
			},
			Cmds: map[string]func(*testscript.TestScript, bool, []string){
				"exits": exits, "demo": startDemo, "ends": endDemo, "look": look, "login": demoLogin, "shows": shows,
				"page": p.run, "visit": visit, "seed": seed, "as": as, "awaits": awaits,
			},
		})
	})
	if int(done.Load()) == len(scripts) && !t.Failed() { // not so with -run of one of them
		p.complete(t)
	}
}

// seed URL LIVE DEAD [AGO] puts entries into a store: so many that stay, and so many whose deadline has passed, now or as long AGO as -30h.
func seed(ts *testscript.TestScript, _ bool, args []string) {
	var live, dead int
	_, err := fmt.Sscan(args[1]+" "+args[2], &live, &dead)
	ts.Check(err)
	ctx := context.Background()
	s, err := larder.Open(ctx, args[0])
	ts.Check(err)
	defer s.Close()
	over := time.Now().Add(100 * time.Millisecond)
	if len(args) > 3 {
		ago, err := time.ParseDuration(args[3])
		ts.Check(err)
		over = time.Now().Add(ago)
	}
	for i := range live + dead {
		item := &store.Item{Value: []byte("value"), Expires: over}
		if i < live {
			item.Expires = time.Now().Add(time.Hour)
		}
		ts.Check(store.Update(ctx, s, fmt.Sprintf("seed:%d", i), func(*store.Item) (*store.Item, error) { return item, nil }))
	}
	poll(ts, "the last to expire", func() bool { return time.Now().After(over) })
}

// firefox is a browser, as far as the demo can tell.
type firefox struct{ http.RoundTripper }

func (f firefox) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0")
	return f.RoundTripper.RoundTrip(r)
}

// visit URL shows another page than the demo's.
func visit(ts *testscript.TestScript, _ bool, args []string) {
	d := demoOf(ts)
	d.read(ts, func() (*http.Response, error) { return d.client.Get(args[0]) })
}

type visitorsKey struct{}

// as NAME makes the following look, login and shows another visitor's, with cookies of their own.
func as(ts *testscript.TestScript, _ bool, args []string) {
	visitors := ts.Value(visitorsKey{}).(map[string]http.CookieJar)
	if visitors[args[0]] == nil {
		jar, err := cookiejar.New(nil)
		ts.Check(err)
		visitors[args[0]] = jar
	}
	demoOf(ts).client.Jar = visitors[args[0]]
}

package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestDemoAdmin runs the scripts about looking into a demo's store.
func TestDemoAdmin(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	t.Run("stores", func(t *testing.T) {
		for name, store := range map[string]string{"file": "file:./data", "bolt": "bolt:./data.db", "map": "map:"} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				testscript.Run(t, testscript.Params{
					Dir:                 "testdata/admin",
					RequireExplicitExec: true,
					Setup: func(e *testscript.Env) error {
						e.Setenv("LARDER_STORE", store+"?x-touch-after=-1s")
						e.Setenv("TAKEN", taken.Addr().String())
						e.Setenv("GORACE", "atexit_sleep_ms=0")
						jar, err := cookiejar.New(nil)
						e.Values[demoKey{}] = &demoProcess{client: &http.Client{Jar: jar}}
						return err
					},
					Condition: func(cond string) (bool, error) {
						switch cond {
						case "file", "bolt", "map":
							return cond == name, nil
						}
						return false, fmt.Errorf("unknown condition %q", cond)
					},
					Cmds: map[string]func(*testscript.TestScript, bool, []string){
						"exits": exits, "demo": startDemo, "ends": endDemo, "dies": killDemo, "cleans": cleans, "look": look, "login": demoLogin, "shows": shows, "asks": askAdmin,
					},
				})
			})
		}
	})
}

// killDemo kills the demo, which can clean up nothing then.
func killDemo(ts *testscript.TestScript, _ bool, _ []string) {
	d := demoOf(ts)
	ts.Check(d.process.Process.Kill())
	d.process.Wait()
}

// asks METHOD ADDRESS [BODY] asks the handler at admin.sock; the answer is there for stdout.
func askAdmin(ts *testscript.TestScript, _ bool, args []string) {
	body := strings.Join(args[2:], "")
	request, err := http.NewRequest(args[0], "http://localhost/"+args[1], strings.NewReader(body))
	ts.Check(err)
	request.Header.Set("Content-Type", "application/json")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", ts.MkAbs("admin.sock"))
	}}}
	response, err := client.Do(request)
	ts.Check(err)
	defer response.Body.Close()
	var text bytes.Buffer
	_, err = io.Copy(&text, response.Body)
	ts.Check(err)
	if response.StatusCode != http.StatusOK {
		ts.Fatalf("%s: %s", response.Status, &text)
	}
	ts.Check(ts.Exec("echo", text.String()))
}

package cli

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/larder-go/larder/internal/testserver"
)

// TestDemo runs the scripts about the demo on every store. $LARDER_STORE names the store.
func TestDemo(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	secret := testserver.NewRedis(t)
	lock(t, secret.Addr)
	postgres := testserver.Postgres(t).URL
	// Each login hashes a password, which the race detector makes ten times as long.
	others := []string{"bolt", "postgres", "redis", "memcached"}
	chosen := others[rand.IntN(len(others))]
	t.Logf("what logs in often runs on file and %s; on all with LARDER_SOAK=1", chosen)
	t.Run("stores", func(t *testing.T) {
		for name, store := range map[string]func(own string) string{
			"file":      func(string) string { return "file:./my%20data?x-touch-after=1s" },
			"bolt":      func(string) string { return "bolt:./it's.db?x-touch-after=1s" },
			"map":       func(string) string { return "map:?x-touch-after=1s" },
			"postgres":  func(own string) string { return postgres + "?x-schema=" + own },
			"redis":     func(own string) string { return testserver.Redis(t).URL + "?x-prefix=" + own + ":" },
			"memcached": func(own string) string { return testserver.Memcached(t).URL + "?x-prefix=" + own + ":" },
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				testscript.Run(t, testscript.Params{
					Dir:                 "testdata/demo",
					RequireExplicitExec: true,
					Setup: func(e *testscript.Env) error {
						own := "demo-" + strings.TrimPrefix(filepath.Base(e.WorkDir), "script-")
						for name, value := range map[string]string{
							"LARDER_STORE": store(own), "TAKEN": taken.Addr().String(), "CLOSED": closed.Addr().String(), "POSTGRES": postgres, "WITH_PASSWORD": withPassword(postgres) + "?x-schema=" + own,
							"SECRET_ADDR": secret.Addr, "GORACE": "atexit_sleep_ms=0",
						} {
							e.Setenv(name, value)
						}
						jar, err := cookiejar.New(nil)
						e.Values[demoKey{}] = &demoProcess{client: &http.Client{Jar: jar}}
						e.Values[browsers{}] = make(map[string]*http.Client)
						return err
					},
					Condition: func(cond string) (bool, error) {
						switch cond {
						case "file", "bolt", "map", "postgres", "redis", "memcached":
							return cond == name, nil
						case "chosen":
							return name == "file" || name == chosen || os.Getenv("LARDER_SOAK") != "", nil
						}
						return false, fmt.Errorf("unknown condition %q", cond)
					},
					Cmds: map[string]func(*testscript.TestScript, bool, []string){
						"exits": exits, "demo": startDemo, "ends": endDemo, "printed": printed, "cleans": cleans, "leftover": leftover, "click": click, "look": look,
						"login": demoLogin, "logout": demoLogout, "shows": shows, "as": asBrowser,
					},
				})
			})
		}
	})
}

// withPassword is the URL of a server with a password in it: of the server's, or one for which a server that asks for none has no use.
func withPassword(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	if _, has := u.User.Password(); !has {
		u.User = url.UserPassword(u.User.Username(), "sekret")
	}
	return u.String()
}

package cli

import (
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/larder-go/larder/internal/testserver"
)

// TestServers runs the scripts in testdata/server on each kind of server. $LARDER_STORE names a store of the script's own with an
// x-timeout, $FOREVER the same without.
func TestServers(t *testing.T) {
	for name, server := range map[string]func(testing.TB) *testserver.Server{
		"postgres": testserver.Postgres, "memcached": testserver.Memcached, "redis": testserver.Redis,
	} {
		t.Run(name, func(t *testing.T) {
			s := server(t)
			testscript.Run(t, testscript.Params{
				Dir:                 "testdata/server",
				RequireExplicitExec: true,
				Setup: func(e *testscript.Env) error {
					own := strings.TrimPrefix(filepath.Base(e.WorkDir), "script-")
					forever := s.URL + "?x-prefix=" + own + ":"
					if name == "postgres" {
						forever = s.URL + "?x-schema=" + own
					}
					e.Setenv("FOREVER", forever)
					e.Setenv("LARDER_STORE", forever+"&x-timeout=24h")
					e.Setenv("GORACE", "atexit_sleep_ms=0")
					return nil
				},
				Condition: func(cond string) (bool, error) {
					switch cond {
					case "postgres", "memcached", "redis":
						return cond == name, nil
					}
					return false, fmt.Errorf("unknown condition %q", cond)
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
			})
		})
	}
}

// TestMessages runs the scripts about what can be wrong with a URL or a server.
func TestMessages(t *testing.T) {
	postgres, memcached, redis := testserver.Postgres(t), testserver.Memcached(t), testserver.Redis(t)
	if !postgres.Own() || !redis.Own() {
		t.Skip("the servers of the environment have passwords and sockets of their own")
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	secret := testserver.NewRedis(t)
	lock(t, secret.Addr)
	_, port, _ := net.SplitHostPort(redis.Addr)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/messages",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			for name, value := range map[string]string{
				"POSTGRES": postgres.URL, "POSTGRES_ADDR": postgres.Addr,
				"POSTGRES_SOCKET": postgres.Socket, "MEMCACHED_ADDR": memcached.Addr, "REDIS_ADDR": redis.Addr, "REDIS_PORT": port,
				"REDIS_SOCKET": redis.Socket, "SECRET_ADDR": secret.Addr, "CLOSED": closed.Addr().String(), "GORACE": "atexit_sleep_ms=0",
				"LARDER_STORE": "",
			} {
				e.Setenv(name, value)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// lock gives a Redis server the password "sekret".
func lock(t *testing.T, addr string) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("CONFIG SET requirepass sekret\r\n")); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, len("+OK"))
	if _, err := io.ReadFull(c, answer); err != nil || string(answer) != "+OK" {
		t.Fatalf("%q, %v", answer, err)
	}
}

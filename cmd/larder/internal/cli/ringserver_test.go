package cli

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/larder-go/larder/internal/testserver"
)

// TestRingServers runs the scripts in testdata/ringserver on nodes in servers.
func TestRingServers(t *testing.T) {
	postgres, memcached, redis := testserver.Postgres(t), testserver.Memcached(t), testserver.Redis(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/ringserver",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			own := "ring-" + strings.ToLower(rand.Text()[:10])
			for name, url := range map[string]string{
				"POSTGRES":  postgres.URL + "?x-schema=" + own,
				"MEMCACHED": memcached.URL + "?x-prefix=" + own + "1:", "MEMCACHED2": memcached.URL + "?x-prefix=" + own + "2:",
				"REDIS": redis.URL + "?x-prefix=" + own + "1:", "REDIS2": redis.URL + "?x-prefix=" + own + "2:",
			} {
				e.Setenv(name, url)
			}
			e.Setenv("GORACE", "atexit_sleep_ms=0")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

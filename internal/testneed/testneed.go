// Package testneed settles what becomes of a test that this machine cannot run: it skips with a line that cannot be
// overlooked, or fails, where LARDER_TEST_REQUIRE says that the machine must be able to. So a green run hides nothing.
package testneed

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// What tests need and LARDER_TEST_REQUIRE may list, with commas between.
const (
	Strace = "strace" // makes system calls fail
	Tmpfs  = "tmpfs"  // a file system that is soon full; only root can mount one
	Cuts   = "cuts"   // a loop device whose power can be cut; only for root

	Postgres  = "postgres"  // the server, with initdb
	Memcached = "memcached" // the server
	Redis     = "redis"     // the server, or Valkey's
	PgBouncer = "pgbouncer" // the pooler, in front of the server
	Chromium  = "chromium"  // or Google Chrome

	// Others who place keys in memcached servers.
	Libmemcached    = "libmemcached"     // its tools, memcp and memcat
	Twemproxy       = "twemproxy"        // the proxy, nutcracker
	Pylibmc         = "pylibmc"          // for /usr/bin/python3, or where PATH has one
	PythonMemcached = "python-memcached" // likewise

	SystemdAnalyze = "systemd-analyze" // reads units; no systemd need run
)

// Missing ends the test, for need is not there, and why says what to do about it.
func Missing(t testing.TB, need, why string) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("LARDER_TEST_REQUIRE"), ","), need) {
		t.Fatalf("%s is required (LARDER_TEST_REQUIRE): %s", need, why)
	}
	t.Skipf("NOT TESTED, NO %s: %s", strings.ToUpper(need), why)
}

// Command ends the test unless there is a command of this name.
func Command(t testing.TB, need, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		Missing(t, need, "install "+name+", as make test does")
	}
}

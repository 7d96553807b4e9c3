//go:build unix

package dbstore

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/larder-go/larder/internal/testneed"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store/storetest"
)

// newBouncer starts a PgBouncer that pools transactions in front of a server, with two connections to it, and returns its host:port.
func newBouncer(t *testing.T, server *testserver.Server) string {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/pgbouncer"); err != nil { // Debian keeps it off the PATH of users
			testneed.Missing(t, testneed.PgBouncer, "install pgbouncer, as make test does")
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(addr)
	_, serverPort, _ := net.SplitHostPort(server.Addr)
	settings := fmt.Sprintf(`[databases]
postgres = host=127.0.0.1 port=%s user=larder
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %s
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
max_client_conn = 500
`, serverPort, port)
	dir, err := os.MkdirTemp("", "bouncer")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	ini := filepath.Join(dir, "pgbouncer.ini")
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ini, []byte(settings), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{program}
	if os.Geteuid() == 0 {
		args = append(args, "-u", "nobody")
	}
	// It ends when its shell's input does, and so also where this process is killed.
	guard := exec.Command("/bin/sh", append([]string{"-c", `"$@" & read -r _; kill $!; wait`, "sh"}, append(args, ini)...)...)
	input, err := guard.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	guard.Stdout, guard.Stderr = &log, &log
	if err := guard.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		input.Close()
		guard.Wait()
		if t.Failed() {
			lines := strings.Split(log.String(), "\n")
			t.Logf("PgBouncer says:\n%s", strings.Join(lines[max(0, len(lines)-20):], "\n"))
		}
	})
	for giveUp := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
			return addr
		}
		if time.Now().After(giveUp) {
			t.Fatalf("PgBouncer does not listen: %v", err)
		}
	}
}

// Behind PgBouncer, pooling transactions, with the pool set as the package comment says: one of our own, while TestConformance's is given.
func TestConformancePgBouncer(t *testing.T) {
	t.Parallel()
	server := testserver.Postgres(t)
	l := newLab(t, server.URL)
	storetest.Run(t, conformance(l, newBouncer(t, server), Options{MaxValue: 2 << 20}, openOwn, func(c *pgxpool.Config) {
		c.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	}))
}

// Who forgets to set the pool gets along all the same.
func TestPgBouncerUnset(t *testing.T) {
	server := testserver.Postgres(t)
	s := newLab(t, server.URL).store(t, through(t, server.URL, newBouncer(t, server)), Options{})
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			key := fmt.Sprint("key ", w)
			for i := range 100 {
				value := fmt.Append(nil, key, i)
				if err := s.Set(t.Context(), key, value); err != nil {
					t.Error(err)
					return
				}
				if got, err := s.Get(t.Context(), key); err != nil || string(got) != string(value) {
					t.Errorf("%q, %v", got, err)
					return
				}
			}
		})
	}
	all.Wait()
	facts, err := s.Inspect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if f := factOf(facts, "pooler"); !strings.Contains(f.Value, "PgBouncer") {
		t.Errorf("%+v", f)
	}
}

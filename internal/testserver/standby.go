package testserver

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/testneed"
)

// PostgresPair is a PostgreSQL primary and its hot standby, which streams what the primary writes.
type PostgresPair struct {
	Primary, Standby *Server
	URL              string // of both, of which a client takes the one that can be written
}

// NewPostgresPair starts one for t alone. With synchronous, the primary acknowledges a commit only when the standby has it, too; otherwise
// the standby comes after, and what it had not received when the primary is gone, is lost. Settings are for both, as with [NewPostgres].
func NewPostgresPair(t testing.TB, synchronous bool, settings ...string) *PostgresPair {
	t.Helper()
	pair := &PostgresPair{Primary: NewPostgres(t, settings...)}
	pair.Standby = own(t, testneed.Postgres, func() (*Server, error) { return startStandby(pair.Primary, settings) })
	pair.URL = "postgres://larder@" + pair.Primary.Addr + "," + pair.Standby.Addr + "/postgres?sslmode=disable&target_session_attrs=read-write"
	pair.Primary.must(t, eventually(func() error {
		return says(pair.Primary, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'", "1")
	}))
	if synchronous {
		pair.Primary.Exec(t, "ALTER SYSTEM SET synchronous_standby_names = '*'")
		pair.Primary.Exec(t, "SELECT pg_reload_conf()")
		pair.Primary.must(t, eventually(func() error {
			return says(pair.Primary, "SELECT sync_state FROM pg_stat_replication", "sync")
		}))
	}
	return pair
}

// startStandby copies a primary and starts the copy as its standby.
func startStandby(primary *Server, settings []string) (*Server, error) {
	backup, err := find("pg_basebackup")
	if err != nil {
		return nil, missing(err)
	}
	return newPostgres(func(u user, s *Server) error {
		host, port, _ := net.SplitHostPort(primary.Addr)
		// -R makes it a standby of the server that was copied.
		out, err := u.command(s.dir, backup, "-D", "data", "-h", host, "-p", port, "-U", "larder", "-R", "-X", "stream", "-c", "fast", "--no-sync").CombinedOutput()
		if err != nil {
			return fmt.Errorf("pg_basebackup: %w: %s", err, out)
		}
		return nil
	}, settings)
}

// Promote makes the standby a primary, and returns when it takes writes. Whoever does that makes sure that the old primary is gone, or there
// are two. From here on the new one waits for nobody.
func (pair *PostgresPair) Promote(t testing.TB) {
	t.Helper()
	s := pair.Standby
	s.Exec(t, "SELECT pg_promote()") // waits
	s.must(t, eventually(func() error { return says(s, "SELECT pg_is_in_recovery()", "f") }))
	s.Exec(t, "ALTER SYSTEM SET synchronous_standby_names = ''")
	s.Exec(t, "SELECT pg_reload_conf()")
}

// Exec has a PostgreSQL server run a statement, and returns the first column of the first row as text.
func (s *Server) Exec(t testing.TB, statement string) string {
	t.Helper()
	said, err := query(s, statement)
	s.must(t, err)
	return said
}

func says(s *Server, statement, want string) error {
	said, err := query(s, statement)
	if err == nil && said != want {
		err = fmt.Errorf("%q says %q; it is to say %q", statement, said, want)
	}
	return err
}

// query speaks just enough of PostgreSQL's protocol: no driver is imported for a few words.
func query(s *Server, statement string) (said string, err error) {
	c, err := net.DialTimeout("unix", s.Socket, time.Second)
	if err != nil {
		return "", err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(startTime))
	if _, err := c.Write(startup()); err != nil {
		return "", err
	}
	for asked, first := false, true; ; {
		var head [5]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return "", err
		}
		body := make([]byte, binary.BigEndian.Uint32(head[1:])-4)
		if _, err := io.ReadFull(c, body); err != nil {
			return "", err
		}
		switch head[0] {
		case 'E':
			return "", errors.New(strings.ReplaceAll(string(body), "\x00", " "))
		case 'D': // the number of columns, and of each the length
			if size := int32(binary.BigEndian.Uint32(body[2:])); first && size >= 0 {
				said = string(body[6 : 6+size])
			}
			first = false
		case 'Z':
			if asked {
				return said, nil
			}
			asked = true
			message := binary.BigEndian.AppendUint32([]byte{'Q'}, uint32(4+len(statement)+1))
			if _, err := c.Write(append(append(message, statement...), 0)); err != nil {
				return "", err
			}
		}
	}
}

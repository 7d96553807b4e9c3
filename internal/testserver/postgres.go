package testserver

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/testneed"
)

const envPostgres = "LARDER_TEST_POSTGRES_URL"

// Postgres returns the PostgreSQL server that the tests of this process share.
func Postgres(t testing.TB) *Server {
	t.Helper()
	return shared.get(t, "postgres", func() (*Server, error) {
		if raw := os.Getenv(envPostgres); raw != "" {
			u, err := url.Parse(raw)
			if err != nil {
				return nil, errors.New(envPostgres + " cannot be read as a URL")
			}
			return &Server{URL: raw, Addr: u.Host}, nil
		}
		return startPostgres()
	})
}

// NewPostgres starts a PostgreSQL server for t alone. Settings are as in "-c": "fsync=on". By default fsync is off, for a test that kills
// processes loses nothing by that; passwords are asked of nobody but of the role "locked" over TCP.
func NewPostgres(t testing.TB, settings ...string) *Server {
	t.Helper()
	return own(t, testneed.Postgres, func() (*Server, error) { return startPostgres(settings...) })
}

const hba = `local all all trust
host all locked 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
host replication all 127.0.0.1/32 trust
`

func startPostgres(settings ...string) (*Server, error) {
	initdb, err := find("initdb")
	if err != nil {
		return nil, missing(err)
	}
	return newPostgres(func(u user, s *Server) error {
		out, err := u.command(s.dir, initdb, "-D", "data", "-U", "larder", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync").CombinedOutput()
		if err != nil {
			return fmt.Errorf("initdb: %w: %s", err, out)
		}
		return os.WriteFile(filepath.Join(s.dir, "data", "pg_hba.conf"), []byte(hba), 0o644)
	}, settings)
}

// newPostgres starts a server on what setup makes in the folder "data".
func newPostgres(setup func(u user, s *Server) error, settings []string) (*Server, error) {
	postgres, err := find("postgres")
	if err != nil {
		return nil, missing(err)
	}
	p := program{need: testneed.Postgres, stop: "INT", kids: true, ready: postgresReady, setup: setup}
	return newServer(p, func(s *Server) []string {
		s.Socket = filepath.Join(s.dir, ".s.PGSQL."+s.port())
		args := []string{postgres, "-D", "data", "-k", s.dir, "-p", s.port(), "-c", "listen_addresses=127.0.0.1",
			"-c", "fsync=off", "-c", "max_connections=300"}
		for _, setting := range settings {
			args = append(args, "-c", setting)
		}
		return args
	}, func(s *Server) string {
		return "postgres://larder@" + s.Addr + "/postgres"
	})
}

// postgresReady begins a session, as a client would: the port is open before the server takes anybody.
func postgresReady(s *Server) error {
	c, err := net.DialTimeout("unix", s.Socket, time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Second))
	if _, err := c.Write(startup()); err != nil {
		return err
	}
	var reply [1]byte
	if _, err := io.ReadFull(c, reply[:]); err != nil {
		return err
	}
	if reply[0] != 'R' {
		return errors.New("it takes no sessions yet")
	}
	return nil
}

// startup is the message by which a session begins.
func startup() []byte {
	message := binary.BigEndian.AppendUint32(make([]byte, 4), 3<<16) // length, protocol 3.0
	message = append(message, "user\x00larder\x00database\x00postgres\x00\x00"...)
	binary.BigEndian.PutUint32(message, uint32(len(message)))
	return message
}

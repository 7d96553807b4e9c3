package cli

import (
	"bufio"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

func TestDoctorOnPostgres(t *testing.T) {
	server := testserver.NewPostgres(t, "fsync=on")
	url := server.URL + "?x-timeout=720h"
	larderDo(t, url, "migrate", "up")
	db, err := pgx.Connect(t.Context(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	exec := func(sql string) {
		t.Helper()
		if _, err := db.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	at := func(args ...string) examined { t.Helper(); return doctorAt(t, url, args...) }
	at().well(t)
	put(t, url, setKeys(t, 20))
	at().well(t)

	for _, c := range []struct{ do, undo, name, value, advice string }{
		{"ALTER TABLE larder_entries SET (autovacuum_enabled = false)", "ALTER TABLE larder_entries RESET (autovacuum_enabled)",
			"autovacuum", "off", "turn autovacuum on"},
		{"ALTER TABLE larder_entries SET UNLOGGED", "ALTER TABLE larder_entries SET LOGGED", "persistence", "UNLOGGED", "turn it on"},
		{"ALTER SYSTEM SET synchronous_commit = off", "ALTER SYSTEM RESET synchronous_commit",
			"persistence", "synchronous_commit=off", "turn it on"},
		{"ALTER DATABASE postgres SET default_transaction_read_only = on",
			"SET default_transaction_read_only = off; ALTER DATABASE postgres RESET default_transaction_read_only",
			"role", "read-only", "default_transaction_read_only"},
		{"UPDATE larder_entries SET atime = now() + interval '1 hour' WHERE key = 'key-1'",
			"UPDATE larder_entries SET atime = now()", "future", "59m", "NTP"},
		{"UPDATE larder_entries SET atime = now() - interval '40 days' WHERE key = 'key-1'",
			"UPDATE larder_entries SET atime = now()", "cleanup", "none seen for a day: 1 entry should have gone", "run larder cleanup from a timer"},
		{"UPDATE larder_entries SET expires = now() - interval '2 days' WHERE key = 'key-1'",
			"UPDATE larder_entries SET expires = NULL", "cleanup", "none seen for a day: 1 entry should have gone, the first 2d", "run larder cleanup from a timer"},
	} {
		exec(c.do)
		exec("SELECT pg_reload_conf()")
		var e examined
		eventually(t, c.do, func() bool { e = at(); return len(e.Wrong) > 0 }) // a setting takes effect in a moment
		e.wrong(t, c.name, c.value, c.advice)
		for statement := range strings.SplitSeq(c.undo, "; ") {
			exec(statement)
		}
		exec("SELECT pg_reload_conf()")
		eventually(t, c.undo, func() bool { return len(at().Wrong) == 0 })
	}

	// A cleanup that nobody runs any more: its report is ten days old.
	larderDo(t, url, "cleanup", "--lease", "-q")
	at().well(t)
	exec(`UPDATE larder_entries SET value = convert_to(replace(convert_from(value, 'UTF8'), to_char(now() AT TIME ZONE 'UTC', 'YYYY-'), '2020-'), 'UTF8')
		WHERE convert_from(value, 'UTF8') LIKE '%reason%'`)
	at().wrong(t, "cleanup", "d", "none for more than a day")
	larderDo(t, url, "cleanup", "--lease", "-q")
	at().well(t)

	larderDo(t, url, "migrate", "down", "--to", "2")
	at().wrong(t, "migrations", "1 step not applied", "larder migrate up")
	larderDo(t, url, "migrate", "down", "--to", "1")
	if e := at(); strings.Join(names(e.Wrong), " ") != "indexes migrations" {
		t.Errorf("%+v", e.Wrong)
	}
	larderDo(t, url, "migrate", "up")
	at().well(t)

	// Who may not read the journal is told so, and nothing worse.
	exec("CREATE ROLE app LOGIN")
	exec("GRANT SELECT, INSERT, UPDATE, DELETE ON larder_entries TO app")
	other := strings.Replace(url, "larder@", "app@", 1)
	e := doctorAt(t, other)
	e.well(t)
	if got := strings.Join(names(e.Unknown), " "); got != "migrations" {
		t.Errorf("not known to the app's role: %+v", e.Unknown)
	}

	doctorAt(t, server.URL).wrong(t, "idle time-out", "none, and 20 have of 20", "x-timeout")
	doctorAt(t, server.URL, "--idle", "30d").well(t)
	if e := doctorAt(t, server.URL+"?x-table=nowhere"); e.code != exitNoStore {
		t.Errorf("%d, %s", e.code, e.stderr)
	}
	exec("DROP TABLE larder_entries_migrations")
	if e := at(); e.code != exitDone || strings.Join(names(e.Unknown), " ") != "migrations" {
		t.Errorf("a table of goose: %+v, %+v", e.Wrong, e.Unknown)
	}
}

// larderDo runs a command that must succeed.
func larderDo(t *testing.T, url string, args ...string) {
	t.Helper()
	var errs strings.Builder
	if code := Run(t.Context(), args, nil, &strings.Builder{}, &errs, func(name string) string { return map[string]string{envStore: url}[name] }); code != exitDone {
		t.Fatalf("%q: %d, %s", args, code, &errs)
	}
}

// eventually asks until it is so.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for giveUp := time.Now().Add(10 * time.Second); !done(); {
		if time.Now().After(giveUp) {
			t.Fatalf("waited in vain after %s", what)
		}
	}
}

func TestDoctorOnRedis(t *testing.T) {
	server := testserver.NewRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	url := server.URL + "?x-timeout=720h"
	c := redis.NewClient(&redis.Options{Addr: server.Addr})
	defer c.Close()
	at := func(args ...string) examined { t.Helper(); return doctorAt(t, url, args...) }
	set := func(name, value string) {
		t.Helper()
		if err := c.ConfigSet(t.Context(), name, value).Err(); err != nil {
			t.Fatal(err)
		}
	}
	at().well(t)
	set("appendfsync", "everysec")
	if e := at(); e.code != exitDone || strings.Join(names(e.Notes), " ") != "persistence" {
		t.Errorf("%+v", e)
	}
	set("appendonly", "no")
	at().wrong(t, "persistence", "none", "appendonly")
	at("--accept=persistence").well(t)
	set("appendonly", "yes")
	set("appendfsync", "always")
	set("maxmemory-policy", "allkeys-lru")
	at().wrong(t, "eviction", "allkeys-lru", "noeviction")
	set("maxmemory-policy", "noeviction")
	set("proto-max-bulk-len", "1mb")
	at().wrong(t, "largest value", "64 MiB", "proto-max-bulk-len")
	set("proto-max-bulk-len", "512mb")

	// Sessions have deadlines: they need no x-timeout. Other entries do.
	put(t, server.URL, func(s store.Store) error { enter(t, s, true); return nil })
	doctorAt(t, server.URL).well(t)
	put(t, server.URL, setKeys(t, 2))
	doctorAt(t, server.URL).wrong(t, "idle time-out", "none, and 2 have of ", "give x-timeout in the URL")
	doctorAt(t, server.URL, "--idle=30d").well(t)
	if err := c.FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if e := doctorAt(t, server.URL); e.code != exitDone || strings.Join(names(e.Unknown), " ") != "idle time-out" {
		t.Errorf("%+v", e)
	}

	// Live entries go for want of memory.
	set("maxmemory-policy", "allkeys-lru")
	set("maxmemory", "3mb")
	for i := range 60 {
		put(t, url, func(s store.Store) error { return s.Set(t.Context(), fmt.Sprint(i), make([]byte, 100_000)) })
	}
	set("maxmemory", "0")
	set("maxmemory-policy", "noeviction")
	at().wrong(t, "evicted", " keys since the start", "raise maxmemory")

	if err := c.Do(t.Context(), "acl", "setuser", "app", "on", ">pass", "~*", "+@all", "-config").Err(); err != nil {
		t.Fatal(err)
	}
	if e := doctorAt(t, "redis://app:pass@"+server.Addr+"?x-timeout=1h", "--accept=evicted"); e.code != exitDone || strings.Join(names(e.Unknown), " ") != "persistence" {
		t.Errorf("where CONFIG is forbidden: %+v", e)
	}
}

func TestDoctorOnMemcached(t *testing.T) {
	server := testserver.NewMemcached(t, "-m", "4")
	url := server.URL + "?x-timeout=720h"
	e := doctorAt(t, url)
	e.well(t)
	if got := strings.Join(names(e.Unknown), " "); got != "entries" {
		t.Errorf("not known: %+v", e.Unknown)
	}
	doctorAt(t, server.URL).wrong(t, "idle time-out", "none", "set x-timeout")
	doctorAt(t, url+"&x-max-value=2000000").wrong(t, "largest value", "2000000 bytes", "-I")
	doctorAt(t, url+"&x-max-conns=5000").wrong(t, "connections", "5000", "-c")

	for ahead, wrong := range map[time.Duration]string{time.Hour + 30*time.Second: "1h0m", -10 * time.Minute: "-10m", 0: ""} {
		proxy := timeMachine(t, server.Addr, ahead)
		if e := doctorAt(t, "memcached://"+proxy+"?x-timeout=720h"); wrong != "" {
			e.wrong(t, "clock", wrong, "NTP")
		} else {
			e.well(t)
		}
	}

	put(t, url, func(s store.Store) error {
		for i := range 200 {
			if err := s.Set(t.Context(), fmt.Sprint(i), make([]byte, 100_000)); err != nil {
				return err
			}
		}
		return nil
	})
	doctorAt(t, url).wrong(t, "eviction", "entries evicted since it started", "give it more memory (-m)")

	// Of several servers, the one that is down is wrong, and the other is told of.
	other := testserver.NewMemcached(t)
	both := "memcached://" + other.Addr + "," + server.Addr + "?x-timeout=720h"
	doctorAt(t, both).wrong(t, "eviction ("+server.Addr+")", "evicted", "memory")
	server.Stop(t)
	doctorAt(t, both).wrong(t, "server ("+server.Addr+")", "unreachable", "start it")
	if e := doctorAt(t, url); e.code != exitError || !strings.Contains(e.stderr, "nothing listens there") {
		t.Errorf("%d, %s", e.code, e.stderr)
	}
}

// timeMachine stands before a memcached server and sets its clock forward, in what it tells of itself.
func timeMachine(t *testing.T, addr string, ahead time.Duration) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", addr)
			if err != nil {
				client.Close()
				return
			}
			go func() {
				defer server.Close()
				for lines := bufio.NewReader(client); ; {
					line, err := lines.ReadString('\n')
					if err != nil {
						return
					}
					fmt.Fprint(server, line)
				}
			}()
			go func() {
				defer client.Close()
				for lines := bufio.NewReader(server); ; {
					line, err := lines.ReadString('\n')
					if err != nil {
						return
					}
					if text, ok := strings.CutPrefix(line, "STAT time "); ok {
						seconds, _ := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
						line = fmt.Sprintf("STAT time %d\r\n", seconds+int64(ahead/time.Second))
					}
					fmt.Fprint(client, line)
				}
			}()
		}
	}()
	return l.Addr().String()
}

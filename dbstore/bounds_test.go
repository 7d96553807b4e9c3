package dbstore

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// addTrigger has a function of this body run before each row is written or removed.
func addTrigger(t *testing.T, s *Store, body string) {
	t.Helper()
	f := quote(s.schema, "before")
	sql := "CREATE FUNCTION " + f + "() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " + body + " END $$;" +
		"CREATE TRIGGER before BEFORE UPDATE OR DELETE ON " + s.table + " FOR EACH ROW EXECUTE FUNCTION " + f + "()"
	if _, err := pooled(s.pool).Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
}

// age puts the last use of the only entry back.
func age(t *testing.T, s *Store, by time.Duration) {
	t.Helper()
	sql := fmt.Sprintf("UPDATE %s SET atime = clock_timestamp() - interval '%d milliseconds'", s.table, by.Milliseconds())
	if _, err := pooled(s.pool).Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// Where a trigger suppresses writes, a read returns all the same.
func TestSuppressedWrite(t *testing.T) {
	s := newTestStore(t, &Options{Expiry: store.Expiry{Timeout: time.Minute, TouchAfter: -1}})
	works(t, s)
	age(t, s, 2*time.Second)
	other := openStore(t, testserver.Postgres(t).URL, Options{Schema: s.schema, Expiry: store.Expiry{Timeout: time.Second, TouchAfter: -1}})
	addTrigger(t, s, "RETURN NULL;")
	if value, err := s.Get(t.Context(), "key"); string(value) != "value" || err != nil {
		t.Errorf("a use that is not recorded: %q, %v", value, err)
	}
	if item, err := s.Load(t.Context(), "key"); err != nil || item.Version == "" || item.Atime.IsZero() {
		t.Errorf("%+v, %v", item, err)
	}
	if _, err := other.Get(t.Context(), "key"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an entry that is not removed: %v", err)
	}
}

// All statements of a call share OpTimeout.
func TestOpTimeoutOfAll(t *testing.T) {
	const opTimeout = 500 * time.Millisecond
	s := newTestStore(t, &Options{OpTimeout: opTimeout, Expiry: store.Expiry{TouchAfter: -1}})
	works(t, s)
	age(t, s, time.Hour)
	// Each refresh takes longer than half of it, and loses a race.
	addTrigger(t, s, "PERFORM pg_sleep(0.3); RETURN NULL;")
	at := time.Now()
	_, err := s.Get(t.Context(), "key")
	if !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, errNoAnswer) {
		t.Errorf("%v after %v", err, time.Since(at))
	}
}

// Who may only read is told what is there and what is not, also where a writer would remove an entry first.
func TestSelectOnly(t *testing.T) {
	server := testserver.Postgres(t)
	if !server.Own() {
		t.Skip("the server of the environment has other users")
	}
	expiry := store.Expiry{Timeout: 2 * time.Second}
	s := newTestStore(t, &Options{Expiry: expiry})
	works(t, s)
	age(t, s, 3*time.Second)
	role := strings.ToLower(strings.ReplaceAll(s.schema, " ", "_"))
	if _, err := pooled(s.pool).Exec(t.Context(), "CREATE ROLE "+quote(role)+" LOGIN; GRANT USAGE ON SCHEMA "+quote(s.schema)+" TO "+quote(role)+
		"; GRANT SELECT ON "+s.table+" TO "+quote(role), pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User(role)
	reader := openStore(t, u.String(), Options{Schema: s.schema, Expiry: expiry})
	standby := openStore(t, with(t, server.URL, url.Values{"default_transaction_read_only": {"on"}}), Options{Schema: s.schema, Expiry: expiry})
	for name, reader := range map[string]*Store{"role": reader, "read-only": standby} {
		c := reader.newCall("key")
		c.scan = scanState
		if err := reader.do(t.Context(), reader.sql.state, c); err != nil {
			t.Fatal(err)
		} else if c.state != justAbsent {
			t.Skipf("the machine is too slow: %d", c.state)
		}
		reader.free(c)
		if there, err := reader.Contains(t.Context(), "key"); there || err != nil {
			t.Errorf("%s: Contains: %v, %v", name, there, err)
		}
		if _, err := reader.Peek(t.Context(), "key"); err != store.ErrNotFound {
			t.Errorf("%s: Peek: %v", name, err)
		}
		if _, err := reader.Get(t.Context(), "key"); err != store.ErrNotFound {
			t.Errorf("%s: Get: %v", name, err)
		}
		if err := reader.Set(t.Context(), "key", nil); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: Set: %v", name, err)
		}
	}
}

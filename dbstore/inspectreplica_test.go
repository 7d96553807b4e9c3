package dbstore

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/testserver"
)

// An asynchronous standby is told with what a failover loses; a synchronous one is fine, until it is gone.
func TestInspectReplication(t *testing.T) {
	t.Parallel()
	pair := testserver.NewPostgresPair(t, false)
	schema := newLab(t, pair.Primary.URL).schema(t, "")
	at := func(rawURL string, params url.Values) *Store {
		t.Helper()
		params.Set("x-schema", schema)
		s, err := open(t, with(t, rawURL, params))
		if err != nil {
			t.Fatal(err)
		}
		return s.(*Store)
	}
	s := at(pair.URL, url.Values{})
	become := func(value, warn string) {
		t.Helper()
		eventually(t, 10*time.Second, func() error { // a setting takes effect in a moment, and a connection that broke is noticed in one
			f := factOf(inspect(t, s), "replication")
			if !strings.HasPrefix(f.Value, value) || !strings.Contains(f.Warn, warn) || warn == "" && f.Warn != "" {
				return errors.New(f.Value + ": " + f.Warn)
			}
			return nil
		})
	}
	set := func(names string) {
		pair.Primary.Exec(t, "ALTER SYSTEM SET synchronous_standby_names = '"+names+"'")
		pair.Primary.Exec(t, "SELECT pg_reload_conf()")
	}
	become("1 standby, asynchronous, ", "loses the last writes")
	set("*")
	become("1 standby, synchronous, ", "")
	local := at(pair.URL, url.Values{"synchronous_commit": {"local"}})
	if f := factOf(inspect(t, local), "replication"); !strings.Contains(f.Warn, "synchronous_commit=local") {
		t.Errorf("%+v", f)
	}
	// A role that may not see much is told that there is a standby.
	pair.Primary.Exec(t, "CREATE ROLE plain LOGIN")
	pair.Primary.Exec(t, "GRANT USAGE ON SCHEMA "+quote(schema)+" TO plain")
	pair.Primary.Exec(t, "GRANT SELECT ON ALL TABLES IN SCHEMA "+quote(schema)+" TO plain")
	plain := at(strings.ReplaceAll(pair.URL, "larder@", "plain@"), url.Values{})
	if f := factOf(inspect(t, plain), "replication"); f.Value != "1 standby, synchronous; how far behind is told to members of pg_monitor" || f.Warn != "" {
		t.Errorf("%+v", f)
	}
	eventually(t, 10*time.Second, func() error {
		if said := pair.Standby.Exec(t, "SELECT count(*) FROM pg_roles WHERE rolname = 'plain'"); said != "1" {
			return errors.New(said)
		}
		return nil
	})
	reader := openStore(t, pair.Standby.URL, Options{Schema: schema})
	facts := inspect(t, reader)
	if role, f := factOf(facts, "role"), factOf(facts, "replication"); role.Value != "standby" || role.Warn == "" ||
		!strings.HasPrefix(f.Value, "a standby; the last it has replayed was written ") || f.Warn != "" {
		t.Errorf("%+v, %+v", role, f)
	}
	pair.Standby.Kill(t)
	become("no standby", "every write waits")
	set("")
	become("no standby", "")
	pair.Primary.Exec(t, "SELECT pg_create_physical_replication_slot('gone', true)")
	become("no standby", "keeps all WAL")
	pair.Primary.Exec(t, "SELECT pg_drop_replication_slot('gone')")
	become("no standby", "")
}

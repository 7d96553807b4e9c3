package dbstore

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

func factOf(facts []store.Fact, name string) store.Fact {
	i := slices.IndexFunc(facts, func(f store.Fact) bool { return f.Name == name })
	if i < 0 {
		return store.Fact{}
	}
	return facts[i]
}

func inspect(t *testing.T, s *Store) []store.Fact {
	t.Helper()
	facts, err := store.Inspect(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, f := range facts {
		if names[f.Name] || f.Name == "" || f.Value == "" {
			t.Errorf("%+v", f)
		}
		names[f.Name] = true
	}
	return facts
}

// A server as it should be warns of nothing, and one that is not, of what it is not.
func TestInspect(t *testing.T) {
	server := testserver.Postgres(t)
	s := newStoreAt(t, server.URL, nil)
	var fsync string
	if err := pooled(s.pool).QueryRow(t.Context(), "SHOW fsync").Scan(&fsync); err != nil {
		t.Fatal(err)
	}
	for _, f := range inspect(t, s) {
		switch {
		case f.Name == "persistence" && fsync == "off": // as servers for tests are
			if f.Value != "fsync=off" || f.Warn == "" {
				t.Errorf("%+v", f)
			}
		case f.Warn != "" || f.Name == "server" && !strings.HasPrefix(f.Value, "PostgreSQL 1"):
			t.Errorf("%+v", f)
		}
	}
	for _, c := range []struct{ name, setting, to, value string }{
		{"persistence", "synchronous_commit", "off", "synchronous_commit=off"},
		{"role", "default_transaction_read_only", "on", "read-only"},
	} {
		other := openStore(t, server.URL, Options{Schema: s.schema}, func(p *pgxpool.Config) { p.ConnConfig.RuntimeParams[c.setting] = c.to })
		if f := factOf(inspect(t, other), c.name); f.Warn == "" || !strings.Contains(f.Value, c.value) {
			t.Errorf("%+v", f)
		}
	}
	for _, c := range []struct{ name, sql, value string }{
		{"autovacuum", "ALTER TABLE " + s.table + " SET (autovacuum_enabled = false)", "off"},
		{"indexes", "DROP INDEX " + quote(s.schema) + ".larder_entries_expires_idx", "only: atime"},
		{"indexes", "DROP INDEX " + quote(s.schema) + ".larder_entries_atime_idx", "none"},
		{"persistence", "ALTER TABLE " + s.table + " SET UNLOGGED", ""},
	} {
		if _, err := pooled(s.pool).Exec(t.Context(), c.sql); err != nil {
			t.Fatal(err)
		}
		if f := factOf(inspect(t, s), c.name); f.Warn == "" || !strings.HasPrefix(f.Value, c.value) {
			t.Errorf("%+v", f)
		}
	}
}

func TestInspectClock(t *testing.T) {
	now := time.Now()
	for skew, warns := range map[time.Duration]bool{0: false, time.Second: false, -3 * time.Second: true, time.Hour: true} {
		a := answers{asked: now, took: 2 * time.Millisecond}
		a.text[askedClock], a.told[askedClock] = strconv.FormatInt(now.Add(skew).UnixMicro(), 10), true
		if f := a.clock(); (f.Warn != "") != warns {
			t.Errorf("off by %v: %+v", skew, f)
		}
	}
}

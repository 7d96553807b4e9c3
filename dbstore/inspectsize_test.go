package dbstore

import (
	"strconv"
	"strings"
	"testing"

	"github.com/larder-go/larder/internal/testserver"
)

// TestInspectSize: a table that a late cleanup has left mostly empty says so, and one that is full does not.
func TestInspectSize(t *testing.T) {
	s := newStoreAt(t, testserver.Postgres(t).URL, nil)
	exec := func(sql string) {
		t.Helper()
		if _, err := pooled(s.pool).Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	if f := factOf(inspect(t, s), "size"); f.Value != "table 0 MiB, indexes 0 MiB" || f.Warn != "" {
		t.Errorf("empty: %+v", f)
	}
	exec("ALTER TABLE " + s.table + " SET (autovacuum_enabled = false)") // or it may come before us
	exec("INSERT INTO " + s.table + ` (key, value, atime, version)
		SELECT convert_to('key-' || n, 'UTF8'), convert_to(repeat(md5(n::text), 30), 'UTF8'), now() - n * interval '1 s', decode(md5(n::text), 'hex')
		FROM generate_series(1, 90000) AS n`)
	exec("VACUUM ANALYZE " + s.table)
	if f := factOf(inspect(t, s), "size"); f.Warn != "" || !strings.HasPrefix(f.Value, "table ") {
		t.Errorf("full: %+v", f)
	}
	exec("DELETE FROM " + s.table + " WHERE atime > now() - interval '89990 s'") // those behind keep the file long
	exec("ALTER TABLE " + s.table + " RESET (autovacuum_enabled)")
	f := factOf(inspect(t, s), "autovacuum")
	if strings.Contains(f.Value, "dead") && f.Warn != "" { // the statistics may be behind, and it was vacuumed just now
		t.Errorf("%+v", f)
	}
	exec("VACUUM ANALYZE " + s.table)
	if f := factOf(inspect(t, s), "size"); !strings.Contains(f.Warn, "pg_repack") {
		t.Errorf("mostly free: %+v", f)
	}
}

func TestFactsOfVacuumAndSize(t *testing.T) {
	for _, c := range []struct {
		name, warn string
		columns    map[int]int64
	}{
		{"autovacuum", "", map[int]int64{askedDead: 9000, askedLive: 1}},
		{"autovacuum", "never vacuumed", map[int]int64{askedDead: 20_000, askedLive: 1}},
		{"autovacuum", "", map[int]int64{askedDead: 20_000, askedLive: 30_000}},
		{"autovacuum", "", map[int]int64{askedDead: 20_000, askedLive: 1, askedVacuuming: 1}},
		{"autovacuum", "", map[int]int64{askedDead: 20_000, askedLive: 1, askedVacuumed: 60}},
		{"autovacuum", "the last vacuum was 2h0m0s ago", map[int]int64{askedDead: 20_000, askedLive: 1, askedVacuumed: 7200}},
		{"size", "does not tell", map[int]int64{}},
		{"size", "", map[int]int64{askedHeap: 1 << 30, askedIndexSize: 1 << 30, askedLive: 1000}},
		{"size", "", map[int]int64{askedHeap: 1 << 30, askedIndexSize: 1 << 29, askedLive: 2_000_000, askedRowWidth: 500, askedKeyWidth: 60}},
		{"size", "pg_repack", map[int]int64{askedHeap: 1 << 30, askedIndexSize: 1 << 20, askedLive: 2000, askedRowWidth: 500, askedKeyWidth: 60}},
		{"size", "REINDEX", map[int]int64{askedHeap: 1 << 20, askedIndexSize: 95 << 30, askedLive: 2_000_000, askedRowWidth: 500, askedKeyWidth: 60}},
		{"size", "", map[int]int64{askedHeap: 60 << 20, askedIndexSize: 60 << 20, askedLive: 0, askedRowWidth: 500, askedKeyWidth: 60}},
	} {
		var a answers
		for column, n := range c.columns {
			a.text[column], a.told[column] = strconv.FormatInt(n, 10), true
		}
		f := a.vacuum()
		if c.name == "size" {
			f = a.size()
		}
		if f.Name != c.name || c.warn == "" && f.Warn != "" || !strings.Contains(f.Warn, c.warn) {
			t.Errorf("%v: %+v", c.columns, f)
		}
	}
}

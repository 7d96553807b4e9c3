package dbstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/larder-go/larder/store"
)

// countUpdates has the server count the updates of rows from now on, and returns what tells how many there were.
func countUpdates(t testing.TB, s *Store) func() int {
	t.Helper()
	schema := quote(s.schema)
	for _, sql := range []string{
		"CREATE TABLE " + schema + ".updates (one int)",
		"CREATE FUNCTION " + schema + ".note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO " + schema + ".updates VALUES (1); RETURN NULL; END $$",
		"CREATE TRIGGER note AFTER UPDATE ON " + s.table + " FOR EACH ROW EXECUTE FUNCTION " + schema + ".note()",
	} {
		if _, err := pooled(s.pool).Exec(context.Background(), sql); err != nil {
			t.Fatal(err)
		}
	}
	return func() (n int) {
		if err := pooled(s.pool).QueryRow(context.Background(), "SELECT count(*) FROM "+schema+".updates").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
}

// However many use an entry, and at the same moment, its atime is written once per TouchAfter.
func TestTouchEconomy(t *testing.T) {
	s := newTestStore(t, &Options{Expiry: store.Expiry{TouchAfter: time.Minute}})
	const entries = 50
	fill(t, s, entries, "true", byAtime) // two days old: the first use of each is recorded, and no other for a minute
	updates := countUpdates(t, s)
	var users sync.WaitGroup
	for range 32 {
		users.Go(func() {
			for range 30 {
				key := fmt.Sprint("key ", rand.N(entries))
				var err error
				switch rand.N(3) {
				case 0:
					_, err = s.Get(t.Context(), key)
				case 1:
					_, err = s.Load(t.Context(), key)
				default:
					err = s.Touch(t.Context(), key)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	users.Wait()
	if n := updates(); n != entries {
		t.Errorf("%d atimes were written; there are %d entries", n, entries)
	}
}

// A use that was judged in time and commits late keeps its entry alive, and nobody is told meanwhile that it is absent.
func TestDoorWaitsForCommit(t *testing.T) {
	s := newTestStore(t, &Options{Expiry: store.Expiry{Timeout: 5 * time.Second, TouchAfter: -1}})
	ctx := t.Context()
	works(t, s)
	if _, err := pooled(s.pool).Exec(ctx, "UPDATE "+s.table+" SET atime = clock_timestamp() - interval '4.7 seconds'"); err != nil {
		t.Fatal(err)
	}
	tx, err := pooled(s.pool).Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	tag, err := tx.Exec(ctx, s.sql.refresh.sql, []byte("key"))
	if err != nil || tag.RowsAffected() != 1 {
		t.Skipf("the machine took longer than the time-out: %v, %v", tag, err)
	}
	state := func() (state int) {
		if err := pooled(s.pool).QueryRow(ctx, s.sql.state.sql, []byte("key")).Scan(&state); err != nil {
			return absent
		}
		return state
	}
	for state() < justAbsent { // by what is committed
	}
	told := make(chan bool, 1)
	go func() {
		there, err := s.Contains(ctx, "key")
		if err != nil {
			t.Error(err)
		}
		told <- there
	}()
	for waits := 0; waits == 0; {
		err := pooled(s.pool).QueryRow(ctx, "SELECT count(*) FROM pg_locks WHERE NOT granted").Scan(&waits)
		if err != nil {
			t.Fatal(err)
		}
		select {
		case there := <-told:
			t.Fatalf("Contains says %v while the use is not committed", there)
		default:
		}
	}
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	there := <-told
	if now := state(); now < justAbsent && !there {
		t.Error("Contains said that the entry is absent, and now it is there")
	} else if now >= justAbsent {
		t.Skip("the machine took longer than the time-out")
	}
}

// Times survive the way to the server and back, rounded up to a microsecond and into its range.
func TestTimes(t *testing.T) {
	s := newTestStore(t, nil)
	at := time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC)
	for _, c := range []struct{ given, want time.Time }{
		{at, at},
		{at.Add(time.Microsecond), at.Add(time.Microsecond)},
		{at.Add(time.Nanosecond), at.Add(time.Microsecond)},
		{time.Date(1999, 12, 31, 23, 59, 59, 999_999_001, time.UTC), time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)},
		{time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)},
		{time.Date(200_000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(200_000, 1, 1, 0, 0, 0, 0, time.UTC)},
		{time.Date(400_000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(294_276, 12, 31, 23, 59, 59, 999_999_000, time.UTC)},
		{time.Date(-400_000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(-4713, 11, 24, 0, 0, 0, 0, time.UTC)},
	} {
		c1 := s.newCall("")
		c1.params = c1.params[:0]
		c1.time(c.given)
		var got time.Time
		c1.scan = func(_ *call, columns [][]byte) { got = parseTime(columns[0]) }
		if err := s.do(t.Context(), &statement{index: once, sql: "SELECT $1::timestamptz"}, c1); err != nil || !got.Equal(c.want) {
			t.Errorf("%v came back as %v, %v; want %v", c.given, got.UTC(), err, c.want)
		}
		s.free(c1)
	}
}

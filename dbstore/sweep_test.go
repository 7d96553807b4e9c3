package dbstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/larder-go/larder/store"
)

// fill writes rows 0 to n-1 in one statement. dead is SQL that says of i whether the row has been idle for two days, or with byDeadline
// whether its deadline has passed.
func fill(t testing.TB, s *Store, n int, dead string, order order) {
	t.Helper()
	atime, expires := "CASE WHEN "+dead+" THEN now() - interval '2 days' + i * interval '1 microsecond' ELSE now() END", "NULL::timestamptz"
	if order == byDeadline {
		atime, expires = "now()", "CASE WHEN "+dead+" THEN now() - interval '2 days' + i * interval '1 microsecond' ELSE now() + interval '1 day' END"
	}
	_, err := pooled(s.pool).Exec(context.Background(), "INSERT INTO "+s.table+" SELECT convert_to('key ' || i, 'UTF8'), convert_to(rpad('value ' || i, 100), 'UTF8'), "+
		atime+", "+expires+", decode(md5(i::text), 'hex') FROM generate_series(0, $1 - 1) AS i ORDER BY md5(i::text)", n)
	if err != nil {
		t.Fatal(err)
	}
}

func count(t testing.TB, s *Store, where string) (n int) {
	t.Helper()
	if err := pooled(s.pool).QueryRow(context.Background(), "SELECT count(*) FROM "+s.table+" AS e WHERE "+where).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func soak(usual, long int) int {
	if os.Getenv("LARDER_SOAK") != "" {
		return long
	}
	return usual
}

// Four cleaners and users beside them: each dead row is removed once, none that was used, and nobody is in the way of another.
func TestCleanersAndUsers(t *testing.T) {
	n := soak(40_000, 1_000_000)
	s := newTestStore(t, &Options{Expiry: store.Expiry{TouchAfter: -1}})
	fill(t, s, n, "i % 2 = 0", byAtime)
	ctx, cancel := context.WithCancel(t.Context())
	var users, cleaners sync.WaitGroup
	var saved, uses atomic.Int64
	for u := range 4 {
		users.Go(func() {
			for i := u; ctx.Err() == nil; i++ { // users come to dead entries too, and save those that they find
				key := fmt.Sprint("key ", rand.N(n))
				var err error
				switch {
				case i%10 == 0: // Idle makes dead for the cleaners what a Get still finds, and so saves
					_, err = s.Get(ctx, key)
				case i%3 == 0:
					err = store.Update(ctx, s, "live "+key, func(*store.Item) (*store.Item, error) { return &store.Item{Value: []byte(key)}, nil })
				default:
					err = store.Touch(ctx, s, fmt.Sprint("key ", 2*rand.N(n/2)+1))
				}
				if err != nil && ctx.Err() == nil && err != store.ErrNotFound {
					t.Errorf("a user met %v", err)
				}
				if err == nil && i%10 == 0 {
					saved.Add(1)
				}
				uses.Add(1)
			}
		})
	}
	var removed atomic.Int64
	for range 4 {
		cleaners.Go(func() {
			r, err := s.Sweep(t.Context(), store.SweepOptions{Idle: time.Hour})
			if err != nil { // Done it may be not: another cleaner's last batch is not committed
				t.Errorf("a cleaner ended with %+v, %v", r, err)
			}
			removed.Add(int64(r.Removed))
		})
	}
	cleaners.Wait()
	cancel()
	users.Wait()
	left := count(t, s, "e.key LIKE 'key %'")
	if int(removed.Load())+left != n || left < n/2 {
		t.Errorf("%d of %d were removed, and %d are left: %d are missing", removed.Load(), n, left, n-left-int(removed.Load()))
	}
	if live := count(t, s, "e.key LIKE 'key %' AND right(convert_from(e.key, 'UTF8'), 1) IN ('1', '3', '5', '7', '9')"); live != n/2 {
		t.Errorf("%d of %d live entries are left", live, n/2)
	}
	if dead := count(t, s, "e.atime < now() - interval '1 day'"); dead != 0 {
		t.Errorf("%d dead entries are left", dead)
	}
	var deadlocks int64
	if err := pooled(s.pool).QueryRow(t.Context(), "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").Scan(&deadlocks); err != nil || deadlocks > 0 {
		t.Errorf("%d deadlocks, %v", deadlocks, err)
	}
	t.Logf("%d removed beside %d uses, %d of which were of what a cleaner may remove", removed.Load(), uses.Load(), saved.Load())
}

// What a use holds, not yet committed, is not waited for and not removed.
func TestSweepLeavesWhatIsHeld(t *testing.T) {
	ctx := t.Context()
	s := newTestStore(t, nil)
	for _, order := range []order{byAtime, byDeadline} {
		fill(t, s, 20, "true", order)
		tx, err := pooled(s.pool).Begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(ctx, "UPDATE "+s.table+" SET atime = now(), expires = NULL WHERE key = 'key 7'"); err != nil {
			t.Fatal(err)
		}
		if r, err := s.Sweep(ctx, store.SweepOptions{Idle: time.Hour}); r.Removed != 19 || r.Done || err != nil {
			t.Errorf("%s: a sweep beside a transaction ends with %+v, %v", order, r, err)
		}
		if err := tx.Commit(ctx); err != nil {
			t.Fatal(err)
		}
		if r, err := s.Sweep(ctx, store.SweepOptions{Idle: time.Hour}); r.Removed != 0 || !r.Done || err != nil {
			t.Errorf("%s: a sweep after it ends with %+v, %v", order, r, err)
		}
		if err := s.Delete(ctx, "key 7"); err != nil {
			t.Fatal(err)
		}
	}
}

// planner returns what the server makes of a statement of a sweep.
func (s *Store) explain(t *testing.T, o store.SweepOptions, order order, room int, last swept, look bool) string {
	t.Helper()
	now, err := s.serverTime(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w := &sweeper{s: s, o: o, now: now, cutoff: now.Add(-24 * time.Hour)}
	c := s.newCall("")
	defer s.free(c)
	sql := w.statement(c, order, room, last, look)
	var plan strings.Builder
	c.scan = func(_ *call, columns [][]byte) { plan.Write(columns[0]); plan.WriteByte('\n') }
	if err := s.do(t.Context(), &statement{index: once, sql: "EXPLAIN " + sql}, c); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}

// The server takes the indexes for the very statements of a sweep, whatever it knows of the table.
func TestSweepPlan(t *testing.T) {
	for _, order := range []order{byAtime, byDeadline} {
		for share, dead := range map[string]string{"one of 1,000": "i % 1000 = 0", "half": "i % 2 = 0"} {
			s := newTestStore(t, nil)
			fill(t, s, 40_000, dead, order)
			for _, analyzed := range []bool{false, true} {
				if analyzed {
					if _, err := pooled(s.pool).Exec(t.Context(), "ANALYZE "+s.table); err != nil {
						t.Fatal(err)
					}
				}
				for _, look := range []bool{false, true} {
					for _, last := range []swept{{}, {when: time.Now().Add(-48 * time.Hour), key: "key 5"}} {
						plan := s.explain(t, store.SweepOptions{}, order, sweepBatch, last, look)
						if strings.Contains(plan, "Seq Scan") || !strings.Contains(plan, "_"+string(order)+"_idx") {
							t.Errorf("%s, %s dead, analyzed %v, look %v, from %v:\n%s", order, share, analyzed, look, last.when, plan)
						}
					}
				}
			}
		}
	}
}

// A database that isolates transactions more than is usual makes races be lost, which are run again.
func TestIsolation(t *testing.T) {
	for _, level := range []string{"repeatable read", "serializable"} {
		t.Run(level, func(t *testing.T) {
			t.Parallel()
			s := newStoreAt(t, pooled(newTestStore(t, nil).pool).Config().ConnString(), nil, func(c *pgxpool.Config) {
				c.ConnConfig.RuntimeParams["default_transaction_isolation"] = level
			})
			const workers, each = 8, 20
			var all sync.WaitGroup
			for range workers {
				all.Go(func() {
					for range each {
						err := store.Update(t.Context(), s, "counter", func(old *store.Item) (*store.Item, error) {
							if old == nil {
								return &store.Item{Value: []byte{1}}, nil
							}
							return &store.Item{Value: []byte{old.Value[0] + 1}}, nil
						})
						if err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			all.Wait()
			if value, err := s.Get(t.Context(), "counter"); err != nil || value[0] != workers*each {
				t.Errorf("the counter is at %v, %v; want %d", value, err, workers*each)
			}
		})
	}
}

// A sweep that ends in the middle says so, and has removed what it reports.
func TestSweepCancelled(t *testing.T) {
	s := newTestStore(t, nil)
	const n = 20_000
	fill(t, s, n, "true", byAtime)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := s.Sweep(ctx, store.SweepOptions{Idle: time.Hour, Batch: 100, Progress: func(r store.SweepReport) {
		if r.Removed >= 1000 {
			time.AfterFunc(time.Millisecond, cancel) // in the middle of a batch
		}
	}})
	if !errors.Is(err, context.Canceled) || r.Done || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("%+v, %v", r, err)
	}
	if left := count(t, s, "true"); left+r.Removed != n {
		t.Errorf("%d are left of %d and %d are reported as removed", left, n, r.Removed)
	}
}

package dbstore

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// noPing keeps pgxpool from finding dead connections before we do.
func noPing(c *pgxpool.Config) {
	c.ShouldPing = func(context.Context, pgxpool.ShouldPingParams) bool { return false }
}

// occupy has every connection of the pool be open. Used ones have prepared a statement, others were made and never asked anything.
func occupy(t *testing.T, s *Store, used bool) {
	t.Helper()
	giveUp := time.Now().Add(10 * time.Second)
	for made := 0; made < s.maxConns; made++ {
		l, err := s.pool.lend(t.Context())
		for err != nil && time.Now().Before(giveUp) { // a busy machine takes longer than a short time-out
			l, err = s.pool.lend(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		defer l.giveBack(false) // whatever happens, or the pool cannot close
		if !used {
			continue
		}
		c := s.newCall("key")
		c.scan = scanValue
		if _, err := s.exec(l.conn(), s.sql.get, c); err != nil {
			t.Fatal(err)
		}
	}
}

// One server is started for all that is done to servers.
func TestOutages(t *testing.T) {
	server := testserver.NewPostgres(t)
	t.Run("restart", func(t *testing.T) { testRestart(t, server) })
	t.Run("hang", func(t *testing.T) { testHang(t, server, openStore) })
	t.Run("hang own", func(t *testing.T) { testHang(t, server, openOwn) })
	t.Run("close", func(t *testing.T) { testCloseWhileHanging(t, server) })
}

// A restart of the server leaves a pool of dead connections, which no read sees.
func testRestart(t *testing.T, server *testserver.Server) {
	stop, kill := (*testserver.Server).Stop, (*testserver.Server).Kill
	for _, test := range []struct {
		name string
		end  func(*testserver.Server, testing.TB)
		used bool
	}{{"stop", stop, true}, {"kill", kill, true}, {"stop unused", stop, false}} {
		t.Run(test.name, func(t *testing.T) {
			s := newStoreAt(t, server.URL, nil, noPing)
			works(t, s)
			pooled(s.pool).Reset()
			occupy(t, s, test.used)
			test.end(server, t)
			if _, err := s.Get(t.Context(), "key"); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("without a server: %v", err)
			}
			server.Start(t)
			again := openStore(t, server.URL, Options{Schema: s.schema}, noPing)
			own := openOwn(t, server.URL, Options{Schema: s.schema})
			occupy(t, again, test.used)
			occupy(t, own, test.used)
			test.end(server, t)
			server.Start(t)
			var readers sync.WaitGroup
			for range 2 * s.maxConns {
				readers.Go(func() {
					for _, s := range []*Store{s, again, own} {
						if value, err := s.Get(t.Context(), "key"); string(value) != "value" || err != nil {
							t.Errorf("after the restart: %q, %v", value, err)
						}
					}
				})
			}
			readers.Wait()
			works(t, s)
		})
	}
}

// A server that hangs is an outage: after the context's time, or our own, and not at all where the caller has gone.
func testHang(t *testing.T, server *testserver.Server, open opener) {
	s := open(t, server.URL, Options{OpTimeout: 300 * time.Millisecond, Schema: newSchema(t, server.URL, "")})
	works(t, s)
	occupy(t, s, true)
	server.Pause(t)
	const soon = 5 * time.Second // machines may be busy; a store that hangs would take for ever
	for range 3 {
		at := time.Now()
		_, err := s.Get(t.Context(), "key")
		if took := time.Since(at); !errors.Is(err, store.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || took > soon || took < 300*time.Millisecond {
			t.Errorf("without a deadline: %v after %v", err, took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		at = time.Now()
		err = s.Set(ctx, "key", nil)
		if took := time.Since(at); !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || took > soon {
			t.Errorf("with a deadline: %v after %v", err, took)
		}
		cancel()
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		at = time.Now()
		_, err = s.Cleanup(ctx, time.Hour)
		if took := time.Since(at); errors.Is(err, store.ErrUnavailable) || !errors.Is(err, context.Canceled) || took > soon {
			t.Errorf("cancelled: %v after %v", err, took)
		}
	}
	if g, ok := s.pool.(given); ok && int(g.Stat().TotalConns()) > s.maxConns {
		t.Errorf("%d connections; the pool has %d", g.Stat().TotalConns(), s.maxConns)
	}
	server.Resume(t)
	for giveUp := time.Now().Add(soon); ; {
		value, err := s.Get(t.Context(), "key")
		if err == nil && string(value) == "value" {
			break
		}
		if !errors.Is(err, store.ErrUnavailable) || time.Now().After(giveUp) {
			t.Fatalf("after it goes on: %q, %v", value, err)
		}
	}
}

// A pool whose connections all are taken is waited for, but not for ever.
func TestPoolIsTaken(t *testing.T) {
	server := testserver.Postgres(t)
	one := func(c *pgxpool.Config) { c.MaxConns = 1 }
	for name, open := range map[string]opener{"given": openStore, "own": openOwn} {
		t.Run(name, func(t *testing.T) {
			s := open(t, server.URL, Options{Schema: newSchema(t, server.URL, "")}, one)
			works(t, s)
			config, err := pgxpool.ParseConfig(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			hasty, err := newStore(s.pool, config, &Options{Schema: s.schema, OpTimeout: 100 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			l, err := s.pool.lend(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := hasty.Get(t.Context(), "key"); !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, errNoAnswer) {
				t.Error(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(20*time.Millisecond, cancel)
			if _, err := s.Get(ctx, "key"); !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
				t.Error(err)
			}
			l.giveBack(false)
			works(t, s)
		})
	}
}

// Close of a store whose server hangs does not.
func testCloseWhileHanging(t *testing.T, server *testserver.Server) {
	schema := newSchema(t, server.URL, "")
	s, err := open(t, server.URL+"?x-op-timeout=200ms&x-schema="+url.QueryEscape(schema))
	if err != nil {
		t.Fatal(err)
	}
	works(t, s)
	server.Pause(t)
	defer server.Resume(t)
	if _, err := s.Get(t.Context(), "key"); !errors.Is(err, store.ErrUnavailable) {
		t.Error(err)
	}
	at := time.Now()
	if err := s.Close(); err != nil || time.Since(at) > closeWait+5*time.Second {
		t.Errorf("Close: %v after %v", err, time.Since(at))
	}
}

// Where the reply to a Swap is lost with its connection, the entry's version tells what became of it.
func TestSwapReplyLost(t *testing.T) {
	server := testserver.Postgres(t)
	l := newLab(t, server.URL)
	schema := l.schema(t, "")
	proxy := testserver.NewProxy(t, server.Addr)
	s := openStore(t, through(t, server.URL, proxy.Addr), Options{Schema: schema}, noPing)
	direct := openStore(t, server.URL, Options{Schema: schema})
	works(t, s)
	old, err := s.Load(t.Context(), "key")
	if err == nil { // once more, so that nothing is left to prepare
		old.Version, err = s.Swap(t.Context(), "key", old.Version, old)
	}
	if err != nil {
		t.Fatal(err)
	}
	proxy.Delay(time.Hour) // until the mode changes
	type result struct {
		version store.Version
		err     error
	}
	done := make(chan result, 1)
	go func() {
		v, err := s.Swap(t.Context(), "key", old.Version, &store.Item{Value: []byte("new")})
		done <- result{v, err}
	}()
	for { // until the server has done it
		if value, err := direct.Get(t.Context(), "key"); err != nil {
			t.Fatal(err)
		} else if string(value) == "new" {
			break
		}
	}
	proxy.Refuse()
	proxy.Pass()
	r := <-done
	item, err := direct.Load(t.Context(), "key")
	if err != nil {
		t.Fatal(err)
	}
	// The connection breaks in the moment in which new ones are refused too, or just after it.
	if r.err == nil && r.version != item.Version || r.err != nil && !errors.Is(r.err, store.ErrUnavailable) {
		t.Errorf("Swap: %q, %v; the entry has %q", r.version, r.err, item.Version)
	}
	if r.err != nil {
		t.Logf("the server was not to be had again so soon: %v", r.err)
	}
}

// A session that must not write says what is wrong.
func TestReadOnly(t *testing.T) {
	schema := newSchema(t, testserver.Postgres(t).URL, "")
	s := openStore(t, testserver.Postgres(t).URL, Options{Schema: schema}, func(c *pgxpool.Config) {
		c.ConnConfig.RuntimeParams["default_transaction_read_only"] = "on"
	})
	if err := s.Set(t.Context(), "key", nil); !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "target_session_attrs") {
		t.Error(err)
	}
	if there, err := s.Contains(t.Context(), "key"); there || err != nil {
		t.Error(there, err)
	}
}

// Prepared statements that somebody has thrown away are done without.
func TestDeallocated(t *testing.T) {
	s := newStoreAt(t, testserver.Postgres(t).URL, nil, func(c *pgxpool.Config) { c.MaxConns = 1 })
	works(t, s)
	if s.unnamed.Load() {
		t.Fatal("nothing is prepared")
	}
	if _, err := pooled(s.pool).Exec(t.Context(), "DEALLOCATE ALL"); err != nil {
		t.Fatal(err)
	}
	works(t, s)
	if !s.unnamed.Load() {
		t.Error("the store trusts in prepared statements still")
	}
}

// No text of the server's that may quote what was sent reaches anybody.
func TestErrorsTellNoSecret(t *testing.T) {
	s := newTestStore(t, nil)
	schema := quote(s.schema)
	_, err := pooled(s.pool).Exec(t.Context(), `CREATE FUNCTION `+schema+`.talk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		RAISE EXCEPTION 'no: %', convert_from(NEW.key, 'UTF8') USING DETAIL = convert_from(NEW.value, 'UTF8'), HINT = convert_from(NEW.value, 'UTF8');
		END $$`)
	if err == nil {
		_, err = pooled(s.pool).Exec(t.Context(), "CREATE TRIGGER talk BEFORE INSERT ON "+s.table+" FOR EACH ROW EXECUTE FUNCTION "+schema+".talk()")
	}
	if err != nil {
		t.Fatal(err)
	}
	err = s.Set(t.Context(), "a secret key", []byte("a secret value"))
	if text := fmt.Sprint(err); !errors.Is(err, store.ErrUnavailable) || strings.Contains(text, "secret") || !strings.Contains(text, "P0001") {
		t.Error(text)
	}
}

package dbstore

import (
	"context"
	"crypto/rand"
	"errors"
	mathrand "math/rand/v2"
	"net"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// ownPool opens a store by URL, with these parameters for its pool. count tells how many connections its server sees.
func ownPool(t *testing.T, params url.Values) (s *Store, count func() int) {
	t.Helper()
	server := testserver.Postgres(t)
	name := "pool-" + rand.Text()[:8]
	params.Set("application_name", name)
	params.Set("x-schema", newSchema(t, server.URL, ""))
	opened, err := open(t, with(t, server.URL, params))
	if err != nil {
		t.Fatal(err)
	}
	admin := newPool(t, server.URL)
	return opened.(*Store), func() (n int) {
		if err := admin.QueryRow(context.Background(), "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1", name).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
}

// until waits for a number of connections.
func until(t *testing.T, count func() int, want int) {
	t.Helper()
	for giveUp := time.Now().Add(10 * time.Second); ; <-time.After(5 * time.Millisecond) {
		n := count()
		if n == want {
			return
		}
		if time.Now().After(giveUp) {
			t.Fatalf("%d connections, want %d", n, want)
		}
	}
}

// lendAll borrows as many connections as the pool has, and gives them back.
func lendAll(t *testing.T, s *Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var loans []loan
	for range s.maxConns {
		l, err := s.pool.lend(ctx)
		if err != nil {
			t.Fatalf("after %d of %d: %v", len(loans), s.maxConns, err)
		}
		loans = append(loans, l)
	}
	for _, l := range loans {
		l.giveBack(false)
	}
}

// What the pool_ parameters say holds.
func TestPoolParameters(t *testing.T) {
	t.Run("max", func(t *testing.T) {
		s, count := ownPool(t, url.Values{"pool_max_conns": {"3"}})
		until(t, count, 1) // of the question whether there is a table
		var work sync.WaitGroup
		for range 16 {
			work.Go(func() { works(t, s) })
		}
		work.Wait()
		lendAll(t, s)
		until(t, count, 3)
	})
	t.Run("min", func(t *testing.T) {
		s, count := ownPool(t, url.Values{"pool_max_conns": {"5"}, "pool_min_conns": {"2"}, "pool_min_idle_conns": {"3"}})
		for giveUp := time.Now().Add(10 * time.Second); ; <-time.After(5 * time.Millisecond) {
			idle := s.own.members.Stat().IdleResources()
			if idle >= 3 {
				break
			}
			if time.Now().After(giveUp) {
				t.Fatalf("%d are idle", idle)
			}
		}
		if n := count(); n > 4 { // that which was asked for the table, and the three
			t.Errorf("%d connections", n)
		}
	})
	t.Run("lifetime", func(t *testing.T) {
		s, count := ownPool(t, url.Values{"pool_max_conn_lifetime": {"1ms"}, "pool_max_conn_lifetime_jitter": {"1ms"}, "pool_max_conns": {"2"}})
		seen := make(map[uint32]bool)
		for range 5 {
			l, err := s.pool.lend(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			seen[l.conn().PID()] = true
			<-time.After(3 * time.Millisecond)
			l.giveBack(false)
		}
		if len(seen) < 5 {
			t.Errorf("%d connections served 5 times", len(seen))
		}
		until(t, count, 0)
	})
	t.Run("idle", func(t *testing.T) {
		s, count := ownPool(t, url.Values{"pool_max_conn_idle_time": {"1ms"}, "pool_health_check_period": {"5ms"}, "pool_min_conns": {"1"}})
		lendAll(t, s)
		until(t, count, 1)
		lendAll(t, s)
	})
}

// Callers that give up, at any moment, leave every connection in its place.
func TestPoolLosesNone(t *testing.T) {
	s, count := ownPool(t, url.Values{"pool_max_conns": {"4"}})
	random := mathrand.New(mathrand.NewPCG(5, 6))
	var work sync.WaitGroup
	for range 16 {
		seed := random.Uint64()
		work.Go(func() {
			random := mathrand.New(mathrand.NewPCG(seed, 7))
			for range 200 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.Int64N(int64(2*time.Millisecond))))
				l, err := s.pool.lend(ctx)
				switch {
				case err != nil && !errors.Is(err, context.DeadlineExceeded):
					t.Error(err)
				case err == nil && random.IntN(20) == 0:
					l.conn().Close(ctx)
					fallthrough
				case err == nil:
					l.giveBack(false)
				}
				cancel()
			}
		})
	}
	work.Wait()
	lendAll(t, s)
	until(t, count, 4)
	if stat := s.own.members.Stat(); stat.TotalResources() != 4 || stat.IdleResources() != 4 {
		t.Errorf("%d connections, %d of them idle", stat.TotalResources(), stat.IdleResources())
	}
}

// A connection that died while it was idle is not lent.
func TestPoolFindsTheDead(t *testing.T) {
	s, count := ownPool(t, url.Values{"pool_max_conns": {"2"}})
	works(t, s)
	lendAll(t, s)
	<-time.After(trusted)
	other := newPool(t, testserver.Postgres(t).URL)
	_, err := other.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1",
		s.own.config.ConnConfig.RuntimeParams["application_name"])
	if err != nil {
		t.Fatal(err)
	}
	until(t, count, 0)
	if err := s.Set(t.Context(), "key", []byte("value")); err != nil { // a write is not sent again
		t.Error(err)
	}
}

// waitsInLine returns once a goroutine waits for a place in puddle, which counts only those that have waited.
func waitsInLine(t *testing.T) {
	t.Helper()
	stacks := make([]byte, 1<<20)
	for giveUp := time.Now().Add(10 * time.Second); !strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "semaphore.(*Weighted).Acquire("); {
		if time.Now().After(giveUp) {
			t.Fatal("nobody waits")
		}
		<-time.After(time.Millisecond)
	}
}

// Close refuses who waits and who comes, and waits for who has a connection.
func TestPoolCloses(t *testing.T) {
	s, count := ownPool(t, url.Values{"pool_max_conns": {"1"}})
	l, err := s.pool.lend(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	waits := make(chan error, 1)
	go func() { waits <- s.Set(t.Context(), "key", nil) }()
	waitsInLine(t)
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	if err := <-waits; !errors.Is(err, os.ErrClosed) || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("who waited: %v", err)
	}
	if _, err := s.pool.lend(t.Context()); !errors.Is(s.cause(err), os.ErrClosed) {
		t.Errorf("who comes: %v", err)
	}
	select {
	case <-closed:
		t.Error("Close has not waited")
	default:
	}
	l.giveBack(false)
	if err := <-closed; err != nil {
		t.Error(err)
	}
	until(t, count, 0)
}

// Close ends also where a connection is being made, and nobody answers.
func TestPoolClosesWhileDialling(t *testing.T) {
	config, err := pgxpool.ParseConfig("postgres://larder@127.0.0.1/postgres?pool_min_conns=2&connect_timeout=60")
	if err != nil {
		t.Fatal(err)
	}
	dials := make(chan struct{}, 10)
	config.ConnConfig.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) {
		dials <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	p, err := openPool(config)
	if err != nil {
		t.Fatal(err)
	}
	<-dials
	waits := make(chan error, 1)
	go func() {
		_, err := p.lend(context.Background())
		waits <- err
	}()
	<-dials
	<-dials
	at := time.Now()
	p.close()
	if err := <-waits; !errors.Is((*Store)(nil).cause(err), os.ErrClosed) || time.Since(at) > closeWait {
		t.Errorf("%v after %v", err, time.Since(at))
	}
	p.close() // once more does no harm
}

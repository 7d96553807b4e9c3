package memstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// 1,000 goroutines, some of which leave, stay within the bound on connections, and all come through.
func TestConnectionsBounded(t *testing.T) {
	server := testserver.NewMemcached(t)
	p := testserver.NewProxy(t, server.Addr)
	const conns = 8
	s := open(t, "memcached://"+p.Addr+fmt.Sprintf("?x-timeout=1h&x-op-timeout=20s&x-max-conns=%d", conns))
	set(t, s, "key", "value")
	stop := make(chan struct{})
	var watch sync.WaitGroup
	most := 0
	watch.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				most = max(most, p.Conns())
			}
		}
	})
	var wg sync.WaitGroup
	for i := range 1000 {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			if i%10 == 0 {
				time.AfterFunc(time.Duration(rand.N(20_000))*time.Microsecond, cancel)
			}
			for range 5 {
				if _, err := s.Get(ctx, "key"); err != nil && ctx.Err() == nil {
					t.Errorf("Get: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	close(stop)
	watch.Wait()
	if most > conns || p.Accepted() > conns {
		t.Errorf("up to %d connections at a time, %d in all; want %d", most, p.Accepted(), conns)
	}
	s.Close()
	eventually(t, "Close closes them", func() bool { return p.Conns() == 0 })
}

// A request that Close meets closes its connection when it ends.
func TestCloseDuringRequest(t *testing.T) {
	p := testserver.NewProxy(t, testserver.Memcached(t).Addr)
	s := open(t, "memcached://"+p.Addr+"?x-timeout=1h")
	set(t, s, "key", "value")
	p.Delay(100 * time.Millisecond)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { s.Get(ctx, "key") })
		wg.Go(func() { s.Get(context.Background(), "key") })
	}
	eventually(t, "requests are under way", func() bool { return len(first(s).slots) == 8 })
	cancel()
	s.Close()
	wg.Wait()
	eventually(t, "all connections are closed", func() bool { return p.Conns() == 0 })
}

// One server that does not answer takes its own share away, and no connection from the others.
func TestOneOfSeveralDead(t *testing.T) {
	t.Parallel()
	good := []*testserver.Server{testserver.Memcached(t), testserver.NewMemcached(t)}
	for name, kill := range map[string]func(p *testserver.Proxy){"refusing": (*testserver.Proxy).Refuse, "silent": (*testserver.Proxy).HalfOpen} {
		t.Run(name, func(t *testing.T) {
			p := testserver.NewProxy(t, good[0].Addr)
			url := "memcached://" + good[0].Addr + "," + p.Addr + "," + good[1].Addr
			s := open(t, url+"?x-timeout=1h&x-op-timeout=300ms&x-max-conns=2&x-key-prefix="+name+":")
			const n = 60
			for i := range n {
				set(t, s, fmt.Sprint(i), fmt.Sprint(i))
			}
			kill(p)
			dead := 0
			var mu sync.Mutex
			var wg sync.WaitGroup
			for i := range n {
				wg.Go(func() {
					ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
					defer cancel()
					key := fmt.Sprint(i)
					addr, _ := s.selector.PickServer(s.name(key))
					value, err := s.Get(ctx, key)
					mu.Lock()
					defer mu.Unlock()
					if addr.String() == p.Addr {
						if dead++; !isOutage(err) {
							t.Errorf("Get from the dead server: %v", err)
						}
					} else if err != nil || string(value) != key {
						t.Errorf("Get from another server: %q, %v", value, err)
					}
				})
			}
			wg.Wait()
			if dead < n/10 || dead > n*6/10 {
				t.Errorf("%d of %d entries were on the dead server", dead, n)
			}
			p.Pass()
			eventually(t, "all is back", func() bool {
				for i := range n {
					if _, err := s.Get(context.Background(), fmt.Sprint(i)); err != nil {
						return false
					}
				}
				return true
			})
		})
	}
}

// Values never reach who asked for another, however answers are cut and callers leave.
func TestNoCrossTalk(t *testing.T) {
	t.Parallel()
	p := testserver.NewProxy(t, testserver.Memcached(t).Addr)
	s := fresh(t, Options{Expiry: store.Expiry{Timeout: time.Hour}, MaxConns: 8}, p.Addr)
	const keys, workers = 50, 8
	value := func(i int) string { return strings.Repeat(fmt.Sprintf("<%d>", i), 1+i*20) }
	for i := range keys {
		set(t, s, fmt.Sprint(i), value(i))
	}
	p.Slice(600)
	reads := 20_000
	if os.Getenv("LARDER_SOAK") != "" {
		reads = 1_000_000
	}
	var wg sync.WaitGroup
	for w := range workers {
		r := rand.New(rand.NewPCG(1, uint64(w)))
		wg.Go(func() {
			for range reads / workers {
				i := r.IntN(keys)
				ctx, cancel := context.WithCancel(context.Background())
				if r.IntN(3) == 0 {
					time.AfterFunc(time.Duration(r.IntN(400))*time.Microsecond, cancel)
				}
				got, err := s.Get(ctx, fmt.Sprint(i))
				if err == nil && string(got) != value(i) {
					t.Errorf("the value of %d is %.100q", i, got)
				}
				if err != nil && ctx.Err() == nil {
					t.Errorf("Get: %v", err)
				}
				cancel()
			}
		})
	}
	wg.Wait()
}

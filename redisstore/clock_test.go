package redisstore

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

func TestClockBounds(t *testing.T) {
	var c clock
	begin := time.Now()
	if _, _, ok := c.bounds(begin); ok {
		t.Error("a clock that nobody has asked tells the time")
	}
	c.learn(begin, begin.Add(10*time.Millisecond), 1_000_000)
	low, high, _ := c.bounds(begin.Add(10 * time.Millisecond))
	if low > 1_000_000 || low < 999_990 || high < 1_010_000 || high > 1_010_010 {
		t.Errorf("10 ms after the question: between %d and %d", low, high)
	}
	// A second answer that came faster narrows it, and none widens it but the drift.
	c.learn(begin.Add(time.Second), begin.Add(time.Second+time.Millisecond), 1_004_000+1_000_000)
	low, high, _ = c.bounds(begin.Add(time.Second + time.Millisecond))
	if width := high - low; width > 1100 || low > 2_004_000 || high < 2_005_000 {
		t.Errorf("after a better answer: between %d and %d", low, high)
	}
	c.learn(begin.Add(2*time.Second), begin.Add(3*time.Second), 2_500_000+1_000_000)
	if low, high, _ := c.bounds(begin.Add(3 * time.Second)); high-low > 10_000 {
		t.Errorf("a slow answer makes it worse: between %d and %d", low, high)
	}
	low, high, _ = c.bounds(begin.Add(50 * time.Second))
	if width := high - low; width < 40_000 || width > 100_000 {
		t.Errorf("after 47 s they are %d µs apart; two clocks may drift", width)
	}
	if _, _, ok := c.bounds(begin.Add(2 * time.Minute)); ok {
		t.Error("an estimate of two minutes ago is still used")
	}
}

// A server's clock that was set, or another server's after a failover, is taken as it is now.
func TestClockStep(t *testing.T) {
	for _, step := range []time.Duration{-time.Hour, -30 * time.Second, 30 * time.Second, time.Hour} {
		var c clock
		begin := time.Now()
		c.learn(begin, begin.Add(time.Millisecond), 1_000_000)
		later := begin.Add(10 * time.Second)
		c.learn(later, later.Add(time.Millisecond), 11_000_000+step.Microseconds())
		low, high, _ := c.bounds(later.Add(time.Millisecond))
		if want := 11_000_000 + step.Microseconds(); low > want || high < want || high-low > 2000 {
			t.Errorf("after a step by %v: between %d and %d; want about %d", step, low, high, want)
		}
	}
}

// skewed opens a second handle whose machine's clock is wrong by d.
func skewed(t *testing.T, s *Store, client redis.UniversalClient, d time.Duration) *Store {
	t.Helper()
	other := open(t, client, s.expiry, func(o *Options) { o.Prefix = s.prefix })
	other.now = func() time.Time { return time.Now().Add(d) }
	return other
}

// Hosts whose clocks are wrong by half a minute use one store: no entry dies early, and none lives too long.
func TestSkewedHosts(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, client redis.UniversalClient) {
		x := store.Expiry{Timeout: 400 * time.Millisecond, TouchAfter: 50 * time.Millisecond}
		one := open(t, client, x)
		early, late := skewed(t, one, client, -30*time.Second), skewed(t, one, client, 30*time.Second)
		hosts := []*Store{early, late, one}
		for i, writer := range hosts {
			mustSet(t, writer, "key", "value")
			last := time.Now()
			for range 3 { // longer than the time-out: each host's use must count for the others
				for _, h := range hosts {
					time.Sleep(60 * time.Millisecond)
					before := time.Now()
					_, err := h.Get(t.Context(), "key")
					if late := time.Since(last); late > x.Timeout {
						t.Skipf("this machine is too slow to tell: %v", late)
					}
					if err != nil {
						t.Fatalf("host %d wrote, and %v after the last use: %v", i, time.Since(last), err)
					}
					last = before
				}
			}
			item, err := store.Peek(t.Context(), writer, "key")
			if err != nil || time.Since(item.Atime).Abs() > 10*time.Second {
				t.Errorf("the atime is off by %v, %v; it must be the server's", time.Since(item.Atime), err)
			}
			time.Sleep(x.Timeout + x.TouchAfter + lateness)
			for _, h := range hosts {
				if ok, err := h.Contains(t.Context(), "key"); ok || err != nil {
					t.Errorf("after the time-out: %v, %v", ok, err)
				}
			}
		}
	})
}

// What a plain GET returns is held against an estimate that is a minute old at most; then the server tells its time again, as often as it takes to be
// precise: once, and on a busy machine, where an answer takes longer than clockWidth, no more than clockEnough times.
func TestClockIsLearntAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, client redis.UniversalClient) {
		s := open(t, client, store.Expiry{Timeout: time.Hour})
		asked := counting(t, client, "evalsha")
		use := func() {
			wantValue(t, s, "key", "value")
			mustSet(t, s, "key", "value")
		}
		mustSet(t, s, "key", "value")
		for range clockEnough {
			use()
		}
		first := asked.Load()
		for range 10 {
			use()
		}
		if n := asked.Load() - first; n != 0 {
			t.Errorf("%d scripts for ten reads and ten writes at once after another", n)
		}
		s.now = func() time.Time { return time.Now().Add(2 * time.Minute) }
		for range clockEnough {
			use()
		}
		again := asked.Load() - first
		if again < 1 || again > clockEnough {
			t.Errorf("%d scripts after two minutes; want one to %d, which tell the time", again, clockEnough)
		}
		use()
		if n := asked.Load() - first - again; n != 0 {
			t.Errorf("%d more scripts when the time is known", n)
		}
	})
}

// A server is restarted while nobody asks, or another takes its address: the connections to it are found closed before they are used, and no error
// is seen. What its clock was is forgotten all the same.
func TestClockIsForgottenWithTheServer(t *testing.T) {
	server := testserver.NewRedis(t)
	s := openRaw(t, "redis://"+server.Addr+"?x-timeout=1h")
	mustSet(t, s, "key", "value")
	before := s.single.sample.Load()
	server.Stop(t)
	server.Start(t)
	mustSet(t, s, "key", "value") // it still goes by the old estimate; the next does not
	if now := s.single.sample.Load(); before == nil || now != nil {
		t.Errorf("the estimate is %+v; before the restart it was %+v", now, before)
	}
	mustSet(t, s, "key", "value")

	nodes := openRaw(t, "redis://"+testserver.RedisCluster(t)[0].Addr+fmt.Sprintf("?x-cluster=true&x-key-prefix=t%d:", nextPrefix.Add(1)))
	mustSet(t, nodes, "key", "value")
	node, err := nodes.nodes.client.MasterForKey(t.Context(), nodes.prefix+"key")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := nodes.nodes.clocks.Load(node); !ok {
		t.Error("the clock of the Cluster's server is not known")
	}
	for range 100 { // each keeps its connection: soon one is dialed
		c := node.Conn()
		defer c.Close()
		if err := c.Ping(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		if _, ok := nodes.nodes.clocks.Load(node); !ok {
			return
		}
	}
	t.Error("the clock of the Cluster's server outlives new connections")
}

// A connection that breaks under a call that is tried again may lead to another server.
func TestClockIsForgottenWithTheConnection(t *testing.T) {
	client := newClient(t, testserver.Redis(t).Addr)
	s := open(t, client, store.Expiry{})
	s.single.learn(time.Now(), time.Now(), time.Now().Add(-time.Hour).UnixMicro())
	before := s.single.sample.Load()
	loseNext(client, "get", io.EOF)
	if _, err := s.Get(t.Context(), "absent"); err != store.ErrNotFound {
		t.Fatal(err)
	}
	if s.single.sample.Load() == before {
		t.Error("the estimate outlives the connection")
	}
}

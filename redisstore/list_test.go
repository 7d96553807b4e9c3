package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// old creates n entries that nobody has used for two days.
func old(t *testing.T, s *Store, prefix string, n int, value []byte) {
	t.Helper()
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := w; i < n; i += 8 {
				item := &store.Item{Value: value, Atime: time.Now().Add(-48 * time.Hour)}
				if _, err := s.Swap(t.Context(), prefix+strconv.Itoa(i), "", item); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// The server's table shrinks and grows while a list goes through it: SCAN repeats keys then, and the list does not.
func TestListWhileTableChanges(t *testing.T) {
	t.Parallel()
	server := testserver.NewRedis(t)
	client := newClient(t, server.Addr)
	s := open(t, client, store.Expiry{})
	bulk := func(do func(p redis.Pipeliner, name string), n int) {
		t.Helper()
		_, err := client.Pipelined(t.Context(), func(p redis.Pipeliner) error {
			for i := range n {
				do(p, fmt.Sprintf("%sfiller %d", s.prefix, i))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	const stay = 3000
	old(t, s, "stay ", stay, nil)
	for _, phase := range []string{"shrinks", "grows"} {
		if phase == "shrinks" {
			bulk(func(p redis.Pipeliner, name string) { p.Set(t.Context(), name, "", 0) }, 30_000)
		}
		seen, n := map[string]bool{}, 0
		for info, err := range s.List(t.Context(), "stay ") {
			if err != nil {
				t.Fatal(err)
			}
			if seen[info.Key] {
				t.Errorf("the table %s, and an entry is listed twice", phase)
			}
			seen[info.Key] = true
			switch n++; {
			case n == 500 && phase == "shrinks":
				bulk(func(p redis.Pipeliner, name string) { p.Del(t.Context(), name) }, 30_000)
			case n%250 == 0 && n > 500: // the server gets on with it ten times a second, and a little with each command
				for begin := time.Now(); time.Since(begin) < 120*time.Millisecond; {
					client.Exists(t.Context(), "nothing")
				}
			case n == 500:
				bulk(func(p redis.Pipeliner, name string) { p.Set(t.Context(), name, "", 0) }, 30_000)
			}
		}
		if len(seen) != stay {
			t.Errorf("the table %s, and %d of %d entries are listed", phase, len(seen), stay)
		}
	}
}

func TestRecent(t *testing.T) {
	var r recent
	for i := range 3 * scanRecent {
		key := strconv.Itoa(i)
		if !r.add(key) || r.add(key) {
			t.Fatalf("key %d: not recognised", i)
		}
		if len(r.hashes) > scanRecent || len(r.ring) > scanRecent {
			t.Fatalf("it remembers %d", len(r.hashes))
		}
	}
	if !r.add("0") {
		t.Error("what was there long ago is still recognised: it remembers too much")
	}
}

// To list large values costs their heads, not them.
func TestListReadsHeadsOnly(t *testing.T) {
	server := testserver.NewRedis(t)
	client := newClient(t, server.Addr)
	s := open(t, client, store.Expiry{})
	const n, size = 20, 1_000_000
	for i := range n {
		mustSet(t, s, fmt.Sprint(i), strings.Repeat("v", size))
	}
	sent := func() int64 {
		text, err := client.Info(t.Context(), "stats").Result()
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(text, "total_net_output_bytes:")
		v, _ := strconv.ParseInt(strings.TrimSpace(strings.SplitN(rest, "\n", 2)[0]), 10, 64)
		return v
	}
	before := sent()
	for info, err := range s.List(t.Context(), "") {
		if err != nil || info.Size != size {
			t.Errorf("List yields %+v, %v", info, err)
		}
	}
	if got := sent() - before; got > 50_000 {
		t.Errorf("to list %d entries the server has sent %d bytes", n, got)
	}
}

// KEYS would stop the server for everybody.
func TestNeverKeys(t *testing.T) {
	client := newClient(t, testserver.Redis(t).Addr)
	keys := counting(t, client, "keys")
	scans := counting(t, client, "scan")
	s := open(t, client, store.Expiry{})
	mustSet(t, s, "key", "value")
	for range s.List(t.Context(), "") {
	}
	if _, err := s.Cleanup(t.Context(), time.Hour); err != nil {
		t.Error(err)
	}
	if keys.Load() != 0 || scans.Load() < 2 {
		t.Errorf("%d KEYS and %d SCAN", keys.Load(), scans.Load())
	}
}

// An entry that is used between the look of a sweep and its script stays.
func TestSweepJudgesAgain(t *testing.T) {
	server := testserver.Redis(t)
	client, plain := newClient(t, server.Addr), newClient(t, server.Addr)
	s := open(t, client, store.Expiry{})
	user := open(t, plain, store.Expiry{}, func(o *Options) { o.Prefix = s.prefix })
	old(t, s, "key ", 50, nil)
	used := false
	client.AddHook(pipelineHook{func() {
		if used { // the second pipeline is that of the scripts
			for i := range 10 {
				if _, err := user.Get(t.Context(), fmt.Sprintf("key %d", i)); err != nil {
					t.Error(err)
				}
			}
		}
		used = true
	}})
	if n, err := s.Cleanup(t.Context(), time.Hour); n != 40 || err != nil {
		t.Errorf("Cleanup = %d, %v; want 40", n, err)
	}
	for i := range 10 {
		wantValue(t, user, fmt.Sprintf("key %d", i), "")
	}
}

// pipelineHook does something before each pipeline.
type pipelineHook struct{ before func() }

func (h pipelineHook) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (h pipelineHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (h pipelineHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		h.before()
		return next(ctx, cmds)
	}
}

// Where no Timeout is set, or one that is longer, a sweep removes what is idle; by its own rule the server does all there is.
func TestSweepByIdle(t *testing.T) {
	onBoth(t, func(t *testing.T, client redis.UniversalClient) {
		for name, x := range map[string]store.Expiry{"no time-out": {}, "a longer one": {Timeout: 30 * 24 * time.Hour}} {
			s := open(t, client, x)
			old(t, s, "old ", 700, []byte("12345"))
			mustSet(t, s, "new", "value")
			var told []int
			r, err := s.Sweep(t.Context(), store.SweepOptions{Idle: 24 * time.Hour, Batch: 300, Progress: func(r store.SweepReport) { told = append(told, r.Removed) }})
			if err != nil || r.Removed != 700 || r.Bytes != 3500 || r.Scanned != 701 || !r.Done || fmt.Sprint(told) != "[300 600 700]" {
				t.Errorf("%s: %+v, %v, told %v", name, r, err, told)
			}
			wantValue(t, s, "new", "value")
			old(t, s, "old ", 10, nil)
			for _, idle := range []time.Duration{0, -1, 40 * 24 * time.Hour} {
				if r, err := s.Sweep(t.Context(), store.SweepOptions{Idle: idle}); err != nil || r.Removed != 0 || !r.Done {
					t.Errorf("%s: Sweep of %v: %+v, %v", name, idle, r, err)
				}
			}
		}
	})
}

// A damaged entry whose head can be read is removed by its age; what cannot be told to be ours stays.
func TestSweepOfDamaged(t *testing.T) {
	client := newClient(t, testserver.Redis(t).Addr)
	s := open(t, client, store.Expiry{})
	old(t, s, "key ", 3, []byte("value"))
	for i, mangle := range []string{"x", "yz"} {
		if err := client.Append(t.Context(), fmt.Sprintf("%skey %d", s.prefix, i), mangle).Err(); err != nil {
			t.Fatal(err)
		}
	}
	mustSet(t, s, "new", "value")
	if err := client.Append(t.Context(), s.prefix+"new", "x").Err(); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Sweep(t.Context(), store.SweepOptions{Idle: time.Hour}); err != nil || r.Removed != 3 || r.Bytes != 5 {
		t.Errorf("Sweep = %+v, %v; want 3 removed, one of which has a size", r, err)
	}
	if _, err := s.Get(t.Context(), "new"); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("a damaged entry that is not old: %v", err)
	}
}

// After a failover to a server whose clock is another, a Set may go by the clock of the old one for a moment, and its atime lies in the past. The
// native expiry, which is the server's own, keeps it from being swept as idle.
func TestSweepTrustsTheNativeExpiry(t *testing.T) {
	onBoth(t, func(t *testing.T, client redis.UniversalClient) {
		s := open(t, client, store.Expiry{Timeout: time.Hour})
		past := store.Item{Atime: time.Now().Add(-30 * time.Minute)}
		for _, key := range []string{"idle", "misdated"} {
			if _, err := s.Swap(t.Context(), key, "", &past); err != nil {
				t.Fatal(err)
			}
		}
		if err := client.PExpire(t.Context(), s.prefix+"misdated", time.Hour+time.Minute).Err(); err != nil {
			t.Fatal(err)
		}
		if n, err := s.Cleanup(t.Context(), 20*time.Minute); n != 1 || err != nil {
			t.Errorf("Cleanup = %d, %v; want 1", n, err)
		}
		if ok, err := s.Contains(t.Context(), "misdated"); !ok || err != nil {
			t.Errorf("what was written just now: %v, %v", ok, err)
		}
	})
}

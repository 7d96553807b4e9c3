package outage

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// TestCrossTalk cancels reads at random moments, most of them while the answer is on its way in slices of a few bytes. An answer that
// nobody waits for any more must not become that of the next question on its connection: no read returns another key's value, none
// finds what is not there or misses what is, none fails.
func TestCrossTalk(t *testing.T) {
	t.Parallel()
	reads := 20_000
	if soaking() {
		reads = 1_000_000
	}
	each(t, func(t *testing.T, b backend) {
		server := b.server(t)
		proxy := testserver.NewProxy(t, server.Addr)
		s := b.dial(t, proxy.Addr, talkers/2, 3*patientOwn) // slices of a byte take long on a busy machine, and no read may fail
		defer s.Close()
		c := &crosstalk{cancels: b.cancels, store: s}
		c.run(t, proxy, int64(reads))
		for _, wrong := range c.wrong[:min(len(c.wrong), 10)] {
			t.Error(wrong)
		}
	})
}

type crosstalk struct {
	cancels int // of 100 operations
	store   store.Store
	usual   atomic.Int64 // how long a read takes that is not cancelled

	reads, cut, writes atomic.Int64
	left               atomic.Int64
	mu                 sync.Mutex
	wrong              []string
}

const (
	talkers  = 48
	talkKeys = 64
)

func (c *crosstalk) run(t *testing.T, proxy *testserver.Proxy, reads int64) {
	s := c.store
	c.usual.Store(int64(time.Millisecond))
	c.left.Store(reads)
	for i := range talkKeys {
		if err := s.Set(t.Context(), talkKey(i, true), value(talkKey(i, true), uint64(i)+1)); err != nil {
			t.Fatal(err)
		}
	}
	begun, done := time.Now(), make(chan struct{})
	var all, slicer sync.WaitGroup
	slicer.Go(func() {
		rng := rand.New(rand.NewPCG(1, 2))
		for {
			proxy.Slice([...]int{0, 0, 0, 0, 0, 0, 90, 40, 7, 1}[rng.IntN(10)])
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	for i := range talkers {
		all.Go(func() {
			for rng := rand.New(rand.NewPCG(3, uint64(i))); c.left.Add(-1) >= 0; {
				c.step(rng)
			}
		})
	}
	all.Wait()
	close(done)
	slicer.Wait()
	t.Logf("%d reads, %d of them cut off, and %d writes, in %v, over %d connections: %d wrong",
		c.reads.Load(), c.cut.Load(), c.writes.Load(), time.Since(begun).Round(time.Second), proxy.Accepted(), len(c.wrong))
	if c.cut.Load() < reads/100 {
		t.Errorf("%d of %d reads were cut off: that proves nothing", c.cut.Load(), reads)
	}
}

// talkKey is one of the keys that are there, or not. Every fourth is longer than what memcached takes as it is.
func talkKey(i int, there bool) string {
	key := fmt.Sprintf("talk/%v/%d", there, i)
	if i%4 == 0 {
		key += strings.Repeat("+", 300)
	}
	return key
}

func (c *crosstalk) step(rng *rand.Rand) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if rng.IntN(100) < c.cancels {
		cut := time.AfterFunc(time.Duration(rng.Int64N(2*c.usual.Load()+1)), cancel)
		defer cut.Stop()
	}
	there := rng.IntN(4) > 0
	key := talkKey(rng.IntN(talkKeys), there)
	if there && rng.IntN(20) == 0 {
		c.writes.Add(1)
		c.note(c.store.Set(ctx, key, value(key, rng.Uint64N(1000)+1)), ctx)
	}
	begun := time.Now()
	var wrong string
	var err error
	switch rng.IntN(3) {
	case 0:
		var data []byte
		if data, err = c.store.Get(ctx, key); err == nil {
			wrong = found(key, data, there)
		}
	case 1:
		var item *store.Item
		if item, err = store.Load(ctx, c.store, key); err == nil {
			wrong = found(key, item.Value, there)
		}
	default:
		var is bool
		if is, err = c.store.Contains(ctx, key); err == nil && is != there {
			wrong = fmt.Sprintf("Contains(%.20q) = %v", key, is)
		}
	}
	c.reads.Add(1)
	if err == nil && ctx.Err() == nil {
		c.usual.Store((c.usual.Load()*31 + int64(time.Since(begun))) / 32) // roughly, with many at it
	}
	if !there && err == store.ErrNotFound {
		err = nil
	}
	if errors.Is(err, context.Canceled) {
		c.cut.Add(1)
	}
	if wrong != "" {
		err = errors.New(wrong)
	}
	c.note(err, ctx)
}

func found(key string, data []byte, there bool) string {
	if _, err := parse(key, data); err != nil {
		return err.Error()
	}
	if !there {
		return fmt.Sprintf("a value under %.20q, which is absent", key)
	}
	return ""
}

// note keeps an error, unless it is that of a caller who went away.
func (c *crosstalk) note(err error, ctx context.Context) {
	if err == nil || errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wrong = append(c.wrong, err.Error())
}

package redisstore

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// A master of a Cluster is killed: its keys are unavailable, never absent and never another's, until its replica takes over.
func TestFailover(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a Cluster to notice")
	}
	t.Parallel()
	nodes := testserver.NewRedisCluster(t)
	raw := "redis://"
	for i, n := range nodes[:3] {
		if i > 0 {
			raw += ","
		}
		raw += n.Addr
	}
	s := openRaw(t, raw+"?x-timeout=1h&x-op-timeout=1s")
	const keys = 60
	for i := range keys {
		mustSet(t, s, fmt.Sprintf("key %d", i), fmt.Sprintf("value %d", i))
	}
	for _, m := range nodes[:3] { // what was acknowledged must have reached the replicas for this test
		c := newClient(t, m.Addr)
		if n, err := c.Wait(t.Context(), 1, 5*time.Second).Result(); n < 1 || err != nil {
			t.Fatalf("WAIT = %d, %v", n, err)
		}
		c.Close()
	}
	nodes[0].Kill(t)
	down, giveUp := 0, time.Now().Add(40*time.Second)
	for ok := 0; ok < keys; {
		ok = 0
		for i := range keys {
			key := fmt.Sprintf("key %d", i)
			switch got, err := s.Get(t.Context(), key); {
			case err == nil && string(got) == fmt.Sprintf("value %d", i):
				ok++
			case errors.Is(err, store.ErrUnavailable):
				down++
			default:
				t.Fatalf("Get(%q) = %q, %v", key, got, err)
			}
		}
		if time.Now().After(giveUp) {
			t.Fatalf("%d of %d keys are there; %d calls failed so far", ok, keys, down)
		}
	}
	if down == 0 {
		t.Error("nothing has failed: the test is void")
	}
	for i := range keys {
		mustSet(t, s, fmt.Sprintf("key %d", i), "after")
		if err := s.Touch(t.Context(), fmt.Sprintf("key %d", i)); err != nil {
			t.Error(err)
		}
	}
	seen := 0
	for _, err := range s.List(t.Context(), "key ") {
		if err != nil {
			t.Fatal(err)
		}
		seen++
	}
	if seen != keys {
		t.Errorf("List yields %d entries; want %d", seen, keys)
	}
}

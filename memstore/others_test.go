package memstore

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// Another store's record under the name of a key is no reason to open all connections anew at each read.
func TestOthersKeepConnections(t *testing.T) {
	p := testserver.NewProxy(t, testserver.Memcached(t).Addr)
	ours := fresh(t, Options{Expiry: store.Expiry{Timeout: time.Hour}}, p.Addr)
	theirs := again(t, Options{}, ours.prefix+"a", p.Addr)
	set(t, theirs, "b", "theirs")
	set(t, ours, "live", "ours")
	before := p.Accepted()
	for range 20 {
		if value, err := ours.Get(context.Background(), "ab"); !errors.Is(err, store.ErrCorrupt) || value != nil {
			t.Errorf("Get of another's record = %q, %v", value, err)
		}
		want(t, ours, "live", "ours")
	}
	if n := p.Accepted() - before; n > 1 { // after the first read, to be sure
		t.Errorf("%d connections were opened", n)
	}
	want(t, theirs, "b", "theirs")
}

// What is not a record of ours is touched once at most, and an entry that takes its place is one like any other.
func TestOthersTouchedOnce(t *testing.T) {
	f := newFake(t)
	s := fresh(t, Options{Expiry: store.Expiry{Timeout: time.Hour}}, f.addr)
	ctx := context.Background()
	set(t, s, "yours", "yours")
	f.mu.Lock()
	theirs := f.items[s.name("yours")]
	f.mu.Unlock()
	for what, item := range map[string]fakeItem{"record": theirs, "text": {value: "hello"}} {
		f.mu.Lock()
		f.items[s.name("mine")] = item
		f.mu.Unlock()
		f.seen()
		for range 3 {
			if _, err := s.Get(ctx, "mine"); !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("Get of another's %s: %v", what, err)
			}
		}
		wants := map[string]string{"record": "gat gets gets gets", "text": "gat gets gets"}
		if got := f.verbs(); got != wants[what] {
			t.Errorf("three Gets of another's %s are %q; want %q", what, got, wants[what])
		}
		set(t, s, "mine", "mine")
		want(t, s, "mine", "mine")
		want(t, s, "mine", "mine")
		if got := f.verbs(); got != "set gets gat gat" {
			t.Errorf("a Set in place of it and two Gets are %q", got)
		}
		if n := s.others.count.Load(); n != 0 {
			t.Errorf("%d names are remembered", n)
		}
	}
}

func TestOthersBounded(t *testing.T) {
	var o others
	for i := range 3 * mostOthers {
		o.add(fmt.Sprint(i))
		if !o.has(fmt.Sprint(i)) || len(o.names) > mostOthers || int(o.count.Load()) != len(o.names) {
			t.Fatalf("after %d names: %d, counted %d", i+1, len(o.names), o.count.Load())
		}
	}
}

package demo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/larder-go/larder/store"
)

// mapRing is a ring of nodes in memory, of which there are as many as one likes.
func mapRing(t *testing.T, n int) *Ring {
	t.Helper()
	next := 0
	more := func(context.Context) (RingNode, error) {
		m := store.NewMap(nil)
		next++
		return RingNode{Name: fmt.Sprint("n", next), Weight: 1, Store: m, Close: m.Close}, nil
	}
	var nodes []RingNode
	for range n {
		node, _ := more(t.Context())
		nodes = append(nodes, node)
	}
	r, err := NewRing(nodes, "memory", more)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// TestRingUnderLoad: no increment of a counter is lost while nodes come, go and weigh something else.
func TestRingUnderLoad(t *testing.T) {
	r := mapRing(t, 3)
	ctx, stop := context.WithCancel(t.Context())
	var workers sync.WaitGroup
	counts := make([]int, 40)
	for i := range counts {
		workers.Go(func() {
			for ctx.Err() == nil {
				err := store.Update(t.Context(), r, fmt.Sprint("key", i), func(old *store.Item) (*store.Item, error) {
					if old == nil {
						return &store.Item{Value: []byte{0, 0, 1}}, nil
					}
					v := int(old.Value[0])<<16 | int(old.Value[1])<<8 | int(old.Value[2])
					v++
					return &store.Item{Value: []byte{byte(v >> 16), byte(v >> 8), byte(v)}}, nil
				})
				if err != nil {
					t.Error(err)
					return
				}
				counts[i]++
			}
		})
	}
	for i, change := range []func() error{r.add, func() error { return r.remove("n1") }, func() error { return r.weigh("n2", 5) }, r.add, func() error { return r.remove("n2") }} {
		if err := change(); err != nil {
			t.Fatalf("change %d: %v", i, err)
		}
		if r.last.left != 0 || r.last.err != nil {
			t.Fatalf("change %d: %d left behind, %v", i, r.last.left, r.last.err)
		}
	}
	stop()
	workers.Wait()
	for i, n := range counts {
		value, err := r.Get(t.Context(), fmt.Sprint("key", i))
		if err != nil || int(value[0])<<16|int(value[1])<<8|int(value[2]) != n {
			t.Errorf("key%d: %v, %v, not %d", i, value, err, n)
		}
	}
	if len(r.former) > 0 || r.now.users > 0 {
		t.Errorf("%d former views, %d users", len(r.former), r.now.users)
	}
}

func TestRingRefuses(t *testing.T) {
	r := mapRing(t, 1)
	for want, change := range map[error]func() error{
		errLastNode: func() error { return r.remove("n1") },
		errNoNode:   func() error { return r.remove("n9") },
		errSame:     func() error { return r.weigh("n1", 1) },
		errWeight:   func() error { return r.weigh("n1", 101) },
	} {
		if err := change(); err != want || said(err) == "failed" {
			t.Errorf("%v, not %v", err, want)
		}
	}
	for range mostNodes - 1 {
		if err := r.add(); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.add(); err != ErrNoMore {
		t.Errorf("one node too many: %v", err)
	}
	r.changing.Lock()
	if err := r.add(); err != errBusyRing {
		t.Errorf("while the set changes: %v", err)
	}
	r.changing.Unlock()
}

// failing is a node that is down while it is told so.
type failing struct {
	*store.Map
	mu   sync.Mutex
	down bool
}

func (f *failing) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down && ctx.Err() == nil {
		return "", fmt.Errorf("the node is down: %w", store.ErrTooLarge)
	}
	return f.Map.Swap(ctx, key, old, item)
}

// TestRingGoesOn: a change that fails stands still with all entries to be found, and goes on when it is told to.
func TestRingGoesOn(t *testing.T) {
	r := mapRing(t, 2)
	node := &failing{Map: store.NewMap(nil), down: true}
	r.more = func(context.Context) (RingNode, error) {
		return RingNode{Name: "bad", Weight: 1, Store: node, Close: node.Close}, nil
	}
	for i := range 50 {
		if err := r.Set(t.Context(), fmt.Sprint("key", i), []byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.add(); err == nil {
		t.Fatal("a node that is down was added")
	}
	all := func() {
		t.Helper()
		for i := range 50 {
			if v, err := r.Get(t.Context(), fmt.Sprint("key", i)); err != nil || v[0] != byte(i) {
				t.Errorf("key%d: %v, %v", i, v, err)
			}
		}
	}
	node.mu.Lock()
	node.down = false
	node.mu.Unlock()
	all()
	if r.last != nil && r.last.err != nil {
		if err := r.add(); !errors.Is(err, errStands) {
			t.Errorf("another change meanwhile: %v", err)
		}
		if err := r.resume(); err != nil {
			t.Fatal(err)
		}
		if len(r.Nodes()) != 3 {
			t.Errorf("%d nodes", len(r.Nodes()))
		}
	}
	all()
}

// TestSwitchWaits: what is under way on a view is waited for, also by somebody who comes again.
func TestSwitchWaits(t *testing.T) {
	first, second := store.NewMap(nil), store.NewMap(nil)
	w := newSwitchable(first)
	if err := w.Set(t.Context(), "key", nil); err != nil {
		t.Fatal(err)
	}
	for range w.List(t.Context(), "") {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if err := w.set(ctx, second); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("while a list is read: %v", err)
		}
		if found, err := w.Contains(t.Context(), "key"); found || err != nil {
			t.Errorf("what comes now is on the old view: %v, %v", found, err)
		}
	}
	if err := w.set(t.Context(), second); err != nil {
		t.Error(err)
	}
}

package cases

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/larder-go/larder/store"
)

func listCases() []Case {
	const prefix = "List: List yields the live entries under a prefix."
	c := []Case{
		{Name: "list/all", Rule: prefix, Run: listAll},
		{Name: "list/prefix", Rule: prefix + " A prefix is bytes, not a pattern.", Run: listPrefix},
		{Name: "list/info", Rule: "List: What it tells of an entry is so: its size, last use and deadline.", Run: listInfo},
		{Name: "list/body", Rule: "List: No transaction, lock or connection is held while the loop body runs, so the body may use the store.", Run: listBody},
		{Name: "list/break", Rule: "List: The loop may be left at any time, and nothing is held afterwards.", Run: listBreak},
		{Name: "list/during-writes", Rule: "List: An entry that is live from beginning to end is listed once; one that comes or goes meanwhile, at most once.", Run: listWrites},
		{Name: "list/cancel", Rule: "List: An error comes with a zero Info and is the last pair; a list ends when its context does.", Run: listCancel},
		{Name: "list/deleted", Rule: prefix + " What was deleted before it began is not among them.", Run: listDeleted},
	}
	for i := range c {
		c[i].Needs = append(c[i].Needs, List)
	}
	return c
}

func listAll(e *Env) {
	s := e.forever()
	if infos := e.list(s, ""); len(infos) != 0 {
		e.Errorf("an empty store lists %d entries", len(infos))
	}
	n := e.n(1200, 600) // more than fits in a page of any store
	e.fill(s, "key ", n)
	for range 2 {
		infos := e.list(s, "")
		if len(infos) != n {
			e.Errorf("List yields %d entries; there are %d", len(infos), n)
		}
		for key, info := range infos {
			if info.Size != 5 {
				e.Errorf("List tells a size of %d for %s; its value has 5 bytes", info.Size, show(key))
				break
			}
		}
	}
}

func listPrefix(e *Env) {
	s := e.forever()
	var keys []string
	for _, p := range []string{"a", "A", "a/", "a%", "a_", "a*", "a?", "a[", "a\\", "ab", "b", "é", "e\u0301", "a'", "a b", "a\n", "{a}", "a\xf0\x9f\x98\x80", "\U0010ffff", "a\U0010ffff"} {
		for _, rest := range []string{"", "1", "/1", "\U0010ffff"} {
			keys = append(keys, p+rest)
		}
	}
	for _, key := range keys {
		e.set(s, key, "value")
	}
	for _, prefix := range append(keys, "", "c", "a\\\\", "%", "_", "*", ".*", "a/1/", "aa", strings.Repeat("k", e.MaxKey)) {
		want := map[string]bool{}
		for _, key := range keys {
			if strings.HasPrefix(key, prefix) {
				want[key] = true
			}
		}
		infos := e.list(s, prefix)
		for key := range infos {
			if !want[key] {
				e.Errorf("List(%s) yields %s", show(prefix), show(key))
			}
		}
		for key := range want {
			if _, ok := infos[key]; !ok {
				e.Errorf("List(%s) leaves out %s", show(prefix), show(key))
			}
		}
	}
}

func listInfo(e *Env) {
	s := e.forever()
	begin := time.Now()
	for _, n := range []int{0, 1, 1000, 100_000} {
		if err := s.Set(e.ctx, fmt.Sprintf("size %d", n), noise(n)); err != nil {
			e.Fatalf("Set: %v", err)
		}
	}
	for key, info := range e.list(s, "size ") {
		if fmt.Sprintf("size %d", info.Size) != key || info.Key != key || !info.Expires.IsZero() {
			e.Errorf("of %q List tells %+v", key, info)
		}
		if info.Atime.IsZero() {
			continue // not known
		}
		e.after("the atime that List tells", info.Atime, begin)
		if info.Atime.After(time.Now().Add(e.Slack + e.margin())) {
			e.Errorf("the atime that List tells lies in the future, by %v", time.Until(info.Atime))
		}
	}
	if e.lacks(Swap) {
		return
	}
	expires := soon(time.Hour)
	e.mortal(s, "mortal", expires)
	if info := e.list(s, "mortal")["mortal"]; !info.Expires.Equal(expires) || info.Size != 5 {
		e.Errorf("of an entry of 5 bytes with the deadline %v List tells %+v", expires, info)
	}
}

func listBody(e *Env) {
	s := e.forever()
	const n = 30
	e.fill(s, "key ", n)
	ctx, cancel := context.WithTimeout(e.ctx, 2*time.Minute) // a store that holds its lock would wait for itself
	defer cancel()
	seen := 0
	for info, err := range store.List(ctx, s, "key ") {
		if err != nil {
			e.Fatalf("List, whose body uses the store: %v", err)
		}
		seen++
		key, done := info.Key, make(chan error, 1)
		go func() { done <- useAll(ctx, s, key) }()
		select {
		case err := <-done:
			if err != nil {
				e.Fatalf("in the body of a list: %v", err)
			}
		case <-time.After(5 * time.Second):
			e.Errorf("in the body of a list the store does not answer")
			return
		}
	}
	if seen != n {
		e.Errorf("List yields %d entries; want %d", seen, n)
	}
	if left := e.list(s, "key "); len(left) != 0 {
		e.Errorf("the body has deleted all entries, and %d are left", len(left))
	}
}

// useAll reads, writes, lists and deletes.
func useAll(ctx context.Context, s store.Store, key string) error {
	if _, err := s.Get(ctx, key); err != nil {
		return fmt.Errorf("calling Get: %w", err)
	}
	if err := s.Set(ctx, key, []byte("in the body")); err != nil {
		return fmt.Errorf("calling Set: %w", err)
	}
	if err := s.Set(ctx, "another "+key, []byte("in the body")); err != nil {
		return fmt.Errorf("calling Set: %w", err)
	}
	for _, err := range store.List(ctx, s, "another ") {
		if err != nil {
			return fmt.Errorf("calling List: %w", err)
		}
		break
	}
	if _, err := s.Cleanup(ctx, 0); err != nil {
		return fmt.Errorf("calling Cleanup: %w", err)
	}
	if err := s.Delete(ctx, key); err != nil {
		return fmt.Errorf("calling Delete: %w", err)
	}
	return nil
}

func listBreak(e *Env) {
	s := e.forever()
	e.fill(s, "key ", 300)
	for n := range 20 {
		seen := 0
		for _, err := range store.List(e.ctx, s, "") {
			if err != nil {
				e.Fatalf("List: %v", err)
			}
			if seen++; seen > n {
				break
			}
		}
	}
	list := store.List(e.ctx, s, "key ")
	for range 2 { // the sequence may be walked again
		seen := 0
		for range list {
			seen++
		}
		if seen != 300 {
			e.Errorf("List yields %d entries; want 300", seen)
		}
	}
	e.set(s, "key 0", "after")
	e.want(s, "key 0", "after")
	e.delete(s, "key 0")
}

func listWrites(e *Env) {
	s := e.forever()
	n := e.n(400, 200)
	e.fill(s, "stays ", n)
	var stop atomic.Bool
	e.together(3, func(i int) {
		if i > 0 {
			for k := 0; !stop.Load(); k++ {
				e.yield()
				s.Set(e.ctx, fmt.Sprintf("comes %d %d", i, k%100), noise(k%2000))
				s.Set(e.ctx, fmt.Sprintf("stays %d", (i+7*k)%n), noise(k%2000)) // the entry is another, the key stays
				s.Delete(e.ctx, fmt.Sprintf("comes %d %d", i, (k*7)%100))
			}
			return
		}
		defer stop.Store(true)
		for range e.n(10, 4) {
			seen := map[string]int{}
			for info, err := range store.List(e.ctx, s, "") {
				if err != nil {
					e.Errorf("List beside writers: %v", err)
					return
				}
				if seen[info.Key]++; seen[info.Key] > 1 {
					e.Errorf("List beside writers yields %s twice", show(info.Key))
				}
			}
			for k := range n {
				if seen[fmt.Sprintf("stays %d", k)] == 0 {
					e.Errorf("List beside writers leaves out an entry that was there all the time")
					return
				}
			}
		}
	})
}

func listCancel(e *Env) {
	s := e.forever()
	e.fill(s, "key ", 600)
	for _, after := range []int{0, 1, 10} {
		ctx, cancel := context.WithCancel(e.ctx)
		if after == 0 {
			cancel()
		}
		seen, last := 0, error(nil)
		for info, err := range store.List(ctx, s, "key ") {
			if last != nil {
				e.Errorf("List goes on after %v", last)
				break
			}
			if last = err; err != nil {
				if info != (store.Info{}) {
					e.Errorf("List yields %+v with an error; want a zero Info", info)
				}
				continue
			}
			if seen++; seen == after {
				cancel()
			}
		}
		cancel()
		if !errors.Is(last, context.Canceled) || errors.Is(last, store.ErrUnavailable) {
			e.Errorf("List of 600 entries, cancelled after %d, ends after %d with %v; want context.Canceled", after, seen, last)
		}
	}
}

func listDeleted(e *Env) {
	s := e.forever()
	e.fill(s, "key ", 50)
	for i := range 50 {
		if i%2 == 0 {
			e.delete(s, fmt.Sprintf("key %d", i))
		}
	}
	infos := e.list(s, "")
	if len(infos) != 25 {
		e.Errorf("of 50 entries 25 were deleted, and List yields %d", len(infos))
	}
	for i := range 50 {
		if _, ok := infos[fmt.Sprintf("key %d", i)]; ok != (i%2 == 1) {
			e.Errorf("List yields key %d: %v; want %v", i, ok, i%2 == 1)
		}
	}
}

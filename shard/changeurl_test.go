package shard_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/larder-go/larder/diskstore"
	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
)

// TestChangeByURL: the three roll-outs, each by its URL alone, over folders.
func TestChangeByURL(t *testing.T) {
	mux := store.Mux{"file": diskstore.OpenURL}
	mux["shard"] = shard.Open(mux)
	node := func(name, folder string) string {
		return "node=" + url.QueryEscape(name+"=file://"+folder)
	}
	a, b, c := node("a", t.TempDir()), node("b", t.TempDir()), node("c", t.TempDir())
	open := func(parameters ...string) (store.Closer, error) {
		return mux.Open(t.Context(), "shard:?"+strings.Join(parameters, "&"))
	}
	must := func(s store.Closer, err error) store.Closer {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	const entries = 60
	check := func(s store.Store) {
		t.Helper()
		for i := range entries {
			if value, err := s.Get(t.Context(), fmt.Sprint("key ", i)); err != nil || string(value) != "value" {
				t.Fatalf("key %d: %q, %v", i, value, err)
			}
		}
	}
	before := must(open(a, b))
	for i := range entries {
		fill(t, before, fmt.Sprint("key ", i), "value")
	}
	grow := []string{a, b, c, "weight=c:0", "next=c:1", "next=a:0", "recheck=20ms"} // a leaves, c comes
	first := must(open(append(grow, "prepare=true")...))
	check(first)
	check(before)
	second := must(open(grow...))
	check(second)
	check(first)
	rebalancer := second.(interface {
		Rebalance(context.Context, *shard.RebalanceOptions) (shard.RebalanceReport, error)
	})
	if r, err := rebalancer.Rebalance(t.Context(), nil); err != nil || !r.Drained || r.Checked != entries {
		t.Fatalf("%+v, %v", r, err)
	}
	check(second)
	check(must(open(b, c)))

	stray := must(mux.Open(t.Context(), strings.TrimPrefix(mustUnescape(t, a), "node=a=")))
	for i := range entries {
		fill(t, stray, fmt.Sprint("key ", i), "of an earlier set")
	}
	back := []string{a, b, c, "weight=a:0", "next=a:1", "prepare=true"}
	if _, err := open(back...); !errors.Is(err, store.ErrNotEmpty) || !strings.Contains(err.Error(), "nonempty=true") {
		t.Errorf("a node that holds what would hide the true entries: %v", err)
	}
	must(open(append(back, "nonempty=true")...))
}

func mustUnescape(t *testing.T, s string) string {
	plain, err := url.QueryUnescape(s)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

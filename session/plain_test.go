package session

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/store"
)

// five is a store with the five methods and no more, as an author writes it in an afternoon.
type five struct {
	mu sync.Mutex
	m  map[string][]byte
}

func (s *five) Contains(_ context.Context, key string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.m[key]
	return ok, nil
}

func (s *five) Get(_ context.Context, key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if value, ok := s.m[key]; ok {
		return bytes.Clone(value), nil
	}
	return nil, store.ErrNotFound
}

func (s *five) Set(_ context.Context, key string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.m[key] = bytes.Clone(value)
	return nil
}

func (s *five) Delete(_ context.Context, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.m, key)
	return nil
}

func (s *five) Cleanup(context.Context, time.Duration) (int, error) { return 0, nil }

func newFive() *five { return &five{m: map[string][]byte{}} }

// TestPlainStore: on five methods sessions do all that they do, within one process, and New warns of more.
func TestPlainStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFive()
		site := newSite(t, s, Options{Devices: true, Idle: time.Hour, Merge: map[string]Merger{"n": Sum[int]()}})
		log := site.log.take()
		must(t, strings.Contains(log, "cannot Swap") && strings.Count(log, "\n") == 1, "the log says %q", log)

		b := site.enter(t, "x", "ann")
		old := b.twin()
		b.renew(t)
		same(t, "subject", b.subject(), "ann")
		same(t, "subject by the old id", old.subject(), "ann")
		same(t, "devices", labels(t, site, "ann"), "x")

		b.do(func(s *Session) { // another logs out while this one changes something
			ok(t, s.Err())
			old.do(func(s *Session) { ok(t, s.Destroy()) })
			ok(t, s.Set("x", 1))
		})
		same(t, "status", b.last.StatusCode, http.StatusConflict)
		same(t, "subject", b.subject(), "")

		b = site.enter(t, "x", "ann")
		ok(t, site.RevokeAll(t.Context(), "ann"))
		same(t, "subject", b.subject(), "")

		b = site.enter(t, "x", "ann")
		var wg sync.WaitGroup
		for range 20 {
			tab := b.twin()
			wg.Go(func() {
				tab.do(func(s *Session) { n, _ := Get[int](s, "n"); time.Sleep(time.Millisecond); ok(t, s.Set("n", n+1)) })
			})
		}
		wg.Wait()
		b.do(func(s *Session) { n, _ := Get[int](s, "n"); same(t, "n", n, 20) })

		time.Sleep(time.Hour) // nothing in the store says when it ends
		same(t, "subject", b.subject(), "ann")
		time.Sleep(time.Hour + 3*time.Minute + 1)
		same(t, "subject", b.subject(), "")
	})
}

// TestPlainKeepsKey: the MAC key stands in such a store too.
func TestPlainKeepsKey(t *testing.T) {
	s := newFive()
	var tokens []string
	for range 2 {
		m, err := New(s, nil)
		if err != nil {
			t.Fatal(err)
		}
		i := id{1}
		tokens = append(tokens, m.ring.sign(&i))
	}
	same(t, "token", tokens[1], tokens[0])
}

// TestPlainSwap holds the adaptor's Swap against the contract.
func TestPlainSwap(t *testing.T) {
	ctx, p := t.Context(), newPlain(newFive())
	swap := func(old store.Version, value string) (store.Version, string) {
		v, err := p.Swap(ctx, "k", old, &store.Item{Value: []byte(value)})
		return v, fmt.Sprint(err)
	}
	conflict := "session: swap: " + store.ErrConflict.Error()
	_, err := swap("x", "1")
	same(t, "Swap of a version where there is nothing", err, conflict)
	one, err := swap("", "1")
	same(t, "creating", err, "<nil>")
	_, err = swap("", "2")
	same(t, "creating again", err, conflict)
	two, err := swap(one, "2")
	same(t, "replacing", err, "<nil>")
	_, err = swap(one, "3")
	same(t, "replacing what was replaced", err, conflict)
	item, loadErr := p.Peek(ctx, "k")
	must(t, loadErr == nil && string(item.Value) == "2" && item.Version == two, "it is %+v, %v", item, loadErr)
	if _, err := p.Swap(ctx, "k", one, nil); err == nil {
		t.Error("a version from before removes it")
	}
	for range 2 {
		if _, err := p.Swap(ctx, "k", store.AnyVersion, nil); err != nil {
			t.Error(err)
		}
	}
	if _, err := p.Load(ctx, "k"); err != store.ErrNotFound {
		t.Errorf("what was removed: %v", err)
	}
}

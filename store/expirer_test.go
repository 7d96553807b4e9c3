package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/larder-go/larder/store"
)

func TestExpiryOf(t *testing.T) {
	want := store.Expiry{Timeout: time.Hour, TouchAfter: -1}
	m := store.NewMap(&store.MapOptions{Expiry: want})
	for name, s := range map[string]store.Store{
		"bare": m, "prefixes": store.Prefix(store.Prefix(m, "a:"), "b:"), "bad prefix": store.Prefix(m, "\x00"),
		"embedded": struct{ *store.Map }{m},
	} {
		if e, err := store.ExpiryOf(s); err != nil || e != want {
			t.Errorf("%s: %+v, %v; want %+v", name, e, err, want)
		}
	}
	for name, s := range map[string]store.Store{"bare": newPlain(), "prefix": store.Prefix(newPlain(), "a:"), "nil": nil} {
		if e, err := store.ExpiryOf(s); !errors.Is(err, errors.ErrUnsupported) || e != (store.Expiry{}) {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}

	m.Close()
	if e, err := store.ExpiryOf(m); err != nil || e != want {
		t.Errorf("after Close: %+v, %v", e, err)
	}
	if e, err := store.ExpiryOf(store.NewMap(&store.MapOptions{Expiry: store.Expiry{Timeout: -1}})); err != nil || e.Timeout != 0 {
		t.Errorf("a negative Timeout, which counts as none: %+v, %v", e, err)
	}
}

// TestExpiryThroughMux: what a URL says about its store can be asked of it.
func TestExpiryThroughMux(t *testing.T) {
	s, err := store.Mux{"map": store.OpenMap}.Open(t.Context(), "map:?x-timeout=90m&x-touch-after=2m&x-prefix=p:")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if e, err := store.ExpiryOf(s); err != nil || e != (store.Expiry{Timeout: 90 * time.Minute, TouchAfter: 2 * time.Minute}) {
		t.Errorf("%+v, %v", e, err)
	}
}

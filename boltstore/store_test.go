package boltstore

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/larder-go/larder/store"
)

func TestRoundTrip(t *testing.T) {
	ctx := t.Context()
	s := newStore(t, openDB(t), nil)
	if _, err := s.Get(ctx, "k"); err != store.ErrNotFound {
		t.Fatalf("Get of nothing: %v", err)
	}
	if err := s.Set(ctx, "k", []byte("one")); err != nil {
		t.Fatal(err)
	}
	item, err := s.Load(ctx, "k")
	if err != nil || string(item.Value) != "one" {
		t.Fatalf("Load: %+v, %v", item, err)
	}
	v, err := s.Swap(ctx, "k", item.Version, &store.Item{Value: []byte("two"), Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Swap(ctx, "k", item.Version, nil); !errors.Is(err, store.ErrConflict) {
		t.Fatalf("Swap of an old version: %v", err)
	}
	var keys []string
	for info, err := range s.List(ctx, "") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, info.Key)
	}
	if !slices.Equal(keys, []string{"k"}) {
		t.Fatalf("List: %q", keys)
	}
	checkOrders(t, s, 0)
	if _, err := s.Swap(ctx, "k", v, nil); err != nil {
		t.Fatal(err)
	}
	if there, err := s.Contains(ctx, "k"); there || err != nil {
		t.Fatalf("after the removal: %v, %v", there, err)
	}
	checkOrders(t, s, 0)
	old := &store.Item{Value: []byte("old"), Atime: time.Now().Add(-time.Hour)}
	if _, err := s.Swap(ctx, "old", "", old); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Cleanup(ctx, 30*time.Minute); n != 1 || err != nil {
		t.Fatalf("Cleanup: %d, %v", n, err)
	}
	checkOrders(t, s, 0)
}

// A deadline that a record cannot hold becomes the last one that it can.
func TestFarDeadline(t *testing.T) {
	ctx := t.Context()
	s := newStore(t, openDB(t), nil)
	far := time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC)
	if _, err := s.Swap(ctx, "k", "", &store.Item{Expires: far}); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Cleanup(ctx, 0); n != 0 || err != nil {
		t.Errorf("Cleanup: %d, %v", n, err)
	}
	item, err := s.Load(ctx, "k")
	if err != nil || !item.Expires.Equal(time.Unix(0, math.MaxInt64)) || item.Expires.UTC().Year() != 2262 {
		t.Errorf("Load: %+v, %v", item, err)
	}
	checkOrders(t, s, 0)
}

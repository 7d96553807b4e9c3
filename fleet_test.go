package larder_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
)

// fleetOf starts servers, and returns a client of each, to look past the store.
func fleetOf(t *testing.T, n int) (addrs []string, direct []*memcache.Client) {
	t.Helper()
	for range n {
		s := testserver.NewMemcached(t)
		client := memcache.New(s.Addr)
		t.Cleanup(func() { client.Close() })
		addrs, direct = append(addrs, s.Addr), append(direct, client)
	}
	return addrs, direct
}

// holder is the index of the only server that holds a key.
func holder(t *testing.T, direct []*memcache.Client, key string) int {
	t.Helper()
	found := -1
	for i, client := range direct {
		switch _, err := client.Get(key); {
		case err == nil && found >= 0:
			t.Fatalf("servers %d and %d both hold %s", found, i, key)
		case err == nil:
			found = i
		case err != memcache.ErrCacheMiss:
			t.Fatal(err)
		}
	}
	return found
}

// A memcached URL places keys by what its placement says, and without one as ever, which is mod-gomemcache.
func TestFleetURL(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	addrs, direct := fleetOf(t, 3)
	nodes := []shard.Node{{Name: addrs[0]}, {Name: "the second", Weight: 3}, {Name: addrs[2]}}
	base := "memcached://" + strings.Join(addrs, ",") + "?x-op-timeout=20s&"
	for _, algorithm := range append(shard.Algorithms(), "") {
		params := "placement=" + algorithm + "&weight=" + addrs[1] + ":3&name=the+second=" + addrs[1]
		of, placed := algorithm, nodes
		switch algorithm {
		case "":
			params, of, placed = "", shard.ModGomemcache, []shard.Node{{Name: "a"}, {Name: "b"}, {Name: "c"}}
		}
		p, err := shard.NewPlacement(of, placed)
		if err != nil {
			t.Fatal(err)
		}
		s, err := larder.Open(ctx, base+params)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for i := range 50 {
			key := fmt.Sprintf("%s-%d", algorithm, i)
			if err := s.Set(ctx, key, []byte(key)); err != nil {
				t.Fatal(err)
			}
			if at := holder(t, direct, key); at != p.Place(key) {
				t.Errorf("placement %q: server %d holds %s, not %d", algorithm, at, key, p.Place(key))
			}
		}
	}

	// What a URL without a placement wrote, one with mod-gomemcache reads, and the other way round.
	same, err := larder.Open(ctx, base+"placement=mod-gomemcache")
	if err != nil {
		t.Fatal(err)
	}
	defer same.Close()
	as, err := larder.Open(ctx, base)
	if err != nil {
		t.Fatal(err)
	}
	defer as.Close()
	for i := range 200 {
		for j, pair := range [][2]store.Store{{same, as}, {as, same}} {
			key := fmt.Sprintf("key-%d-%d", i, j)
			if err := pair[0].Set(ctx, key, []byte(key)); err != nil {
				t.Fatal(err)
			}
			if got, err := pair[1].Get(ctx, key); err != nil || string(got) != key {
				t.Fatalf("%s: %q, %v", key, got, err)
			}
		}
	}
}

func TestFleetURLInvalid(t *testing.T) {
	for params, want := range map[string]error{
		"placement=consistent":              shard.ErrUnknownAlgorithm,
		"placement=ketama&weight=h:10001":   shard.ErrInvalidNode,
		"placement=ketama&name=h2:11211=h":  shard.ErrInvalidNode, // that is the other's
		"placement=ketama&name=h2=h":        shard.ErrInvalidNode, // ketama leaves the port away
		"placement=ketama&weight=h3:2":      store.ErrInvalidURL,
		"placement=rendezvous&name=a%00b=h": shard.ErrInvalidNode,
	} {
		_, err := larder.Open(context.Background(), "memcached://h,h2?"+params)
		if !errors.Is(err, want) || !errors.Is(err, store.ErrInvalidURL) || strings.Contains(fmt.Sprint(err), "shard: ") {
			t.Errorf("%s: %v; want ErrInvalidURL and %v", params, err, want)
		}
	}
}

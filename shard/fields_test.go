package shard_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/redisstore"
	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
)

// hashes are Fields over three Redis servers.
type hashes struct {
	*shard.Fields[*redisstore.Fields]
	servers map[string]*testserver.Server
	clients map[string]*redis.Client // to ask each server
}

func newHashes(t *testing.T) hashes {
	h := hashes{servers: map[string]*testserver.Server{}, clients: map[string]*redis.Client{}}
	nodes := map[string]*redisstore.Fields{}
	p, err := shard.NewPlacement("", []shard.Node{{Name: "a"}, {Name: "b", Weight: 2}, {Name: "c"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range p.Nodes() {
		server := testserver.NewRedis(t)
		client := redis.NewClient(&redis.Options{Addr: server.Addr, MaxRetries: -1, DialerRetries: 1, Protocol: 2})
		t.Cleanup(func() { client.Close() })
		fields, err := redisstore.NewFields(client, &redisstore.FieldsOptions{Expiry: store.Expiry{Timeout: time.Hour}, Prefix: "f:"})
		if err != nil {
			t.Fatal(err)
		}
		h.servers[n.Name], h.clients[n.Name], nodes[n.Name] = server, client, fields
	}
	if h.Fields, err = shard.NewFields(nodes, p); err != nil {
		t.Fatal(err)
	}
	return h
}

// calls are one of each operation on an entry that is there, or is not.
func (h hashes) calls(t *testing.T, key string) map[string]error {
	ctx := t.Context()
	_, allErr := h.All(ctx, key)
	_, containsErr := h.Contains(ctx, key)
	_, getErr := h.Get(ctx, key, "user")
	_, _, loadErr := h.Load(ctx, key)
	_, createErr := h.Create(ctx, key, nil)
	return map[string]error{
		"all": allErr, "contains": containsErr, "get": getErr, "load": loadErr, "create": createErr, "touch": h.Touch(ctx, key),
		"set": h.Set(ctx, key, "cart", nil), "save": h.Save(ctx, key, store.NewVersion(), nil, "cart"),
		"delete": h.Delete(ctx, key, "cart"), "remove": h.Remove(ctx, key),
	}
}

// TestFields: all fields of an entry are in one hash on the server that the placement names, each by itself, and no other server has any.
func TestFields(t *testing.T) {
	h, ctx, seen := newHashes(t), t.Context(), map[string]int{}
	for i := range 60 {
		key := fmt.Sprintf("session-%d", i)
		born, err := h.Create(ctx, key, map[string][]byte{"user": []byte(key)})
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Set(ctx, key, "cart", []byte("apples")); err != nil {
			t.Fatal(err)
		}
		if err := h.Save(ctx, key, born, map[string][]byte{"seen": []byte("now")}, "cart"); err != nil {
			t.Fatal(err)
		}
		where := h.Where(key)
		seen[where]++
		for name, client := range h.clients {
			n, err := client.Exists(ctx, "f:"+key).Result()
			if err != nil || n == 1 != (name == where) {
				t.Errorf("%s: node %s has it: %d, %v; it belongs to %s", key, name, n, err, where)
			}
		}
		stored, err := h.clients[where].HKeys(ctx, "f:"+key).Result()
		if text := strings.Join(stored, " "); err != nil || !strings.Contains(text, "user") || !strings.Contains(text, "seen") || strings.Contains(text, "cart") {
			t.Errorf("%s: the hash has %q, %v", key, stored, err)
		}
		if value, err := h.Get(ctx, key, "user"); string(value) != key || err != nil {
			t.Errorf("%s: %q, %v", key, value, err)
		}
		if err := h.Delete(ctx, key, "user"); err != nil {
			t.Error(err)
		}
		all, life, err := h.Load(ctx, key)
		if err != nil || life != born || len(all) != 1 || string(all["seen"]) != "now" {
			t.Errorf("%s: %q, %v", key, all, err)
		}
		if again, err := h.All(ctx, key); err != nil || !reflect.DeepEqual(all, again) {
			t.Errorf("%s: %q, %v", key, again, err)
		}
		if found, err := h.Contains(ctx, key); !found || err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	if len(seen) != 3 || seen["b"] <= seen["a"] || seen["b"] <= seen["c"] {
		t.Errorf("shares of %v", seen)
	}
}

// TestFieldsErrors: the node's name stands behind what the node says.
func TestFieldsErrors(t *testing.T) {
	h := newHashes(t)
	key := keyOn(h, "c", 1)
	if _, err := h.Get(t.Context(), key, "user"); err != store.ErrNotFound {
		t.Errorf("Get of nothing: %v", err)
	}
	if _, err := h.Create(t.Context(), key, nil); err != nil {
		t.Fatal(err)
	}
	_, err := h.Create(t.Context(), key, nil)
	wantNodeError(t, err, "c", store.ErrConflict)
	for op, err := range h.calls(t, "\x00") {
		if !errors.Is(err, store.ErrInvalidKey) || !strings.HasPrefix(err.Error(), "shard: "+op+": ") {
			t.Errorf("%s of a key that is none: %v", op, err)
		}
	}
	p, _ := shard.NewPlacement("", []shard.Node{{Name: "a"}})
	if _, err := shard.NewFields(map[string]*redisstore.Fields{}, p); !errors.Is(err, shard.ErrInvalidNode) {
		t.Errorf("a node without: %v", err)
	}
	if _, err := shard.NewFields(map[string]*redisstore.Fields{}, nil); !errors.Is(err, shard.ErrNoNodes) {
		t.Errorf("no placement: %v", err)
	}
}

// TestFieldsOutage: of one server that is down its own entries fail, and none other, and nothing of them is put elsewhere.
func TestFieldsOutage(t *testing.T) {
	h, ctx := newHashes(t), t.Context()
	var keys, lost []string
	for i := range 60 {
		key := fmt.Sprintf("session-%d", i)
		if err := h.Set(ctx, key, "user", []byte(key)); err != nil {
			t.Fatal(err)
		}
		if keys = append(keys, key); h.Where(key) == "c" {
			lost = append(lost, key)
		}
	}
	h.servers["c"].Kill(t)
	for _, key := range keys {
		value, err := h.Get(ctx, key, "user")
		if h.Where(key) == "c" {
			wantNodeError(t, err, "c", store.ErrUnavailable)
		} else if string(value) != key || err != nil {
			t.Errorf("%s, of node %s: %q, %v", key, h.Where(key), value, err)
		}
	}
	for _, key := range lost[:3] {
		for _, err := range h.calls(t, key) {
			wantNodeError(t, err, "c", store.ErrUnavailable)
		}
		for _, name := range []string{"a", "b"} {
			if n, err := h.clients[name].Exists(ctx, "f:"+key).Result(); n != 0 || err != nil {
				t.Errorf("%s has gone to node %s: %v", key, name, err)
			}
		}
	}
	h.servers["c"].Start(t)
	eventually(t, "served again", func() bool { return h.Set(ctx, lost[0], "user", nil) == nil })
}

package shard_test

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
)

// TestOpenShows: an error of opening shows no password, whoever says it, and the URL as it is shown has none.
func TestOpenShows(t *testing.T) {
	for raw, want := range map[string]string{
		shardURL([]string{"redis://u:sekret@127.0.0.1:x/0"}):                        "(node a)",
		shardURL([]string{"map:", "nosuch://u:sekret@h"}):                           "(node b)",
		shardURL([]string{"redis://u:sekret@127.0.0.1:1/0"}):                        "store unavailable",
		shardURL([]string{"postgres://u:sekret@127.0.0.1:1/db"}):                    "store unavailable",
		shardURL([]string{"redis://u:sekret@h/0?x-nosuch=1"}):                       `"x-nosuch"`,
		shardURL([]string{"map:"}, "placement=nosuch"):                              "unknown placement algorithm",
		"shard:?node=a=redis://u:sekret&sekret@h/0":                                 "%26",
		"shard:?node=a=redis://u:sek%ret@h/0":                                       "percent-encode",
		"shard:?node=a=redis://u:sekret;sekret@h/0":                                 "percent-encode",
		shardURL([]string{"map:", shardURL([]string{"redis://u:sekret@h"})}):        "a set of nodes itself",
		shardURL([]string{"handover:?old=map:&new=redis%3A%2F%2Fu%3Asekret%40h:x"}): "(node a)",
	} {
		s, err := larder.Open(t.Context(), raw)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "s") {
			t.Errorf("%s: %v; want %q", raw, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "sekret") || strings.Contains(err.Error(), "sek%ret")) {
			t.Errorf("the error shows a password: %v", err)
		}
		if shown := store.Redact(raw); strings.Contains(shown, "sekret") {
			t.Errorf("it is shown as %s", shown)
		}
		if s != nil {
			s.Close()
		}
	}
}

// TestOpenApart: two names for one store are refused, where that can be found out.
func TestOpenApart(t *testing.T) {
	dir := filepath.ToSlash(t.TempDir())
	redis, memcached := testserver.Redis(t), testserver.Memcached(t)
	p := unique()
	if err := os.Mkdir(dir+"/a", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir+"/a", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	proxy := testserver.NewProxy(t, redis.Addr)
	for name, nodes := range map[string][]string{
		"files":     {"file:" + dir + "/a", "file:" + dir + "/b", "file:" + dir + "/link"},
		"redis":     {redis.URL + "?x-prefix=" + p + ":", "redis://" + proxy.Addr + "?x-prefix=" + p + ":"},
		"memcached": {memcached.URL + "?x-prefix=" + p + ":", memcached.URL + "/?x-prefix=" + p + ":"},
		"handover":  {"file:" + dir + "/a", "handover:?old=map:&new=file:" + dir + "/a"},
	} {
		s, err := larder.Open(t.Context(), shardURL(nodes))
		if err == nil { // on a busy machine a node may be late, and is refused by itself
			_, err = s.Cleanup(t.Context(), time.Hour)
			s.Close()
		}
		if !errors.Is(err, store.ErrInvalidURL) || !strings.Contains(err.Error(), twoNames) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, nodes := range map[string][]string{
		"files": {"file:" + dir + "/a", "file:" + dir + "/b"},
		"redis": {redis.URL + "?x-prefix=" + p + ":", redis.URL + "?x-prefix=" + p + "2:"},
		"maps":  {"map:", "map:"},
	} {
		t.Run(name, func(t *testing.T) { open(t, shardURL(nodes)) })
	}
	if left, err := filepath.Glob(dir + "/?/??/*"); len(left) > 0 || err != nil {
		t.Errorf("probes are left behind: %q, %v", left, err)
	}
}

// TestOpenHandover: a node may be in a handover, so that its data moves to another host under the same name; and a store may become a set of nodes.
func TestOpenHandover(t *testing.T) {
	dir := filepath.ToSlash(t.TempDir())
	plain := shardURL([]string{"file:" + dir + "/a", "file:" + dir + "/b"})
	s := open(t, plain)
	key := keyOn(s, "b", 1)
	set(t, s, key, "v")
	moving := open(t, shardURL([]string{"file:" + dir + "/a", "handover:?old=" + "file:" + dir + "/b&new=file:" + dir + "/b2"}))
	want(t, moving, key, "v")

	single := openAny(t, "file:"+dir+"/single")
	set(t, single, key, "of one")
	whole := openAny(t, "handover:?old=file:"+dir+"/single&new="+url.QueryEscape(shardURL([]string{"file:" + dir + "/c", "file:" + dir + "/d"})))
	want(t, whole, key, "of one")
	if found, err := single.Contains(t.Context(), key); found || err != nil {
		t.Errorf("it has not moved into the set: %v", err)
	}
}

// TestOpenPlaces: the URL says what New is told.
func TestOpenPlaces(t *testing.T) {
	s := open(t, shardURL([]string{"map:", "map:", "map:"}, "weight=b:2", "placement="+shard.KetamaWeighted))
	p, err := shard.NewPlacement(shard.KetamaWeighted, []shard.Node{{Name: "a"}, {Name: "b", Weight: 2}, {Name: "c"}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		key := keyOn(s, names(3)[i%3], i)
		if want := p.Nodes()[p.Place(key)].Name; s.Where(key) != want {
			t.Fatalf("%s is on %s, want %s", key, s.Where(key), want)
		}
	}
}

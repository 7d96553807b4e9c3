package shard_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
)

func TestParseURL(t *testing.T) {
	mux := store.Mux{"map": store.OpenMap}
	parse := func(query string) (*shard.Set, error) {
		return shard.ParseURL(&url.URL{Scheme: "shard", RawQuery: query}, mux)
	}
	set, err := parse("node=a=map:&node=b=redis://h&weight=b:2&placement=ketama")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]shard.Node{{Name: "a", Weight: 1}, {Name: "b", Weight: 2}}, set.Now.Nodes()); diff != "" || set.Next != nil || set.Now.Algorithm() != "ketama" {
		t.Errorf("%+v: %s", set, diff)
	}
	set, err = parse("node=a=map:&node=b=redis://h&weight=b:0&next=a:0&next=b:3&next-placement=ketama&prepare=true&recheck=2s")
	if err != nil {
		t.Fatal(err)
	}
	if set.Now.Nodes()[0].Name != "a" || set.Next.Nodes()[0] != (shard.Node{Name: "b", Weight: 3}) || set.Next.Algorithm() != "ketama" ||
		!set.Prepare || set.Recheck != 2*time.Second || set.URLs["b"] != "redis://h" || len(set.Nodes) != 2 {
		t.Errorf("%+v", set)
	}
	for _, query := range []string{"", "node=a", "node=a=map:&placement=nosuch", "node=a=map:&node=b=map:&next=b:0&next-placement=nosuch", "node=a=redis://u:sekret@h&x=1"} {
		if _, err := parse(query); !errors.Is(err, store.ErrInvalidURL) || strings.Contains(err.Error(), "sekret") {
			t.Errorf("%q: %v", query, err)
		}
	}
}

package fleettest

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/internal/testneed"
	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
)

func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/fleets.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// blocks are the page's blocks of code in one language.
func blocks(page, language string) (found []string) {
	for _, match := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(page, -1) {
		found = append(found, match[1])
	}
	return found
}

// The table of the page says of each client that it is tried just what the tests do try, and names every placement.
func TestPageTable(t *testing.T) {
	text := page(t)
	live := make(map[string]bool)
	for _, o := range others() {
		live[o.client+" | "+o.settings+" | "+o.placement] = true
	}
	said := make(map[string]bool)
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.ReplaceAll(strings.Trim(strings.TrimSpace(line), "|"), "`", ""), "|")
		if len(cells) != 4 {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch cells[3] {
		case "live":
			said[strings.Join(cells[:3], " | ")] = true
		case "recorded":
			if !slices.Contains(shard.Algorithms(), cells[2]) {
				t.Errorf("the page names a placement %s", cells[2])
			}
		}
	}
	if !maps.Equal(live, said) {
		t.Errorf("the tests try\n%s\n\nthe page says\n%s", strings.Join(slices.Sorted(maps.Keys(live)), "\n"), strings.Join(slices.Sorted(maps.Keys(said)), "\n"))
	}
	for _, algorithm := range shard.Algorithms() {
		if !strings.Contains(text, "`"+algorithm+"`") {
			t.Errorf("the page does not name %s", algorithm)
		}
	}
}

// The URLs of the page are such as are opened.
func TestPageURLs(t *testing.T) {
	urls := regexp.MustCompile("memcached://[^\\s`]+").FindAllString(page(t), -1)
	if len(urls) < 4 {
		t.Fatalf("the page has %d URLs", len(urls))
	}
	for _, url := range urls {
		s, err := larder.Open(context.Background(), url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		s.Close()
	}
}

func greeting(servers ...shard.Node) (string, error) { // {Name: "cache1"}, {Name: "cache2"}, {Name: "cache3"}
	placement, err := shard.NewPlacement(shard.Ketama, servers)
	if err != nil {
		return "", err
	}
	selector, err := shard.NewSelector(placement, nil)
	if err != nil {
		return "", err
	}
	cache := memcache.NewFromSelector(selector)
	defer cache.Close()
	item, err := cache.Get("greeting")
	if err != nil {
		return "", err
	}
	return string(item.Value), nil
}

// The page's Python is run, with servers of ours in place of its own, and then the page's Go, which is the function above, finds what it put.
func TestPageCode(t *testing.T) {
	t.Parallel()
	text := page(t)
	source, err := os.ReadFile("page_test.go")
	if err != nil {
		t.Fatal(err)
	}
	goCode, pythonCode := blocks(text, "go"), blocks(text, "python")
	if len(goCode) != 1 || len(pythonCode) != 1 || !strings.Contains(string(source), goCode[0]) {
		t.Fatal("the page's Go is not the function greeting of this file, or there is more of it")
	}
	f := newFleet(t, "of the page", 1, 1, 1)
	for i, s := range f.servers {
		pythonCode[0] = strings.ReplaceAll(pythonCode[0], fmt.Sprintf(`"cache%d"`, i+1), fmt.Sprintf("%q", s.Addr))
	}
	if out, err := exec.Command(python(t, testneed.Pylibmc, "pylibmc"), "-c", pythonCode[0]).CombinedOutput(); err != nil || strings.Contains(pythonCode[0], "cache1") {
		t.Fatalf("the page's Python: %v: %s", err, out)
	}
	if got, err := greeting(f.nodes...); err != nil || got != "hello" {
		t.Errorf("the page's Go finds %q, %v", got, err)
	}
}

// The first weight above 1 makes another rule of ketama, which moves most keys.
func TestPageFirstWeight(t *testing.T) {
	nodes := []shard.Node{{Name: "cache1"}, {Name: "cache2"}, {Name: "cache3"}, {Name: "cache4"}, {Name: "cache5"}}
	before, err := shard.NewPlacement(shard.Ketama, nodes)
	if err != nil {
		t.Fatal(err)
	}
	nodes[0].Weight = 2
	after, err := shard.NewPlacement(shard.Ketama, nodes)
	if err != nil {
		t.Fatal(err)
	}
	moved := 0
	for i := range 1000 {
		if key := fmt.Sprint("key-", i); before.Place(key) != after.Place(key) {
			moved++
		}
	}
	if moved < 500 {
		t.Errorf("%d of 1000 keys move", moved)
	}
}

// A server that comes back to a set with what it had is asked for it: an old value, and one that was deleted since.
func TestComesBackFull(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	f := newFleet(t, "coming back", 1, 1)
	ring, err := shard.NewRing("", f.nodes...)
	if err != nil {
		t.Fatal(err)
	}
	selector, err := shard.NewRingSelector(ring, f.addrs())
	if err != nil {
		t.Fatal(err)
	}
	s := memstoreOn(t, selector, 8)
	var mine []string // keys of the second server
	for _, key := range keys("key", 50) {
		if node, err := ring.Pick(key); err == nil && node.Name == f.nodes[1].Name {
			mine = append(mine, key)
		}
	}
	for _, value := range []string{"old", "new"} {
		for _, key := range mine {
			if err := s.Set(ctx, key, []byte(value)); err != nil {
				t.Fatal(err)
			}
		}
		if value == "old" {
			if err := ring.Remove(f.nodes[1].Name); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Get(ctx, mine[0]); err != store.ErrNotFound {
				t.Fatalf("after its server has left: %v", err)
			}
		}
	}
	if err := s.Delete(ctx, mine[0]); err != nil {
		t.Fatal(err)
	}
	if err := ring.Add(f.nodes[1]); err != nil {
		t.Fatal(err)
	}
	for _, key := range mine {
		if got, err := s.Get(ctx, key); err != nil || string(got) != "old" {
			t.Errorf("after it has come back: %q, %v; the page says that what it had is there again", got, err)
		}
	}
}

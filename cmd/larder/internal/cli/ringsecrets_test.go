package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
)

// TestRingSecrets: a password in the URL of a node, however it is written there, stands in no output, and neither does a key.
func TestRingSecrets(t *testing.T) {
	const canary, key = "sekret", "0123456789abcdefCANARY"
	dir := t.TempDir()
	down := fmt.Errorf("held: open: %w", store.ErrUnavailable)
	for _, state := range []string{"up", "down", "broken"} {
		nodes, mux := heldRing("a", "b", "d")
		if state == "broken" {
			nodes["a"].broken = fmt.Errorf("held: list: %w", store.ErrUnavailable)
		}
		mux["held"] = func(_ context.Context, u *url.URL) (store.Closer, error) {
			if state == "down" && u.Host == "b" {
				return nil, down
			}
			return nodes[u.Host], nil
		}
		mux[shardScheme] = shard.Open(mux)
		for _, raw := range []string{
			"shard:?node=a=held://u:sekret@a&node=b=held://u:sekret@b",
			"shard:?node=a%3Dheld%3A%2F%2Fu%3Asekret%40a&node=b%3Dheld%3A%2F%2Fb%3Fpassword%3Dsekret",
			"shard:?node=a=held://u:sekret@a&node=b=held://u:sekret%2540x@b&x-prefix=app:",
			"shard:?node=a=held://u:sekret@a&node=b=held://b?x=1&token=sekret", // not encoded: it falls apart
			"shard:?node=held://u:sekret@a&node=b=held://b",                    // without a name
		} {
			for _, change := range []string{"", "&weight=b:0&next=b:1&recheck=1ms", "&next=a:0&prepare=true", "&next-placement=ketama&recheck=1ms", "&next=nosuch:1"} {
				for _, args := range [][]string{
					{"status"}, {"status", "--no-count"}, {"where", key}, {"plan"}, {"plan", "--add", "d=held://u:sekret@d"}, {"plan", "--add", "d=held://u:sekret@d", "--remove", "a"},
					{"plan", "--add", "d:x=held://u:sekret@d"}, {"plan", "--add", "held://u:sekret@d"}, {"plan", "--add", "a=held://u:sekret@d"}, {"plan", "--weight", "held://u:sekret@d"},
					{"plan", "--remove", "b", "--svg", filepath.Join(dir, "x.svg")}, {"plan", "--remove", "b", "--svg", "-"}, {"rebalance", "-n"}, {"rebalance"}, {"rebalance", "--rate", "held://u:sekret@d"},
					{"nosuch://u:sekret@d"}, {"where", key, "held://u:sekret@d"},
				} {
					for _, json := range []string{"--json=false", "--json"} {
						_, out, errs := runRing(t, mux, append(args, json, "--store", raw+change)...)
						picture, _ := os.ReadFile(filepath.Join(dir, "x.svg"))
						if text := out + errs + string(picture); strings.Contains(text, canary) || strings.Contains(text, key[:7]) {
							t.Fatalf("%s: larder ring %q --store %s%s:\n%s", state, args, raw, change, text)
						}
					}
				}
			}
		}
	}
}

// TestRingCancelled: each command ends with 130 when it is interrupted, wherever it waits.
func TestRingCancelled(t *testing.T) {
	second := heldURL + "&node=d=held:d&weight=d:0&next=d:1&recheck=1h"
	for _, args := range [][]string{{"status"}, {"plan"}, {"rebalance", "-n"}, {"rebalance"}} {
		nodes, mux := heldRing("a", "b", "c", "d")
		fillRing(t, mux, heldURL, 300)
		ctx, cancel := context.WithCancel(t.Context())
		nodes["b"].listing = cancel
		var out, errs bytes.Buffer
		code := newApp(strings.NewReader(""), &out, &errs, func(string) string { return "" }, mux).run(ctx, append([]string{"ring"}, append(args, "--store", second)...))
		if code != exitInterrupted || !strings.Contains(errs.String(), "larder: interrupted") {
			t.Errorf("%q: exit code %d: %s", args, code, &errs)
		}
		if args[0] == "rebalance" && len(args) == 1 && !strings.Contains(out.String(), "moved ") {
			t.Errorf("no report: %s", &out)
		}
	}
}

// TestRingPlanDiskFull: a plot for which there is no room leaves the old one as it was, and nothing beside it.
func TestRingPlanDiskFull(t *testing.T) {
	dir := smallDisk(t)
	path := filepath.Join(dir, "load.svg")
	_, mux := heldRing("a", "b", "c")
	if code, _, errs := runRing(t, mux, "plan", "--store", heldURL, "--add", "d", "--svg", path); code != exitDone {
		t.Fatal(code, errs)
	}
	before, err := os.ReadFile(path)
	if err != nil || !bytes.HasPrefix(before, []byte("<svg ")) {
		t.Fatalf("%v: %s", err, before)
	}
	filler, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = filler.Write(make([]byte, 4096))
	}
	filler.Close()
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	code, out, errs := runRing(t, mux, "plan", "--store", heldURL, "--add", "d:5", "--svg", path)
	if code != exitError || !strings.Contains(errs, "--svg: ") || !strings.Contains(errs, "free some space") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	after, err := os.ReadFile(path)
	files, _ := os.ReadDir(dir)
	if err != nil || !bytes.Equal(before, after) || len(files) != 2 {
		t.Errorf("%v, %d files; the plot has changed: %t", err, len(files), !bytes.Equal(before, after))
	}
}

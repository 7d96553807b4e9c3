package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
)

// TestRingRollouts makes up sets and changes of them, with names, URLs and passwords that must be encoded. The URLs of the roll-outs, with the
// passwords put in again, must name what was meant: the sets, the nodes' own URLs, the order, and nothing of the passwords before that.
func TestRingRollouts(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	mux := store.Mux{}
	for _, scheme := range []string{"redis", "held", shardScheme} {
		mux[scheme] = func(context.Context, *url.URL) (store.Closer, error) { return store.NewMap(nil), nil }
	}
	names := []string{"a", "b c", "host:11211", "[::1]:2", "ü&ö", "50%", "x+y", "q'", "m;n", "n-7"}
	for range 500 {
		random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		algorithm := func() string { return shard.Algorithms()[random.IntN(3)] }
		set := 1 + random.IntN(4)
		query, urls, now := "", make(map[string]string), make(map[string]int)
		for _, name := range names[:set] {
			urls[name], now[name] = madeUpURL(random), 1+random.IntN(3)
			query += "&node=" + url.QueryEscape(name+"="+urls[name])
			if now[name] > 1 || random.IntN(2) == 0 {
				query += "&weight=" + url.QueryEscape(fmt.Sprintf("%s:%d", name, now[name]))
			}
		}
		placement := algorithm()
		raw := "shard:?" + query[1:] + "&placement=" + placement + "&x-prefix=app:"

		next, args := maps.Clone(now), []string{"ring", "plan", "--json", "--store", raw}
		order := slices.Clone(names[:set])
		for _, name := range names[:set] {
			switch random.IntN(4) {
			case 0:
				if len(next) > 1 {
					delete(next, name)
					order = slices.DeleteFunc(order, func(n string) bool { return n == name })
					args = append(args, "--remove", name)
				}
			case 1:
				next[name] = now[name] + 1
				args = append(args, "--weight", fmt.Sprintf("%s:%d", name, next[name]))
			}
		}
		if added := names[set]; random.IntN(3) > 0 {
			urls[added], next[added] = madeUpURL(random), 1+random.IntN(2)
			order = append(order, added)
			args = append(args, "--add", fmt.Sprintf("%s:%d=%s", added, next[added], urls[added]))
		}
		nextPlacement := placement
		if random.IntN(4) == 0 {
			nextPlacement = algorithm()
			args = append(args, "--placement", nextPlacement)
		}
		if nextPlacement == placement && maps.Equal(now, next) {
			continue
		}

		code, out, errs := runRing(t, mux, args[1:]...)
		var r ringPlanResult
		if err := json.Unmarshal([]byte(out), &r); err != nil || code != exitDone {
			t.Fatalf("seed %d: %q: %d: %v: %s", seed, args, code, err, errs)
		}
		if strings.Contains(out+errs, "sek") {
			t.Fatalf("seed %d: %q shows a password: %s%s", seed, args, out, errs)
		}
		for i, rawURL := range []string{r.Rollouts.Prepare, r.Rollouts.Rebalance, r.Rollouts.Done} {
			u, err := url.Parse(rawURL)
			if err != nil || u.Query().Get("x-prefix") != "app:" {
				t.Fatalf("seed %d: %s: %v", seed, rawURL, err)
			}
			u.RawQuery = strings.ReplaceAll(u.RawQuery, "x-prefix=app:", "")
			got, err := shard.ParseURL(u, mux)
			if err != nil {
				t.Fatalf("seed %d: %q: roll-out %d: %s: %v", seed, args, i+1, rawURL, err)
			}
			after := got.Next
			if i == 2 {
				after = got.Now
			} else if !maps.Equal(weightsOf(got.Now), now) || got.Now.Algorithm() != placement {
				t.Fatalf("seed %d: %q: roll-out %d begins with %v: %s", seed, args, i+1, got.Now.Nodes(), rawURL)
			}
			if got.Prepare != (i == 0) || after == nil || !maps.Equal(weightsOf(after), next) || after.Algorithm() != nextPlacement || (i == 2) != (got.Next == nil) {
				t.Fatalf("seed %d: %q: roll-out %d: %s", seed, args, i+1, rawURL)
			}
			var have []string
			for _, n := range after.Nodes() {
				have = append(have, n.Name)
			}
			if !reflect.DeepEqual(have, order) { // by which some algorithms place
				t.Fatalf("seed %d: %q: roll-out %d has the nodes %q, want %q", seed, args, i+1, have, order)
			}
			for name, shown := range got.URLs {
				if want := store.Redact(urls[name]); shown != want {
					t.Fatalf("seed %d: roll-out %d: node %q is %s, want %s", seed, i+1, name, shown, want)
				}
			}
		}
	}
}

// madeUpURL is one of a node, perhaps with a password and with parameters of its own.
func madeUpURL(random *rand.Rand) string {
	switch random.IntN(4) {
	case 0:
		return fmt.Sprintf("held:./folder%%20%d", random.Uint32())
	case 1:
		return fmt.Sprintf("redis://h%d?x-timeout=1h&x-prefix=a%%26b:", random.Uint32())
	case 2:
		return fmt.Sprintf("redis://user:sek%%2Fret@h%d,[::1]:7/3?x-prefix=p", random.Uint32())
	}
	return fmt.Sprintf("redis://h%d?password=sek%d", random.Uint32(), random.Uint32())
}

package cli

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

// TestCheckNodes: what all nodes of a sharded store keep it keeps, and what cannot be asked is said.
func TestCheckNodes(t *testing.T) {
	all := backends(t)
	of := func(a, b string) string {
		return "shard:?weight=b:2&node=a=" + url.QueryEscape(all[a]) + "&node=b=" + url.QueryEscape(all[b])
	}
	for name, nodes := range map[string]string{"durable": of("file", "postgres"), "caches": of("memcached", "redis")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out, errs := command(t, nodes, "check", "--json", "--cases", "abilities,keys/pairs,keys/longest,values,deadline,swap,list/prefix,errors")
			if code != exitDone {
				t.Fatalf("%d, %s%s", code, out, errs)
			}
			var r checkResult
			if err := json.Unmarshal([]byte(out), &r); err != nil {
				t.Fatal(err)
			}
			if r.Kept != r.Tested || r.Tested < 30 || len(r.Facts) < 5 {
				t.Errorf("%s", out)
			}
			if code, out, errs := command(t, nodes, "get", "somebody"); code != exitDone || out != "else" {
				t.Errorf("somebody else's entry: %d, %s%s", code, out, errs)
			}
		})
	}
	if code, _, errs := command(t, of("map", "file"), "check"); code != exitUsage || !strings.Contains(errs, "cannot be checked as a part") {
		t.Errorf("with a map: %d, %s", code, errs)
	}
}

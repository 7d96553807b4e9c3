package cli

import (
	"context"
	neturl "net/url"
	"strings"
	"testing"

	"github.com/larder-go/larder/internal/testserver"
)

// larderAt runs the command with the store at url.
func larderAt(url, input string, args ...string) (code int, stdout, stderr string) {
	var out, errs strings.Builder
	code = Run(context.Background(), args, strings.NewReader(input), &out, &errs, func(name string) string { return map[string]string{envStore: url}[name] })
	return code, out.String(), errs.String()
}

// The command finds the primary by its Sentinels: the one that was killed, nobody, and then the next.
func TestSentinels(t *testing.T) {
	t.Parallel()
	set := testserver.NewRedisSentinel(t, 1, "--appendonly", "yes", "--appendfsync", "always")
	url := set.URL + "&x-op-timeout=1s&x-timeout=24h"
	if code, _, stderr := larderAt(url, "kept", "set", "key"); code != exitDone {
		t.Fatal(code, stderr)
	}
	if e := doctorAt(t, url); len(e.Wrong) > 0 || strings.Join(names(e.Notes), " ") != "role" {
		t.Errorf("wrong: %+v; notes: %+v", e.Wrong, e.Notes)
	}
	set.Nodes[0].Kill(t) // by now the replica has it: it follows in milliseconds, and the doctor has asked many questions
	if code, stdout, stderr := larderAt(url, "", "get", "key"); code != exitError || stdout != "" || !strings.Contains(stderr, "unavailable") {
		t.Errorf("while there is no primary: %d, %q, %q", code, stdout, stderr)
	}
	eventually(t, "another primary", func() bool {
		code, stdout, stderr := larderAt(url, "", "get", "key")
		if code != exitDone && code != exitError || code == exitDone && stdout != "kept" {
			t.Fatalf("%d, %q, %q", code, stdout, stderr)
		}
		return code == exitDone
	})
	eventually(t, "all Sentinels to know", func() bool { return set.Primary() == set.Nodes[1] && set.Agree(set.Nodes[1]) })
	if code, _, stderr := larderAt(url, "after", "set", "key"); code != exitDone {
		t.Error(code, stderr)
	}
	// Nodes of a sharded store may be such sets, too.
	shards := "shard:?node=a=" + neturl.QueryEscape(url)
	if code, stdout, stderr := larderAt(shards, "", "get", "key"); code != exitDone || stdout != "after" {
		t.Error(code, stdout, stderr)
	}
	wrong := strings.Replace(url, "x-master=larder", "x-master=another", 1)
	if code, _, stderr := larderAt(wrong, "", "get", "key"); code != exitError || !strings.Contains(stderr, "x-master") {
		t.Errorf("%d, %q", code, stderr)
	}
}

// A standby that follows with a delay is noted, and one that is not promoted yet takes nothing.
func TestStandby(t *testing.T) {
	t.Parallel()
	pair := testserver.NewPostgresPair(t, false)
	url := pair.URL + "&x-timeout=24h"
	larderDo(t, url, "migrate", "up")
	if code, _, stderr := larderAt(url, "kept", "set", "key"); code != exitDone {
		t.Fatal(code, stderr)
	}
	e := doctorAt(t, url, "--accept", "persistence") // fsync is off
	if len(e.Wrong) > 0 || !strings.Contains(strings.Join(names(e.Notes), " "), "replication") {
		t.Errorf("wrong: %+v; notes: %+v", e.Wrong, e.Notes)
	}
	eventually(t, "the entry on the standby", func() bool {
		return pair.Standby.Exec(t, "SELECT count(*) FROM pg_class WHERE relname = 'larder_entries'") == "1" &&
			pair.Standby.Exec(t, "SELECT count(*) FROM larder_entries") == "1"
	})
	pair.Primary.Kill(t)
	if code, stdout, stderr := larderAt(url, "", "get", "key"); code != exitError || stdout != "" || !strings.Contains(stderr, "unavailable") {
		t.Errorf("while there is no primary: %d, %q, %q", code, stdout, stderr)
	}
	pair.Promote(t)
	if code, stdout, stderr := larderAt(url, "", "get", "key"); code != exitDone || stdout != "kept" {
		t.Errorf("%d, %q, %q", code, stdout, stderr)
	}
}

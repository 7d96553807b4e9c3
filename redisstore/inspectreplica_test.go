package redisstore

import (
	"strings"
	"testing"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// What Sentinels watch says how many replicas there are, what a failover loses, and when that is more than moments.
func TestInspectReplicas(t *testing.T) {
	t.Parallel()
	set := testserver.NewRedisSentinel(t, 1, "--min-replicas-to-write", "1")
	s := openRaw(t, set.URL)
	if f := fact(t, s, "role"); f.Value != "master with 1 replicas, 1 of them less than 2 s behind or no writes" || !strings.Contains(f.Warn, "follow with a delay") {
		t.Errorf("%+v", f)
	}
	if f := fact(t, s, "persistence"); !strings.Contains(f.Warn, "its replicas do as it does") {
		t.Errorf("%+v", f)
	}
	if err := newClient(t, set.Nodes[0].Addr).ConfigSet(t.Context(), "appendonly", "yes").Err(); err != nil {
		t.Fatal(err)
	}
	if f := fact(t, s, "persistence"); strings.Contains(f.Warn, "replicas") {
		t.Errorf("%+v", f)
	}
	replica := open(t, newClient(t, set.Nodes[1].Addr), store.Expiry{})
	if f := fact(t, replica, "role"); !strings.HasPrefix(f.Value, "slave") || !strings.Contains(f.Warn, "x-master") {
		t.Errorf("%+v", f)
	}
}

func TestInspectBehind(t *testing.T) {
	for line, want := range map[string]string{
		"ip=::1,port=6380,state=online,offset=12,lag=1":     "",
		"ip=::1,port=6380,state=online,offset=12,lag=60":    "silent for 60 s",
		"ip=::1,port=6380,state=send_bulk,offset=0,lag=0":   "being filled",
		"a form of the line that no server has written yet": "",
	} {
		f := roles([]inspected{{info: map[string]string{"role": "master", "connected_slaves": "1", "slave0": line}}})
		if want == "" && !strings.Contains(f.Warn, "follow with a delay") || !strings.Contains(f.Warn, want) {
			t.Errorf("%s: %+v", line, f)
		}
	}
}

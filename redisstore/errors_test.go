package redisstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// redisError is an answer of the server's.
type redisError string

func (e redisError) Error() string { return string(e) }
func (redisError) RedisError()     {}

const canary = "canary4711"

func TestCause(t *testing.T) {
	for _, c := range []struct {
		err  error
		want error  // nil: none of package store's
		text string // a part of it
	}{
		{redisError("NOAUTH Authentication required."), store.ErrUnavailable, "password"},
		{redisError("WRONGPASS invalid username-password pair " + canary), store.ErrUnavailable, "refuses"},
		{redisError("NOPERM User " + canary + " has no permissions to run the 'get' command"), store.ErrUnavailable, "access list"},
		{redisError("LOADING Redis is loading the dataset in memory"), store.ErrUnavailable, "loading"},
		{redisError("CLUSTERDOWN The cluster is down"), store.ErrUnavailable, "Cluster"},
		{redisError("READONLY You can't write against a read only replica."), store.ErrUnavailable, "replica"},
		{redisError("MASTERDOWN Link with MASTER is down"), store.ErrUnavailable, "master"},
		{redisError("TRYAGAIN Multiple keys request during rehashing of slot"), store.ErrUnavailable, "try again"},
		{redisError("OOM command not allowed when used memory > 'maxmemory'."), store.ErrUnavailable, "maxmemory"},
		{redisError("MISCONF Redis is configured to save RDB snapshots"), store.ErrUnavailable, "disk"},
		{redisError("NOREPLICAS Not enough good replicas to write."), store.ErrUnavailable, "replicas"},
		{redisError("BUSY Redis is busy running a script."), store.ErrUnavailable, "script"},
		{redisError("ERR max number of clients reached"), store.ErrUnavailable, "maxclients"},
		{redisError("MOVED 3999 127.0.0.1:6381"), store.ErrUnavailable, "x-cluster"},
		{redisError("WRONGTYPE Operation against a key holding the wrong kind of value"), store.ErrCorrupt, "type"},
		{redisError("ERR unknown command 'evalsha', with args beginning with: '" + canary + "'"), nil, "forbids"},
		{redisError("ERR something new about '" + canary + "'"), nil, "refuses"},
		{redisError("ERR ACL failure in script: User " + canary + " has no permissions to run the 'pexpireat' command script: f00, on @user_script:49."), store.ErrUnavailable, "access list"},
		{redisError("ERR Error running script (call to f_f00): @user_script:9: The user executing the script can't run this command or subcommand"), store.ErrUnavailable, "access list"},
		{redisError("ERR Error running script (call to f_f00): @user_script:9: @user_script: 9: -OOM command not allowed when used memory > 'maxmemory'."), store.ErrUnavailable, "maxmemory"},
		{redisError("ERR Error running script (call to f_f00): @user_script:9: @user_script: 9: -READONLY You can't write against a read only replica."), store.ErrUnavailable, "replica"},
		{redisError("ERR Error running script (call to f_f00): @user_script:9: @user_script: 9: -MISCONF Redis is configured to save RDB snapshots"), store.ErrUnavailable, "disk"},
		{redisError("ERR user_script:57: MASTERDOWN Link with MASTER is down script: f00, on @user_script:57."), store.ErrUnavailable, "master"},
		{redisError("ERR Error running script (call to f_f00): @user_script:9: something new"), nil, "refuses"},
		{redis.ErrPoolTimeout, store.ErrUnavailable, "x-pool-size"},
		{redis.ErrPoolExhausted, store.ErrUnavailable, "x-pool-size"},
		{redis.ErrClosed, os.ErrClosed, "closed"},
		{io.EOF, store.ErrUnavailable, "broke"},
		{io.ErrUnexpectedEOF, store.ErrUnavailable, "broke"},
		{&net.OpError{Op: "read", Err: timeoutError{}}, store.ErrUnavailable, "in time"},
		{&net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}, store.ErrUnavailable, "refused"},
		{fmt.Errorf("dialing: %w", context.DeadlineExceeded), store.ErrUnavailable, "in time"},
		{errors.New("redis: can't parse reply=\"" + canary + "\" reading string"), store.ErrUnavailable, "understood"},
	} {
		got := store.Wrap("redisstore", "get", cause(c.err))
		if c.want != nil && !errors.Is(got, c.want) || !strings.Contains(got.Error(), c.text) {
			t.Errorf("%v becomes %q; want %v, %q", c.err, got, c.want, c.text)
		}
		for _, other := range []error{store.ErrUnavailable, store.ErrCorrupt, store.ErrNotFound, context.Canceled, context.DeadlineExceeded} {
			if errors.Is(got, other) != (other == c.want) {
				t.Errorf("%q wraps %v: %v", got, other, errors.Is(got, other))
			}
		}
		noSecrets(t, got, canary)
	}
}

// A server that is full and evicts nothing refuses writes: the error says what to do, what stood there stands, and reads go on.
func TestOutOfMemory(t *testing.T) {
	server := testserver.NewRedis(t, "--maxmemory", "3mb", "--maxmemory-policy", "noeviction")
	s := open(t, newClient(t, server.Addr), store.Expiry{Timeout: time.Hour})
	mustSet(t, s, "key", "value")
	var err error
	for i := 0; i < 100 && err == nil; i++ {
		err = s.Set(t.Context(), fmt.Sprintf("large %d", i), make([]byte, 100_000))
	}
	if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "maxmemory") {
		t.Fatalf("Set on a full server: %v", err)
	}
	if _, err := s.Swap(t.Context(), "key", store.AnyVersion, &store.Item{Value: make([]byte, 100_000)}); !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "maxmemory") {
		t.Errorf("Swap on a full server: %v", err)
	}
	wantValue(t, s, "key", "value")
	if err := s.Delete(t.Context(), "large 0"); err != nil {
		t.Errorf("Delete on a full server: %v", err)
	}
	if _, err := s.Swap(t.Context(), "large 1", store.AnyVersion, nil); err != nil {
		t.Errorf("removing Swap on a full server: %v", err)
	}
}

// A replica serves nobody: a write says what to name instead.
func TestReplica(t *testing.T) {
	master := testserver.NewRedis(t)
	host, port, _ := net.SplitHostPort(master.Addr)
	replica := testserver.NewRedis(t, "--replicaof", host+" "+port)
	s := open(t, newClient(t, replica.Addr), store.Expiry{})
	if err := s.Set(t.Context(), "key", nil); !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "replica") {
		t.Errorf("Set: %v", err)
	}
	if _, err := s.Swap(t.Context(), "key", "", &store.Item{}); !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "replica") {
		t.Errorf("Swap: %v", err)
	}
	if f := fact(t, s, "role"); !strings.Contains(f.Warn, "replica") {
		t.Errorf("Inspect says %+v", f)
	}
}

// A user who may run what the package comment lists, on keys with the prefix, and nothing else, can do everything; who may not gets told.
func TestAccessList(t *testing.T) {
	server := testserver.NewRedis(t)
	admin := newClient(t, server.Addr)
	listed := []string{"get", "set", "del", "eval", "evalsha", "time", "getrange", "setrange", "strlen", "exists", "pttl", "pexpireat", "persist", "scan", "ping", "info"}
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	user := []any{"acl", "setuser", "app", "on", ">pass", "~larder:*"}
	for _, command := range listed {
		user = append(user, "+"+command)
		if !strings.Contains(string(doc), strings.ToUpper(command)) {
			t.Errorf("the package comment does not list %s", command)
		}
	}
	if err := admin.Do(t.Context(), user...).Err(); err != nil {
		t.Fatal(err)
	}
	s := openRaw(t, "redis://app:pass@"+server.Addr+"?x-timeout=1h")
	for name, do := range operations(s) {
		if err := do(t.Context()); err != nil && err != store.ErrNotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.Swap(t.Context(), "key", store.AnyVersion, &store.Item{Atime: time.Now().Add(-30 * time.Minute)}); err != nil {
		t.Error(err)
	}
	wantValue(t, s, "key", "")
	if n, err := s.Cleanup(t.Context(), time.Minute); n != 0 || err != nil {
		t.Errorf("Cleanup = %d, %v", n, err)
	}
	other := openRaw(t, "redis://app:pass@"+server.Addr+"?x-key-prefix=other:")
	for name, do := range map[string]func() error{
		"Get":   func() error { _, err := other.Get(t.Context(), canary); return err },
		"Set":   func() error { return other.Set(t.Context(), canary, []byte(canary)) },
		"Touch": func() error { return other.Touch(t.Context(), canary) },
	} {
		err := do()
		if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "access list") {
			t.Errorf("%s with a prefix that is not allowed: %v", name, err)
		}
		noSecrets(t, err, canary)
	}
	for _, within := range []string{"pexpireat", "getrange"} { // refused inside a script
		if err := admin.Do(t.Context(), "acl", "setuser", "app", "-"+within).Err(); err != nil {
			t.Fatal(err)
		}
		_, err := s.Swap(t.Context(), canary, store.AnyVersion, &store.Item{})
		if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "access list") {
			t.Errorf("Swap without %s: %v", within, err)
		}
		noSecrets(t, err, canary)
	}
	if err := admin.Do(t.Context(), "acl", "setuser", "app", "-evalsha").Err(); err != nil {
		t.Fatal(err)
	}
	err = s.Touch(t.Context(), canary)
	if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "access list") {
		t.Errorf("without scripts: %v", err)
	}
	noSecrets(t, err, canary)
}

// The access list of the package comment is enough for a database other than 0 and for a Cluster, too.
func TestAccessListElsewhere(t *testing.T) {
	listed := strings.Fields("get set del eval evalsha time getrange setrange strlen exists pttl pexpireat persist scan ping info")
	allow := func(addr string, more ...string) {
		t.Helper()
		user := []any{"acl", "setuser", "listed", "reset", "on", ">pass", "~*"}
		for _, command := range append(more, listed...) {
			user = append(user, "+"+command)
		}
		if err := newClient(t, addr).Do(t.Context(), user...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	all := func(s *Store) {
		t.Helper()
		for name, do := range operations(s) {
			if err := do(t.Context()); err != nil && err != store.ErrNotFound {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	single := testserver.NewRedis(t)
	allow(single.Addr, "select")
	all(openRaw(t, "redis://listed:pass@"+single.Addr+"/1?x-timeout=1h"))
	nodes := testserver.RedisCluster(t)
	for _, n := range nodes {
		allow(n.Addr, "cluster|slots", "command")
	}
	all(openRaw(t, "redis://listed:pass@"+nodes[0].Addr+"?x-cluster=true&x-timeout=1h&x-key-prefix=acl:"))
}

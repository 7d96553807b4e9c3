package memstore

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// ttl asks the server how many seconds name has left: a number, or "EN" if there is no such entry.
func ttl(t *testing.T, addr, name string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "mg %s t\r\n", name)
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(strings.TrimSpace(line), "HD t")
}

// uses are the ways to use an entry.
var uses = map[string]func(ctx context.Context, s *Store) error{
	"Get":   func(ctx context.Context, s *Store) error { _, err := s.Get(ctx, "key"); return err },
	"Load":  func(ctx context.Context, s *Store) error { _, err := s.Load(ctx, "key"); return err },
	"Touch": func(ctx context.Context, s *Store) error { return s.Touch(ctx, "key") },
}

// An entry past its deadline does not stay in the real server's memory because somebody asks for it.
func TestDeadlineLetsGo(t *testing.T) {
	t.Parallel()
	addr := testserver.Memcached(t).Addr
	ctx := context.Background()
	for name, use := range uses {
		s := fresh(t, Options{Expiry: store.Expiry{Timeout: 240 * time.Hour}}, addr)
		expires := time.Now().Add(300 * time.Millisecond)
		if _, err := s.Swap(ctx, "key", "", &store.Item{Value: []byte("value"), Expires: expires}); err != nil {
			t.Fatal(err)
		}
		if left := ttl(t, addr, s.name("key")); len(left) != 1 {
			t.Errorf("written, it has %s seconds left", left)
		}
		if err := use(ctx, s); err != nil && time.Now().Before(expires) {
			t.Errorf("%s before the deadline: %v", name, err)
		}
		eventually(t, "its deadline passes", func() bool { return time.Now().After(expires) })
		if err := use(ctx, s); err != store.ErrNotFound {
			t.Errorf("%s after the deadline: %v", name, err)
		}
		if left := ttl(t, addr, s.name("key")); left != "EN" {
			t.Errorf("after %s past its deadline it has %s seconds left", name, left)
		}
	}
}

// What is written beside a use of an entry with a deadline, or of one past it, stays as it was written: neither removed nor with less time.
func TestDeadlineBesideWrite(t *testing.T) {
	ctx := context.Background()
	for name, use := range uses {
		for _, after := range []string{"gat", "gets"} {
			for _, left := range []time.Duration{50 * time.Millisecond, time.Minute} {
				f := newFake(t) // nothing expires in it
				s := fresh(t, Options{Expiry: store.Expiry{Timeout: time.Hour}}, f.addr)
				other := again(t, Options{Expiry: store.Expiry{Timeout: time.Hour}}, s.prefix, f.addr)
				expires := time.Now().Add(left)
				if _, err := s.Swap(ctx, "key", "", &store.Item{Value: []byte("old"), Expires: expires}); err != nil {
					t.Fatal(err)
				}
				if left < time.Second {
					eventually(t, "its deadline passes", func() bool { return time.Now().After(expires) })
				}
				began := false
				f.reacts(func(c command, carryOut func() string) string {
					said := carryOut()
					if c.verb == after && !began {
						began = true
						set(t, other, "key", "new")
					}
					return said
				})
				use(ctx, s)
				f.reacts(nil)
				f.mu.Lock()
				item := f.items[s.name("key")]
				f.mu.Unlock()
				if began && (!strings.Contains(item.value, "new") || item.exptime != s.idle) {
					t.Errorf("%s, a Set after its %s, %v left: %.80q for %d seconds", name, after, left, item.value, item.exptime)
				}
				if !began && (after == "gat" || left < time.Second) {
					t.Errorf("%s sent no %s", name, after)
				}
			}
		}
	}
}

package failover

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// TestRestartedPrimary: a primary that is started again before the Sentinels miss it remains the primary. With nothing on its disk it is empty, and
// its replica does as it does: Inspect says so, and docs/scaling.md.
func TestRestartedPrimary(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many servers")
	}
	for name, args := range map[string][]string{"nothing kept": nil, "appendonly": {"--appendonly", "yes", "--appendfsync", "always"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := testserver.NewRedisSentinel(t, 1, args...)
			s, err := larder.Open(t.Context(), set.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.Set(t.Context(), "key", []byte("value")); err != nil {
				t.Fatal(err)
			}
			waitFor(t, set.Nodes[0])
			set.Nodes[0].Kill(t)
			set.Nodes[0].Start(t)
			if set.Primary() != set.Nodes[0] {
				t.Skip("the machine is so busy that the Sentinels were faster")
			}
			var got []byte
			eventually(t, "answered", 10*time.Second, func() (string, bool) {
				got, err = s.Get(t.Context(), "key")
				return "", !errors.Is(err, store.ErrUnavailable)
			})
			if lost := errors.Is(err, store.ErrNotFound); lost != (args == nil) || !lost && (err != nil || string(got) != "value") {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

// TestTooFewReplicas: with min-replicas-to-write a primary that has lost its replica takes no writes any more, and what it has can be read.
func TestTooFewReplicas(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many servers")
	}
	t.Parallel()
	set := testserver.NewRedisSentinel(t, 1, "--min-replicas-to-write", "1")
	s, err := larder.Open(t.Context(), set.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Set(t.Context(), "key", []byte("value")); err != nil {
		t.Fatal(err)
	}
	set.Nodes[1].Kill(t)
	eventually(t, "refused", 10*time.Second, func() (string, bool) {
		err := s.Set(t.Context(), "other", []byte("value"))
		if err != nil && !(errors.Is(err, store.ErrUnavailable) && strings.Contains(err.Error(), "min-replicas-to-write")) {
			t.Fatal(err)
		}
		return "", err != nil
	})
	if got, err := s.Get(t.Context(), "key"); err != nil || string(got) != "value" {
		t.Errorf("%q, %v", got, err)
	}
}

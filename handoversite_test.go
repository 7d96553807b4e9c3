package larder_test

import (
	"crypto/rand"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/dbstore"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// TestHandoverSite moves a running site from files to Postgres, in the four steps.
func TestHandoverSite(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no SIGTERM")
	}
	clients, rounds := 60, 1
	if os.Getenv("LARDER_SOAK") != "" {
		clients, rounds = 200, 8
	}
	postgres := testserver.Postgres(t)
	for round := range rounds {
		handoverSite(t, postgres.URL, clients, uint64(time.Now().UnixNano())+uint64(round))
	}
}

func handoverSite(t *testing.T, server string, clients int, seed uint64) {
	dir := quickFolder(t)
	old := "file:" + dir + "/sessions"
	new := server + "?pool_max_conns=4&x-schema=site_" + strings.ToLower(rand.Text()[:8])
	u, err := url.Parse(new)
	if err != nil {
		t.Fatal(err)
	}
	m, err := dbstore.OpenMigrator(t.Context(), u)
	if err == nil {
		_, err = m.Up(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	m.Close()
	siteMove{now: old, next: new, both: handoverURL(old, new, "recheck=200ms"), programs: 3, clients: clients, seed: seed}.run(t)
	noRemains(t, old, new)
}

// noRemains: the old store holds no entry, and the new one none that is a handover's own.
func noRemains(t *testing.T, old, new string) {
	for _, rawURL := range []string{old, new} {
		s, err := larder.Open(t.Context(), rawURL)
		if err != nil {
			t.Fatal(err)
		}
		for info, err := range store.List(t.Context(), s, "") {
			if err != nil {
				t.Error(err)
				continue
			}
			item, err := store.Peek(t.Context(), s, info.Key)
			if err == nil && (rawURL == old || strings.Contains(string(item.Value), "LarderHandover")) {
				t.Errorf("%s holds %d bytes", store.Redact(rawURL), len(item.Value))
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// quickFolder is in memory, where the machine has a place for that: here it is not the disk that is tested.
func quickFolder(t *testing.T) string {
	parent := "/dev/shm"
	if _, err := os.Stat(parent); err != nil {
		parent = ""
	}
	dir, err := os.MkdirTemp(parent, "larder")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.ToSlash(dir)
}

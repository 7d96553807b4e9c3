package layertest

import (
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/dbstore"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

func TestMain(m *testing.M) { os.Exit(testserver.With(m).Run()) }

// postgres makes the table on s and returns the URL of a part of it that is new.
func postgres(t testing.TB, s *testserver.Server, params ...string) string {
	t.Helper()
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	m, err := dbstore.OpenMigrator(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := m.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	return part(s.URL, params...)
}

// part is the URL of a part of a store that nobody else has.
func part(rawURL string, params ...string) string {
	return rawURL + "?" + strings.Join(append(params, "x-prefix="+rand.Text()+":"), "&")
}

func open(t testing.TB, rawURL string) store.Store {
	t.Helper()
	s, err := larder.Open(t.Context(), rawURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

package admin_test

import (
	"fmt"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/admin"
	"github.com/larder-go/larder/dbstore"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// TestEveryBackend: what each can, the handler shows and does.
func TestEveryBackend(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) string{
		"map":  func(*testing.T) string { return "map:?x-touch-after=-1s" },
		"file": func(t *testing.T) string { return "file://" + t.TempDir() + "?x-touch-after=-1s" },
		"bolt": func(t *testing.T) string {
			return "bolt://" + filepath.Join(t.TempDir(), "x.db") + "?x-touch-after=-1s"
		},
		"postgres": func(t *testing.T) string {
			raw := testserver.Postgres(t).URL
			pool, err := pgxpool.New(t.Context(), raw)
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			m, err := dbstore.NewMigrator(pool, &dbstore.MigratorOptions{Schema: "admin"})
			if err == nil {
				_, err = m.Up(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
			return raw + "?x-schema=admin&x-touch-after=-1s"
		},
		"redis":     func(t *testing.T) string { return testserver.Redis(t).URL + "?x-prefix=admin:&x-touch-after=-1s" },
		"memcached": func(t *testing.T) string { return testserver.Memcached(t).URL + "?x-prefix=admin:&x-timeout=1h" },
	} {
		t.Run(name, func(t *testing.T) {
			s, err := larder.Open(t.Context(), open(t))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			for i := range 120 {
				if err := s.Set(t.Context(), fmt.Sprintf("session:%03d", i), []byte("value")); err != nil {
					t.Fatal(err)
				}
			}
			k := serve(t, s, &admin.Options{AllowWrites: true, LeastIdle: -1})
			got := into[stat](k.get("stat"))
			if !got.Complete || len(got.Facts) == 0 || got.Expiry == nil || got.Trouble != "" {
				t.Errorf("%+v", got)
			}
			if !store.CanList(s) {
				k.get("entries").is(501, "unsupported")
				k.get("").is(200, "")
				return
			}
			if *got.Entries != 120 || got.Bytes != 600 || got.Idle[0].Entries != 120 {
				t.Errorf("%+v", got)
			}
			ids := make(map[string]string)
			for after, more := "", true; more; {
				page := into[entries](k.get("entries?limit=50&prefix=session:&after=" + url.QueryEscape(after)))
				for _, e := range page.Entries {
					ids[e.ID] = e.Key
				}
				after, more = page.Next, page.Next != ""
			}
			if store.CanListAfter(s) && len(ids) != 120 {
				t.Errorf("%d entries on the pages", len(ids))
			}
			for id := range ids {
				k.ask("DELETE", "entries/"+id, "").is(200, "")
				break
			}
			for begun := time.Now(); ; { // some count in seconds, or allow for a clock that is off
				if r := into[report](k.ask("POST", "cleanup", `{"idle":0.001,"dry_run":true}`)); r.Removed == 119 {
					break
				} else if time.Since(begun) > 10*time.Second {
					t.Fatalf("%+v", r)
				}
			}
			sweep := func(body string) report { return into[report](k.ask("POST", "cleanup", body)) }
			if r := sweep(`{"idle":0.001,"limit":19}`); r.Removed != 19 || r.Reason != "limit" {
				t.Errorf("%+v", r)
			}
			if n := *into[stat](k.get("stat")).Entries; n != 100 {
				t.Errorf("%d entries are left", n)
			}
			if r := sweep(`{"idle":0.001}`); r.Removed != 100 || !r.Done {
				t.Errorf("%+v", r)
			}
		})
	}
}

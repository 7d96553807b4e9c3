package larder_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.etcd.io/bbolt"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/boltstore"
	"github.com/larder-go/larder/dbstore"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// TestCleanupCommandMemory runs the built command on many dead entries, and a few that live: it removes those and no others, and
// its memory does not grow with them. With LARDER_SOAK=1 there are 1,000,000, and 100,000 files.
func TestCleanupCommandMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("memory is read from /proc")
	}
	files, entries := 2000, 5000
	if os.Getenv("LARDER_SOAK") != "" {
		files, entries = 100_000, 1_000_000
	}
	command := filepath.Join(t.TempDir(), "larder")
	if out, err := exec.Command("go", "build", "-o", command, "./cmd/larder").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, test := range []struct {
		name string
		dead int
		fill func(t *testing.T, dead int) (rawURL string)
	}{
		{"files", files, deadFiles}, {"bbolt", entries, deadBolt}, {"postgres", entries, deadRows},
	} {
		t.Run(test.name, func(t *testing.T) {
			rawURL := test.fill(t, test.dead)
			cmd := exec.Command(command, "cleanup", "--store", rawURL, "--idle", "1h", "--json")
			var out, failed strings.Builder
			cmd.Stdout, cmd.Stderr = &out, &failed
			began := time.Now()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			anon := watchMemory(t, cmd.Process.Pid)
			err := cmd.Wait()
			took, peak := time.Since(began), <-anon
			var report struct{ Removed int }
			if json.Unmarshal([]byte(out.String()), &report); err != nil || report.Removed != test.dead {
				t.Fatalf("removed %d of %d, %v: %s", report.Removed, test.dead, err, failed.String())
			}
			s, err := larder.Open(t.Context(), rawURL)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if left := countKeys(t, s); left != living {
				t.Errorf("%d are left of %d that live", left, living)
			}
			t.Logf("%d entries in %v, with at most %d MB of its own memory", test.dead, took.Round(time.Millisecond), peak>>20)
			if peak > 64<<20 {
				t.Errorf("%d MB of memory", peak>>20)
			}
		})
	}
}

const living = 100

// watchMemory returns the most memory that the process had, apart from what it has mapped of files: a bbolt file is read so, and
// what the system keeps of it in memory is the system's.
func watchMemory(t *testing.T, pid int) <-chan int64 {
	most := make(chan int64, 1)
	go func() {
		var peak int64
		for {
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			if err != nil || !strings.Contains(string(status), "RssAnon") { // it has ended
				most <- peak
				return
			}
			for line := range strings.Lines(string(status)) {
				var kb int64
				if _, err := fmt.Sscanf(line, "RssAnon: %d kB", &kb); err == nil {
					peak = max(peak, kb<<10)
				}
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	return most
}

func countKeys(t *testing.T, s store.Store) (n int) {
	for _, err := range store.List(t.Context(), s, "") {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// fillDead puts entries that nobody has used for hours, and some that live.
func fillDead(t *testing.T, s store.Store, dead, writers int) {
	t.Helper()
	var all sync.WaitGroup
	value := make([]byte, 600)
	for w := range writers {
		all.Go(func() {
			for i := w; i < dead+living; i += writers {
				item := &store.Item{Value: value, Atime: time.Now().Add(-3 * time.Hour)}
				if i < living {
					item.Atime = time.Time{}
				}
				if _, err := store.Swap(t.Context(), s, fmt.Sprintf("%016x", uint64(i)*0x9E3779B97F4A7C15), store.AnyVersion, item); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

func deadFiles(t *testing.T, dead int) string {
	dir, err := os.MkdirTemp("/dev/shm", "larder-test-")
	if err != nil {
		dir = t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s, err := larder.Open(t.Context(), "file:"+dir+"/data")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fillDead(t, s, dead, 4)
	return "file:" + dir + "/data"
}

func deadBolt(t *testing.T, dead int) string {
	path := filepath.Join(t.TempDir(), "data.db")
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s, err := boltstore.New(db, nil)
	if err != nil {
		t.Fatal(err)
	}
	fillDead(t, s, dead, 1000)
	return "bolt:" + path
}

func deadRows(t *testing.T, dead int) string {
	rawURL := testserver.Postgres(t).URL + "?x-schema=sweepsoak"
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	m, err := dbstore.OpenMigrator(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.Close()
	pool, err := pgxpool.New(t.Context(), testserver.Postgres(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		pool.Exec(context.Background(), "DROP SCHEMA sweepsoak CASCADE")
		pool.Close()
	})
	_, err = pool.Exec(t.Context(), `INSERT INTO sweepsoak.larder_entries SELECT convert_to(md5(i::text), 'UTF8'), convert_to(rpad('', 600, md5(i::text)), 'UTF8'),
		CASE WHEN i <= $2 THEN now() ELSE now() - interval '3 hours' END, NULL, decode(md5(i::text), 'hex') FROM generate_series(1, $1) AS i`, dead+living, living)
	if err != nil {
		t.Fatal(err)
	}
	return rawURL
}

package diskstore_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/larder-go/larder/diskstore"
	"github.com/larder-go/larder/internal/traits"
	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest"
)

// suite remembers how the stores of a run were opened, for the hooks.
type suite struct {
	sync.Mutex
	opened map[store.Store]opening
}

type opening struct {
	dir     string
	options diskstore.Options
}

func (c *suite) open(t *testing.T, o opening) store.Store {
	s := open(t, o.dir, &o.options)
	c.Lock()
	defer c.Unlock()
	c.opened[s] = o
	return s
}

func (c *suite) of(s store.Store) opening {
	c.Lock()
	defer c.Unlock()
	return c.opened[s]
}

const suiteMaxValue = 1_000_000

func (c *suite) config() storetest.Config {
	c.opened = make(map[store.Store]opening)
	return storetest.Config{
		New: func(t *testing.T, e store.Expiry) store.Store {
			return c.open(t, opening{memoryDir(t), diskstore.Options{Expiry: e, MaxValue: suiteMaxValue}})
		},
		Reopen: func(t *testing.T, s store.Store) store.Store { return c.open(t, c.of(s)) },
		Corrupt: func(t *testing.T, s store.Store, key string) {
			damage(t, entryFile(c.of(s).dir, key))
		},
		MaxValue: suiteMaxValue,
		Lacks:    traits.Of("file").Lacks,
		Timeout:  200 * time.Millisecond, // for where memoryDir is on a disk that others use too
	}
}

// memoryDir is a new folder in memory, where there is such a file system: the suite is about behaviour, and the syncs of a busy disk
// would only make it slow.
func memoryDir(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "larder-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// entryFile is where the entry under key is.
func entryFile(dir, key string) string {
	name := fileName(key)
	return filepath.Join(dir, name[:2], name)
}

// damage turns a bit in each byte of a file.
func damage(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		data[i] ^= 0x10
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, info.ModTime()); err != nil {
		t.Fatal(err)
	}
}

func TestConformance(t *testing.T) { storetest.Run(t, new(suite).config()) }

// TestConformanceBubble runs the suite on a clock of its own, where the borders of time can be tested to the nanosecond.
func TestConformanceBubble(t *testing.T) {
	cfg := new(suite).config()
	cfg.Bubble = true
	storetest.Run(t, cfg)
}

// TestTraits: what the README says of the largest value is so.
func TestTraits(t *testing.T) {
	limit := traits.Of("file").MaxValue
	s := open(t, memoryDir(t), nil)
	if err := s.Set(t.Context(), "key", make([]byte, limit)); err != nil {
		t.Error(err)
	}
	if err := s.Set(t.Context(), "key", make([]byte, limit+1)); !errors.Is(err, store.ErrTooLarge) {
		t.Error(err)
	}
}

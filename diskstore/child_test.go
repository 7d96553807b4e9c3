package diskstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/larder-go/larder/diskstore"
	"github.com/larder-go/larder/store"
)

// The test binary runs itself again where a test needs another process: the role and its arguments come in the environment.
const roleEnv = "LARDER_DISKSTORE_TEST"

type role struct {
	Name string // one of the keys of roles
	Dir  string
	Op   string
	Key  string
	N    int
	Size int
	Time time.Duration

	MaxFile, MaxFiles uint64 // limits of the process, if not 0: size of a file, and open files
}

func TestMain(m *testing.M) {
	text := os.Getenv(roleEnv)
	if text == "" {
		os.Exit(m.Run())
	}
	var r role
	err := json.Unmarshal([]byte(text), &r)
	if err == nil {
		err = r.run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func (r role) command(t testing.TB, wrapper ...string) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	args := append(wrapper, os.Args[0])
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Env = append(os.Environ(), roleEnv+"="+string(text), "GOCOVERDIR="+os.TempDir())
	return cmd
}

func (r role) run() error {
	ctx := context.Background()
	switch r.Name {
	case "count": // add 1 to a counter, N times
		return r.with(nil, func(s *diskstore.Store) error {
			for range r.N {
				err := store.Update(ctx, s, r.Key, func(old *store.Item) (*store.Item, error) {
					n := 0
					if old != nil {
						n, _ = strconv.Atoi(string(old.Value))
					}
					return &store.Item{Value: strconv.AppendInt(nil, int64(n+1), 10)}, nil
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	case "sweep": // sweep for a while
		return r.with(&diskstore.Options{Expiry: raceExpiry}, func(s *diskstore.Store) error {
			for end := time.Now().Add(r.Time); time.Now().Before(end); {
				if _, err := s.Cleanup(ctx, 0); err != nil {
					return err
				}
			}
			return nil
		})
	case "open":
		return r.with(&diskstore.Options{AllowNetworkFS: r.Op == "allow"}, func(*diskstore.Store) error { return nil })
	case "op":
		return r.fault(ctx)
	}
	return fmt.Errorf("no role %q", r.Name)
}

func (r role) with(o *diskstore.Options, fn func(*diskstore.Store) error) error {
	s, err := diskstore.Open(r.Dir, o)
	if err != nil {
		return err
	}
	defer s.Close()
	return fn(s)
}

// fault does one operation, on a thread that does nothing else once it has made the call that marks the beginning, and prints how it went.
func (r role) fault(ctx context.Context) error {
	runtime.LockOSThread()
	s, err := diskstore.Open(r.Dir, nil)
	if err != nil {
		return err
	}
	os.Stat(beginMark)
	if err := r.limit(); err != nil {
		return err
	}
	switch r.Op {
	case "set":
		err = s.Set(ctx, r.Key, value(r.Size, r.N))
	case "delete":
		err = s.Delete(ctx, r.Key)
	}
	var o outcome
	if err != nil {
		o.Text = err.Error()
		o.Unavailable = errors.Is(err, store.ErrUnavailable)
		o.Errno = errnoOf(err)
	}
	return json.NewEncoder(os.Stdout).Encode(o)
}

const beginMark = "/larder-test-begin"

type outcome struct {
	Text        string
	Unavailable bool
	Errno       int
}

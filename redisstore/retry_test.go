package redisstore

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// A reply is lost after the server has done what it was asked. What demands a version is asked again, and finds its own work; nothing else is.
func TestLostReply(t *testing.T) {
	server := testserver.Redis(t)
	item := &store.Item{Value: []byte("new")}
	lose := func(t *testing.T, command string) (*Store, store.Version, *atomic.Int64) {
		client := newClient(t, server.Addr)
		s := open(t, client, store.Expiry{Timeout: time.Hour})
		mustSet(t, s, "key", "old")
		if _, err := s.Swap(t.Context(), "before", "", &store.Item{}); err != nil { // the server knows the script from now on
			t.Fatal(err)
		}
		old, err := store.Peek(t.Context(), s, "key")
		if err != nil {
			t.Fatal(err)
		}
		return s, old.Version, loseNext(client, command, io.EOF)
	}
	unknown := func(t *testing.T, err error) {
		t.Helper()
		if !errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrConflict) {
			t.Errorf("%v; want ErrUnavailable: nobody knows", err)
		}
	}
	t.Run("swap", func(t *testing.T) {
		s, old, sent := lose(t, "evalsha")
		v, err := s.Swap(t.Context(), "key", old, item)
		if err != nil || v == "" || sent.Load() != 2 {
			t.Errorf("Swap = %q, %v after %d attempts", v, err, sent.Load())
		}
		if got, err := store.Peek(t.Context(), s, "key"); err != nil || got.Version != v || string(got.Value) != "new" {
			t.Errorf("it holds %+v, %v", got, err)
		}
	})
	t.Run("swap, overtaken", func(t *testing.T) {
		s, old, _ := lose(t, "evalsha")
		other := open(t, newClient(t, server.Addr), s.expiry, func(o *Options) { o.Prefix = s.prefix })
		var once sync.Once
		s.client.AddHook(hook{func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			err := next(ctx, cmd)
			if cmd.Name() == "evalsha" { // between the two attempts
				once.Do(func() { mustSet(t, other, "key", "another's") })
			}
			return err
		}})
		_, err := s.Swap(t.Context(), "key", old, item)
		unknown(t, err)
		wantValue(t, other, "key", "another's")
	})
	t.Run("remove", func(t *testing.T) {
		s, old, _ := lose(t, "evalsha")
		_, err := s.Swap(t.Context(), "key", old, nil)
		unknown(t, err)
	})
	for name, do := range map[string]func(s *Store) error{
		"create":          func(s *Store) error { _, err := s.Swap(t.Context(), "another", "", item); return err },
		"any version":     func(s *Store) error { _, err := s.Swap(t.Context(), "key", store.AnyVersion, item); return err },
		"any version out": func(s *Store) error { _, err := s.Swap(t.Context(), "key", store.AnyVersion, nil); return err },
	} {
		t.Run(name, func(t *testing.T) {
			s, _, sent := lose(t, "evalsha")
			unknown(t, do(s))
			if sent.Load() != 1 {
				t.Errorf("sent %d times", sent.Load())
			}
		})
	}
	t.Run("set", func(t *testing.T) {
		s, _, sent := lose(t, "set")
		if unknown(t, s.Set(t.Context(), "key", nil)); sent.Load() != 1 {
			t.Errorf("sent %d times", sent.Load())
		}
	})
	t.Run("delete", func(t *testing.T) {
		s, _, sent := lose(t, "del")
		if unknown(t, s.Delete(t.Context(), "key")); sent.Load() != 1 {
			t.Errorf("sent %d times", sent.Load())
		}
	})
	t.Run("get", func(t *testing.T) {
		s, _, sent := lose(t, "get")
		if wantValue(t, s, "key", "old"); sent.Load() != 2 {
			t.Errorf("sent %d times", sent.Load())
		}
	})
}

// The client's own retries, three unless somebody has set them otherwise, are off: a server that takes a command and breaks the
// connection gets each write once.
func TestClientDoesNotRepeatWrites(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	heard := map[string]int{}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				buf := make([]byte, 4096)
				for {
					n, err := c.Read(buf)
					if err != nil {
						return
					}
					words := strings.Split(string(buf[:n]), "\r\n")
					command := strings.ToLower(words[2])
					mu.Lock()
					heard[command]++
					mu.Unlock()
					switch {
					case command == "set" || command == "del":
						return // having done it, perhaps
					case command == "evalsha":
						io.WriteString(c, "*2\r\n:0\r\n:1700000000000000\r\n")
					default: // the client makes itself known
						io.WriteString(c, "-ERR unknown command\r\n")
					}
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	client := redis.NewClient(&redis.Options{Addr: l.Addr().String(), Protocol: 2, DisableIdentity: true})
	t.Cleanup(func() { client.Close() })
	s := open(t, client, store.Expiry{})
	for command, do := range map[string]func() error{
		"set": func() error { return s.Set(t.Context(), "key", []byte("value")) },
		"del": func() error { return s.Delete(t.Context(), "key") },
	} {
		if err := do(); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: %v; want ErrUnavailable", command, err)
		}
		mu.Lock()
		if heard[command] != 1 {
			t.Errorf("the server has heard %s %d times", command, heard[command])
		}
		mu.Unlock()
	}
}

// Connections that stand idle while the server restarts are found out: the reads after it all succeed.
func TestRestart(t *testing.T) {
	server := testserver.NewRedis(t)
	s := openRaw(t, "redis://"+server.Addr)
	warm := func(wrong func(error) bool) {
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if _, err := s.Get(t.Context(), "key"); wrong(err) {
					t.Errorf("Get: %v", err)
				}
			})
		}
		wg.Wait()
	}
	for range 3 {
		mustSet(t, s, "key", "value")
		warm(func(err error) bool { return err != nil })
		server.Kill(t)
		server.Start(t)
		warm(func(err error) bool { return err != store.ErrNotFound })
		mustSet(t, s, "key", "value")
		wantValue(t, s, "key", "value")
		if err := s.Touch(t.Context(), "key"); err != nil { // the new server does not know the scripts
			t.Errorf("Touch: %v", err)
		}
	}
}

func TestBroken(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{io.EOF, true}, {syscall.ECONNRESET, true}, {&net.OpError{Op: "write", Err: syscall.EPIPE}, true},
		{context.Canceled, false}, {context.DeadlineExceeded, false}, {redis.ErrClosed, false}, {redis.ErrPoolTimeout, false},
		{redis.Nil, false}, {redis.ErrNoScript, false}, {&net.OpError{Op: "read", Err: timeoutError{}}, false},
	} {
		if got := broken(c.err); got != c.want {
			t.Errorf("broken(%v) = %v", c.err, got)
		}
	}
}

type timeoutError struct{}

func (timeoutError) Error() string   { return "i/o timeout" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }

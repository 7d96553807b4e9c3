package store_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/store"
)

// logger writes what it logs to out, without the time.
func logger(out io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

func TestLogObserver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		ctx := t.Context()
		m := store.NewMap(&store.MapOptions{MaxValue: 100})
		const fine, warned = slog.LevelDebug, slog.LevelWarn
		for _, test := range []struct {
			call  func(s store.Store)
			level slog.Level
			text  string
		}{
			{func(s store.Store) { s.Set(ctx, "secret-key", []byte("secret-value")) }, fine, `level=DEBUG msg="store operation" op=set outcome=ok duration=0s bytes=12`},
			{func(s store.Store) { s.Get(ctx, "secret-key") }, fine, `level=DEBUG msg="store operation" op=get outcome=ok duration=0s bytes=12`},
			{func(s store.Store) { s.Get(ctx, "secret-none") }, fine, `level=DEBUG msg="store operation" op=get outcome=not_found duration=0s`},
			{func(s store.Store) { store.Swap(ctx, s, "secret-key", "", nil) }, fine, `level=DEBUG msg="store operation" op=swap outcome=conflict duration=0s`},
			{func(s store.Store) { s.Set(ctx, "secret-key", make([]byte, 101)) }, warned, `level=WARN msg="store operation failed" op=set outcome=too_large duration=0s err="store: set: value too large: 101 bytes, the limit is 100"`},
			{func(s store.Store) { s.Delete(ctx, "down") }, warned, `level=WARN msg="store operation failed" op=delete outcome=unavailable duration=0s err="test: delete: store unavailable"`},
			{func(s store.Store) { s.Delete(ctx, "slow") }, warned, `level=WARN msg="slow store operation" op=delete outcome=ok duration=1s`},
			{func(s store.Store) { s.Cleanup(ctx, time.Hour) }, fine, `level=DEBUG msg="store operation" op=cleanup outcome=ok duration=1s`},
		} {
			for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo} {
				out.Reset()
				test.call(store.Observe(moody{m}, store.NewLogObserver(logger(&out, level), nil)))
				got := strings.TrimSpace(out.String())
				want := test.text
				if level > test.level {
					want = ""
				}
				if got != want {
					t.Errorf("%v: got  %s\nwant %s", level, got, want)
				}
				if strings.Contains(got, "secret") {
					t.Errorf("a key or value was logged: %s", got)
				}
			}
		}

		out.Reset()
		quiet := store.Observe(moody{m}, store.NewLogObserver(logger(&out, slog.LevelInfo), &store.LogOptions{Slow: -1}))
		if quiet.Delete(ctx, "slow"); out.Len() > 0 {
			t.Errorf("nothing is too slow, but %s", &out)
		}
	})
}

// moody is down for one key and slow for another.
type moody struct{ *store.Map }

func (s moody) Delete(ctx context.Context, key string) error {
	switch key {
	case "down":
		return store.Wrap("test", "delete", store.ErrUnavailable)
	case "slow":
		time.Sleep(time.Second)
	}
	return s.Map.Delete(ctx, key)
}

func (s moody) Cleanup(ctx context.Context, idle time.Duration) (int, error) {
	time.Sleep(time.Second)
	return s.Map.Cleanup(ctx, idle)
}

func ExampleNewLogObserver() {
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "duration" { // which differ each time
			return slog.Attr{}
		}
		return a
	}}))
	m := store.NewMap(&store.MapOptions{MaxValue: 1000})
	s := store.Observe(m, store.NewLogObserver(log, nil))

	ctx := context.Background()
	s.Set(ctx, "session:8f3a", []byte("alice")) // fine: only at debug level
	err := s.Set(ctx, "session:8f3a", make([]byte, 1001))
	if errors.Is(err, store.ErrTooLarge) {
		s.Get(ctx, "session:8f3a")
	}
	// Output:
	// level=WARN msg="store operation failed" op=set outcome=too_large err="store: set: value too large: 1001 bytes, the limit is 1000"
}

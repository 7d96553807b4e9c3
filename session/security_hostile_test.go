package session_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/interleave"
	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// hostileActions are what a request may do that meets bytes which somebody has put into the store.
var hostileActions = map[string]action{
	"read": func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		names := s.Keys()
		for _, name := range names[:min(len(names), 10)] { // each is a walk over all
			s.Has(name)
		}
		session.Get[any](s, "mark")
		session.Get[[]any](s, "mark")
		session.Get[map[string]any](s, "mark")
		session.Get[string](s, "mark")
		s.Flashes()
		fmt.Fprint(io.Discard, s.Info(), s.Subject(), s.Err())
	},
	"set":   func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Set("mark", 1); s.Flash("hello") },
	"clear": func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Clear(); s.Set("new", 1) },
	"renew": func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Renew(); s.Set("mark", 1) },
	"login": func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.SetSubject("alice")
		s.Set("mark", 1)
	},
	"remember": func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Remember(0) },
	"destroy":  func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Destroy(); s.Set("mark", 1) },
}

// TestHostileBytesInTheStore puts everything that is not what the manager writes where the manager looks. No request may panic, take long,
// ask the store without end, or take memory out of proportion to what it was given.
func TestHostileBytesInTheStore(t *testing.T) {
	id := randomBytes(32)
	token := sign(raceKeys[0], hostCookie, id)
	tries := 0
	for _, plant := range hostilePlants(id) {
		for name, act := range hostileActions {
			for range share(3, 1) {
				if tries++; tries%share(1, 3) != 0 {
					continue
				}
				policy := session.Unreadable(tries / share(1, 3) % 3)
				what := fmt.Sprintf("%s, %s, policy %d", plant.name, name, policy)
				s, calls, size := store.NewMap(nil), 0, 0
				for key, value := range plant.entries {
					check(t, s.Set(t.Context(), key, value))
					size += len(value)
				}
				counting := &interleave.Store{Under: s, Around: func(_ context.Context, _ interleave.Call, call func() error) error {
					calls++
					return call()
				}}
				m := manage(t, counting, session.Options{Unreadable: policy, Devices: true})
				calls = 0
				within(t, what, size, func() {
					if a, trace := visitOrPanic(t, m, act, token); trace != "" || a.code != http.StatusOK && a.code != http.StatusConflict && a.code != http.StatusInternalServerError {
						t.Errorf("%s: status %d\n%s", what, a.code, trace)
					}
					m.Sessions(t.Context(), "alice")
					m.Revoke(t.Context(), "alice", strings.Repeat("A", 16))
					if err := m.RevokeAll(t.Context(), "alice"); err != nil {
						t.Errorf("%s: RevokeAll: %v", what, err)
					}
				})
				if calls > 60 {
					t.Errorf("%s: %d calls of the store", what, calls)
				}
				if t.Failed() {
					return
				}
			}
		}
	}
}

// within bounds time and memory, roughly: machines are busy, and all that was ever allocated counts, not what was held at once.
func within(t *testing.T, what string, size int, act func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begun := time.Now()
	act()
	took := time.Since(begun)
	runtime.ReadMemStats(&after)
	if took > 20*time.Second {
		t.Errorf("%s: it takes %v", what, took)
	}
	if got, most := after.TotalAlloc-before.TotalAlloc, uint64(8<<20+400*size); got > most {
		t.Errorf("%s: %d bytes from the store cost %d bytes of memory", what, size, got)
	}
}

// TestDamagedRecords alters records that are sound, byte by byte and at random: they are read, or they are unreadable, and that is all.
func TestDamagedRecords(t *testing.T) {
	s := store.NewMap(nil)
	m := manage(t, s, session.Options{Devices: true, Grace: time.Hour})
	plain := marked(t, m, "mark", "here")
	token := renewed(t, m, logInAs(t, m, "alice", plain))
	sound := map[string][]byte{}
	for info, err := range s.List(t.Context(), "") {
		value, getErr := s.Get(t.Context(), info.Key)
		if err != nil || getErr != nil {
			t.Fatal(err, getErr)
		}
		sound[info.Key] = value
	}
	rng := rand.New(rand.NewPCG(7, 7))
	try := func(key string, value []byte) {
		for key, value := range sound {
			s.Set(t.Context(), key, value)
		}
		s.Set(t.Context(), key, value)
		for _, token := range []string{plain, token} {
			if _, trace := visitOrPanic(t, m, hostileActions["read"], token); trace != "" {
				t.Fatalf("%q: %x\n%s", key[:10], value, trace)
			}
			if _, trace := visitOrPanic(t, m, hostileActions["set"], token); trace != "" {
				t.Fatalf("%q: %x\n%s", key[:10], value, trace)
			}
		}
		m.Sessions(t.Context(), "alice")
	}
	for key, value := range sound {
		for n := 0; n < len(value); n += share(1, 5) {
			try(key, value[:n])
			damaged := bytes.Clone(value)
			damaged[n] ^= 1 << rng.IntN(8)
			try(key, damaged)
		}
		for range share(5000, 100) {
			damaged := bytes.Clone(value)
			for range 1 + rng.IntN(4) {
				damaged[rng.IntN(len(damaged))] = byte(rng.IntN(256))
			}
			try(key, append(damaged, make([]byte, rng.IntN(3))...))
		}
	}
}

// TestDestroyMeetsALoop: what a session has become while it is destroyed may be aliases that lead in a circle, or on for ever.
func TestDestroyMeetsALoop(t *testing.T) {
	for name, length := range map[string]int{"itself": 1, "two": 2, "a long chain": 20_000} {
		t.Run(name, func(t *testing.T) {
			s, calls, armed := store.NewMap(nil), 0, false
			counting := &interleave.Store{Under: s}
			m := manage(t, s, session.Options{})
			token := marked(t, m, "mark", "here")
			id := idOf(t, token)
			counting.Around = func(ctx context.Context, c interleave.Call, call func() error) error {
				if calls++; armed && c.Op == "swap" && c.New == nil {
					armed = false
					chain := [][]byte{idHash(id)}
					for len(chain) < length {
						chain = append(chain, randomBytes(32))
					}
					for n := range chain {
						check(t, s.Set(ctx, "session:s:"+b64.EncodeToString(chain[n]), aliasTo(chain[(n+1)%length], time.Hour, 0)))
					}
				}
				return call()
			}
			m = manage(t, counting, session.Options{SaveTimeout: 5 * time.Second})
			armed, calls = true, 0
			within(t, name, 100*length, func() {
				a, trace := visitOrPanic(t, m, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Destroy() }, token)
				if trace != "" || a.code != http.StatusOK && a.code != http.StatusInternalServerError && a.code != http.StatusServiceUnavailable {
					t.Errorf("status %d\n%.2000s", a.code, trace)
				}
			})
			if calls > 1000 {
				t.Errorf("%d calls of the store", calls)
			}
			if mark, _, _ := look(t, m, token); mark != "" {
				t.Error("the session can still be read")
			}
		})
	}
}

// TestHostileKey: what stands where the manager keeps its key is a key, or New says so.
func TestHostileKey(t *testing.T) {
	for name, value := range map[string][]byte{"nothing": {}, "garbage": []byte("garbage"), "short": []byte("LS\x01K123"), "long": append([]byte("LS\x01K"), make([]byte, 1<<20)...),
		"zeros": append([]byte("LS\x01K"), make([]byte, 32)...), "a session": sessionRecord(nil, 0), "an alias": aliasTo(make([]byte, 32), time.Hour, 0)} {
		s := store.NewMap(nil)
		check(t, s.Set(t.Context(), "session:key", value))
		if _, err := session.New(s, &session.Options{Logger: slog.New(slog.DiscardHandler)}); err == nil || name == "garbage" && !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%s: New says %v", name, err)
		}
	}
}

// Package modelcheck checks stores against models of the contract: one client against a plain map, with rapid, and many
// clients at once for linearizability, with porcupine. It stands apart from store/storetest, which has the standard library only.
package modelcheck

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/larder-go/larder/store"
)

// Expiry is what the stores under test are opened with. No test waits for it: Swap gives entries an atime in the past.
var Expiry = store.Expiry{Timeout: time.Hour, TouchAfter: time.Minute}

// Model runs random calls on empty stores and on a plain map, and compares every answer. What a store does not promise is not asked of
// it: one that cannot list need not know an atime, one that cannot sweep only says so, and of one that forgets by itself (the server
// expires entries, or who finds one absent removes it) no sweep needs to count what is absent.
func Model(t *testing.T, forgets bool, open func(t testing.TB) store.Store) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{s: open(t), ctx: t.Context(), forgets: forgets, entries: make(map[string]*store.Item)}
		m.lists, m.sweeps = store.CanList(m.s), store.CanSweep(m.s)
		if c, ok := m.s.(interface{ Close() error }); ok {
			defer c.Close()
		}
		rt.Repeat(map[string]func(*rapid.T){
			"":         m.check,
			"contains": m.contains,
			"get":      m.get,
			"load":     m.load,
			"peek":     m.peek,
			"touch":    m.touch,
			"set":      m.set,
			"delete":   m.delete,
			"swap":     m.swap,
			"update":   m.update,
			"sweep":    m.sweep,
			"cleanup":  m.cleanup,
		})
	})
}

// Clear empties a store on which Model ran before.
func Clear(t testing.TB, s store.Store) {
	for _, key := range keyNames {
		if err := s.Delete(context.Background(), key); err != nil {
			t.Fatal(err)
		}
	}
}

type model struct {
	s       store.Store
	ctx     context.Context
	lists   bool
	sweeps  bool
	forgets bool
	entries map[string]*store.Item // what the store holds, absent entries that nobody has swept included
}

var (
	keyNames = []string{"a", "a/b", "A", "a ", "ä", "a\u0308", "..", "x:1", "x:2", strings.Repeat("k", store.MaxKeyLen)}

	keys   = rapid.SampledFrom(keyNames)
	values = rapid.SliceOfN(rapid.Byte(), 0, 64)
	sizes  = rapid.SampledFrom([]int{0, 0, 1, 4000, 4096, 70_000})
	ages   = rapid.SampledFrom([]time.Duration{0, -time.Hour, 30 * time.Second, 45 * time.Minute, 2 * time.Hour})
	lives  = rapid.SampledFrom([]time.Duration{0, 0, 0, -time.Second, time.Hour})
	idles  = rapid.SampledFrom([]time.Duration{-time.Second, 0, 30 * time.Minute, 3 * time.Hour})
)

func drawValue(t *rapid.T) []byte {
	return append(values.Draw(t, "value"), make([]byte, sizes.Draw(t, "padding"))...)
}

// absent is the rule, spelled out again rather than taken from package store.
func absent(item *store.Item) bool {
	return !item.Expires.IsZero() && !time.Now().Before(item.Expires) || time.Since(item.Atime) > Expiry.Timeout+Expiry.TouchAfter
}

// live returns the live entry under key, or nil, and as a use refreshes it.
func (m *model) live(key string, use bool) *store.Item {
	item := m.entries[key]
	if item == nil || absent(item) {
		return nil
	}
	if use && time.Since(item.Atime) > Expiry.TouchAfter {
		item.Atime = time.Now()
	}
	return item
}

func (m *model) contains(t *rapid.T) {
	key := keys.Draw(t, "key")
	got, err := m.s.Contains(m.ctx, key)
	if err != nil || got != (m.live(key, false) != nil) {
		t.Fatalf("Contains: %v, %v", got, err)
	}
}

func (m *model) get(t *rapid.T) {
	key := keys.Draw(t, "key")
	got, err := m.s.Get(m.ctx, key)
	if want := m.live(key, true); want == nil {
		notFound(t, err)
	} else if err != nil || string(got) != string(want.Value) {
		t.Fatalf("Get: %d bytes, %v; want %d bytes", len(got), err, len(want.Value))
	}
}

func (m *model) load(t *rapid.T) { m.item(t, store.Load, true) }
func (m *model) peek(t *rapid.T) { m.item(t, store.Peek, false) }

func (m *model) item(t *rapid.T, call func(context.Context, store.Store, string) (*store.Item, error), use bool) {
	key := keys.Draw(t, "key")
	got, err := call(m.ctx, m.s, key)
	want := m.live(key, use)
	if want == nil {
		notFound(t, err)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if want.Version == "" { // Set does not tell it
		want.Version = got.Version
	}
	if string(got.Value) != string(want.Value) || got.Version != want.Version || !got.Expires.Equal(want.Expires) || !m.knows(got.Atime, want.Atime) {
		t.Fatalf("got version %s atime %v expires %v and %d bytes, want %s, %v, %v, %d", got.Version, got.Atime, got.Expires, len(got.Value),
			want.Version, want.Atime, want.Expires, len(want.Value))
	}
}

// knows compares atimes, where the store has them.
func (m *model) knows(got, want time.Time) bool { return !m.lists && got.IsZero() || near(got, want) }

func near(a, b time.Time) bool { return a.Sub(b).Abs() < 20*time.Second }

func (m *model) touch(t *rapid.T) {
	key := keys.Draw(t, "key")
	err := store.Touch(m.ctx, m.s, key)
	if m.live(key, true) == nil {
		notFound(t, err)
	} else if err != nil {
		t.Fatal(err)
	}
}

func notFound(t *rapid.T, err error) {
	t.Helper()
	if err != store.ErrNotFound {
		t.Fatalf("error %v, want ErrNotFound", err)
	}
}

func (m *model) set(t *rapid.T) {
	key, value := keys.Draw(t, "key"), drawValue(t)
	if err := m.s.Set(m.ctx, key, value); err != nil {
		t.Fatal(err)
	}
	m.entries[key] = &store.Item{Value: value, Atime: time.Now()}
}

func (m *model) delete(t *rapid.T) {
	key := keys.Draw(t, "key")
	if err := m.s.Delete(m.ctx, key); err != nil {
		t.Fatal(err)
	}
	delete(m.entries, key)
}

func (m *model) swap(t *rapid.T) {
	key := keys.Draw(t, "key")
	have := store.Version("")
	if item := m.live(key, false); item != nil {
		if item.Version == "" {
			seen, err := store.Peek(m.ctx, m.s, key)
			if err != nil {
				t.Fatal(err)
			}
			item.Version = seen.Version
		}
		have = item.Version
	}
	old := rapid.SampledFrom([]store.Version{have, have, have, "", store.AnyVersion, store.NewVersion()}).Draw(t, "old")
	var item *store.Item
	if rapid.IntRange(0, 4).Draw(t, "remove") > 0 {
		item = &store.Item{Value: drawValue(t), Version: "ignored"}
		if age := ages.Draw(t, "age"); age != 0 {
			item.Atime = time.Now().Add(-age)
		}
		if life := lives.Draw(t, "life"); life != 0 {
			item.Expires = time.Now().Truncate(time.Microsecond).Add(life) // a store may count in microseconds
		}
	}
	version, err := store.Swap(m.ctx, m.s, key, old, item)
	switch {
	case old != have && old != store.AnyVersion:
		if !errors.Is(err, store.ErrConflict) {
			t.Fatalf("Swap of another version: %v", err)
		}
	case err != nil:
		t.Fatal(err)
	case item == nil:
		if version != "" {
			t.Fatalf("removal returned version %q", version)
		}
		if old != "" || !m.forgets { // what is absent may stay until a sweep, which then counts it
			delete(m.entries, key)
		}
	default:
		item.Version = version
		if item.Atime.IsZero() || item.Atime.After(time.Now()) {
			item.Atime = time.Now()
		}
		m.entries[key] = item
	}
}

func (m *model) update(t *rapid.T) {
	key, value := keys.Draw(t, "key"), drawValue(t)
	var expires time.Time
	if err := store.Update(m.ctx, m.s, key, func(old *store.Item) (*store.Item, error) {
		if (old != nil) != (m.live(key, false) != nil) {
			t.Fatalf("Update found %v", old)
		}
		if old != nil {
			expires = old.Expires
		}
		return &store.Item{Value: value, Expires: expires}, nil
	}); err != nil {
		t.Fatal(err)
	}
	m.entries[key] = &store.Item{Value: value, Expires: expires, Atime: time.Now()}
}

func (m *model) sweep(t *rapid.T) {
	o := store.SweepOptions{Idle: idles.Draw(t, "idle"), Batch: rapid.IntRange(0, 2).Draw(t, "batch"), DryRun: rapid.Bool().Draw(t, "dry run"),
		Prefix: rapid.SampledFrom([]string{"", "a", "x:", "none"}).Draw(t, "prefix")}
	r, err := store.Sweep(m.ctx, m.s, o)
	if !m.sweeps && (o.DryRun || m.cannot(o.Idle)) {
		unsupported(t, err)
		return
	}
	if least, most := m.due(o.Idle, o.Prefix, o.DryRun); err != nil || r.Removed < least || r.Removed > most || !r.Done {
		t.Fatalf("Sweep(%+v) = %+v, %v; want %d to %d removed", o, r, err, least, most)
	}
}

func (m *model) cleanup(t *rapid.T) {
	idle := idles.Draw(t, "idle")
	n, err := m.s.Cleanup(m.ctx, idle)
	if !m.sweeps && m.cannot(idle) {
		unsupported(t, err)
		return
	}
	if least, most := m.due(idle, "", false); err != nil || n < least || n > most {
		t.Fatalf("Cleanup(%v) = %d, %v; want %d to %d", idle, n, err, least, most)
	}
}

// cannot reports whether a store that leaves sweeping to its server would have to sweep for this.
func (m *model) cannot(idle time.Duration) bool { return idle > 0 && idle < Expiry.Timeout }

func unsupported(t *rapid.T, err error) {
	t.Helper()
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Fatalf("error %v, want ErrUnsupported", err)
	}
}

// due removes from the model what a sweep must remove, and counts it: at least what nobody else removes, at most all.
func (m *model) due(idle time.Duration, prefix string, dryRun bool) (least, most int) {
	for key, item := range m.entries {
		old := idle > 0 && time.Since(item.Atime) > idle+Expiry.TouchAfter
		if !strings.HasPrefix(key, prefix) || prefix != "" && key == prefix || !absent(item) && !old {
			continue
		}
		if most++; !m.forgets || !absent(item) {
			least++
		}
		if !dryRun {
			delete(m.entries, key)
		}
	}
	return least, most
}

// check compares a listing of everything, or where the store has none, what it says of each key.
func (m *model) check(t *rapid.T) {
	if !m.lists {
		for _, key := range keyNames {
			if got, err := m.s.Contains(m.ctx, key); err != nil || got != (m.live(key, false) != nil) {
				t.Fatalf("Contains(%q): %v, %v", key, got, err)
			}
		}
		return
	}
	var got, want []string
	for info, err := range store.List(m.ctx, m.s, "") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%q %d %v", info.Key, info.Size, info.Expires.UnixNano()))
		if item := m.entries[info.Key]; item == nil || !near(info.Atime, item.Atime) {
			t.Fatalf("listed %+v, have %v", info, item)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(m.entries)) {
		if item := m.live(key, false); item != nil {
			want = append(want, fmt.Sprintf("%q %d %v", key, len(item.Value), item.Expires.UnixNano()))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("listed %q, want %q", got, want)
	}
}

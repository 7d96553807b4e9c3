package session

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/codec"
	"github.com/larder-go/larder/store"
)

type badName struct{ codec.Codec }

func (badName) Name() string { return "Bad Name" }

// TestBadOptions: each is refused by New, with the name of the field.
func TestBadOptions(t *testing.T) {
	key := [][]byte{testKey}
	for want, options := range map[string][]Options{
		"Idle":        {{Idle: -1}},
		"Lifetime":    {{Lifetime: -1}},
		"RememberFor": {{RememberFor: -1}},
		"SaveTimeout": {{SaveTimeout: -1}},
		"TouchAfter":  {{TouchAfter: 24 * time.Hour}, {Idle: time.Hour, TouchAfter: 2 * time.Hour}},
		"MaxSessions": {{MaxSessions: -1}},
		"Unreadable":  {{Unreadable: -1}, {Unreadable: Quarantine + 1}},
		"Outage":      {{Outage: -1}, {Outage: Anonymous + 1}},
		"Keys": {{Keys: [][]byte{}}, {Keys: [][]byte{make([]byte, 31)}}, {Keys: [][]byte{make([]byte, 32)}}, {Keys: [][]byte{testKey, nil}},
			{Keys: [][]byte{testKey, []byte("too short")}}, {Keys: [][]byte{[]byte(strings.Repeat("x", 64))}}},
		"Prefix": {{Prefix: strings.Repeat("p", 513)}, {Prefix: "\xff"}, {Prefix: "a\x00b"}},
		"Header": {{Header: "Session Token"}, {Header: "Ünicode"}, {Header: "X:"}, {Header: "cookie"}, {Header: "X-Session", Cookie: Cookie{Name: "x"}}},
		"Codec":  {{Codec: badName{codec.JSON}}, {Codecs: []codec.Codec{badName{codec.JSON}}}},
		"Merge":  {{Merge: map[string]Merger{"cart": {}}}, {Merge: map[string]Merger{"\x00flash": Sum[int]()}}, {Merge: map[string]Merger{"": Sum[int]()}}},
		"Cookie.Name": {{Cookie: Cookie{Name: "a b"}}, {Cookie: Cookie{Name: "__Host-x"}}, {Cookie: Cookie{Name: "__secure-x"}},
			{Cookie: Cookie{Name: "a=b"}}, {Cookie: Cookie{Name: "a\n"}}},
		"Cookie.Domain":      {{Cookie: Cookie{Domain: "example.org; Path=/x"}}, {Cookie: Cookie{Domain: "-"}}},
		"Cookie.Path":        {{Cookie: Cookie{Path: "x"}}, {Cookie: Cookie{Path: "/a;b"}}},
		"Cookie.SameSite":    {{Cookie: Cookie{SameSite: 17}}},
		"Cookie.Insecure":    {{Cookie: Cookie{Insecure: true, SameSite: http.SameSiteNoneMode}}},
		"Cookie.Partitioned": {{Cookie: Cookie{Insecure: true, Partitioned: true}}},
	} {
		for _, o := range options {
			if o.Keys == nil {
				o.Keys = key
			}
			m, err := New(store.NewMap(nil), &o)
			if err == nil || m != nil {
				t.Errorf("%s: %+v was taken", want, o)
				continue
			}
			text := err.Error()
			named := strings.Contains(text, want) || strings.HasPrefix(want, "Cookie.") && strings.Contains(text, strings.TrimPrefix(want, "Cookie."))
			if !strings.HasPrefix(text, "session: new: ") || !named || strings.Count(text, "session: ") > 1 {
				t.Errorf("%s: the error is %q", want, text)
			}
		}
	}
	if _, err := New(nil, nil); err == nil || !strings.HasPrefix(err.Error(), "session: new: ") {
		t.Errorf("no store: %v", err)
	}
}

// TestDefaults: what New makes of nothing.
func TestDefaults(t *testing.T) {
	m, err := New(store.NewMap(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	o := m.o
	o.Error, o.Logger, o.Label = nil, nil, nil
	same(t, "Idle", o.Idle, 24*time.Hour)
	same(t, "Lifetime", o.Lifetime, 7*24*time.Hour)
	same(t, "RememberFor", o.RememberFor, 30*24*time.Hour)
	same(t, "TouchAfter", o.TouchAfter, 24*time.Hour/20)
	same(t, "Grace", o.Grace, 30*time.Second)
	same(t, "SaveTimeout", o.SaveTimeout, 10*time.Second)
	same(t, "Prefix", o.Prefix, "session:")
	same(t, "Cookie", o.Cookie, Cookie{Name: "session", Path: "/", SameSite: http.SameSiteLaxMode})
	same(t, "cookie", m.wire.name, "__Host-session")
	same(t, "Devices", o.Devices, false)
	same(t, "Logger", m.o.Logger, slog.Default())
}

// TestOptionsAreCopied: what the caller does with his own afterwards changes nothing.
func TestOptionsAreCopied(t *testing.T) {
	key := append([]byte(nil), testKey...)
	o := &Options{Keys: [][]byte{key}, Merge: map[string]Merger{"n": Sum[int]()}, Codecs: []codec.Codec{codec.JSON}}
	m, err := New(store.NewMap(nil), o)
	if err != nil {
		t.Fatal(err)
	}
	i := newID()
	token := m.ring.sign(&i)
	clear(key)
	delete(o.Merge, "n")
	o.Codecs[0], o.Idle = nil, time.Nanosecond
	same(t, "token", m.ring.sign(&i), token)
	same(t, "mergers", len(m.o.Merge), 1)
	same(t, "Idle", m.o.Idle, 24*time.Hour)
}

// TestPrefixesKeepApart: two managers on one store see nothing of each other.
func TestPrefixesKeepApart(t *testing.T) {
	l := newLedger()
	one, two := newSite(t, l, Options{}).browser(), newSite(t, l, Options{Prefix: "other:"}).browser()
	one.login(t, "ann")
	two.jar = one.jar
	same(t, "subject", two.subject(), "")
	ok(t, two.site.RevokeAll(t.Context(), "ann"))
	same(t, "subject", one.subject(), "ann")
	for key := range l.entries(t) {
		must(t, strings.HasPrefix(key, "session:"), "an entry has the key %q", key)
	}
}

// TestNewWithoutStore: an outage at the start is told.
func TestNewWithoutStore(t *testing.T) {
	l := newLedger()
	l.fail = func(string, string) error { return errDown }
	if _, err := New(l, nil); !errors.Is(err, store.ErrUnavailable) || strings.Count(err.Error(), "session: ") != 1 {
		t.Errorf("the error is %v", err)
	}
	if _, err := New(l, &Options{Keys: [][]byte{testKey}}); err != nil {
		t.Errorf("with Keys the store is not asked: %v", err)
	}
}

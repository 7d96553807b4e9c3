package session

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/store"
)

// only hides every ability.
type only struct{ store.Store }

// TestOperator: one subject is signed out, listed sessions and others, by who knows the prefix alone; nothing is put into the store.
func TestOperator(t *testing.T) {
	for name, prefix := range map[string]string{"default": "", "named": "shop:"} {
		for _, abilities := range []bool{true, false} {
			for _, devices := range []bool{true, false} {
				t.Run(fmt.Sprint(name, abilities, devices), func(t *testing.T) {
					l := newLedger()
					s := store.Store(l)
					if !abilities {
						s = only{l}
					}
					site := newSite(t, s, Options{Prefix: prefix, Devices: devices})
					phone, laptop, ben := site.enter(t, "phone", "ann"), site.enter(t, "laptop", "ann"), site.enter(t, "ben's", "ben")
					o := Operator{Store: s, Prefix: prefix}
					before := l.entries(t)
					l.took()
					list, err := o.Sessions(t.Context(), "ann")
					ok(t, err)
					same(t, "listed", len(list), map[bool]int{true: 2}[devices])
					if devices {
						same(t, "labels", list[0].Label+" "+list[1].Label, "laptop phone")
						same(t, "ID", list[1].ID, phone.device())
					}
					if _, err := o.Sessions(t.Context(), "nobody"); err != store.ErrNotFound {
						t.Errorf("nobody's sessions: %v", err)
					}
					ok(t, o.RevokeAll(t.Context(), "nobody"))
					must(t, maps.EqualFunc(l.entries(t), before, time.Time.Equal), "looking has changed what is there")
					ok(t, o.RevokeAll(t.Context(), "ann"))
					same(t, "entries", len(l.entries(t)), len(before)-1)
					same(t, "phone", phone.subject(), "")
					same(t, "laptop", laptop.subject(), "")
					same(t, "ben", ben.subject(), "ben")
					phone.login(t, "ann")
					same(t, "a later login", phone.subject(), "ann")
				})
			}
		}
	}
}

func TestOperatorOnNothing(t *testing.T) {
	l := newLedger()
	o := Operator{Store: l}
	for name, test := range map[string]struct {
		o       Operator
		subject string
	}{"nobody": {o, ""}, "no store": {Operator{}, "ann"}, "prefix": {Operator{Store: l, Prefix: "a\x00"}, "ann"},
		"long": {Operator{Store: l, Prefix: strings.Repeat("p", 513)}, "ann"}} {
		if _, err := test.o.Sessions(t.Context(), test.subject); err == nil || errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
		if err := test.o.RevokeAll(t.Context(), test.subject); err == nil {
			t.Errorf("%s: nothing was wrong", name)
		}
	}
	same(t, "entries", len(l.entries(t)), 0)
	m := &Manager{o: Options{Prefix: "session:"}}
	ok(t, l.Set(t.Context(), m.subjectKey("ann"), []byte("damaged")))
	if _, err := o.Sessions(t.Context(), "ann"); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("a damaged entry: %v", err)
	}
	ok(t, o.RevokeAll(t.Context(), "ann"))
	same(t, "entries", len(l.entries(t)), 0)
}

// TestReadStored: what is in the golden records is told, and no more; what is cut or damaged is no entry.
func TestReadStored(t *testing.T) {
	records := golden()
	read := func(name string) *Stored {
		t.Helper()
		s, ok := ReadStored(records[name].data)
		if !ok {
			t.Fatalf("%s cannot be read", name)
		}
		return s
	}
	full := read("session-full")
	r, _ := decodeRecord(records["session-full"].data)
	must(t, full.Kind == KindSession && full.Subject == r.subject && full.Device == r.device.String() && full.Remembered == r.remembered &&
		full.Provisional == r.provisional && full.Created.Equal(r.created) && full.LastSeen.Equal(r.seen) && full.Deadline.Equal(r.deadline) &&
		full.Idle == r.idle, "%+v", full)
	must(t, !full.Ends.After(full.Deadline) && !full.Ends.After(full.LastSeen.Add(full.Idle)), "it ends at %v", full.Ends)
	var names []string
	for name := range r.fields.all() {
		names = append(names, string(name))
	}
	for _, f := range full.Fields {
		value, _ := r.fields.get(f.Name)
		same(t, f.Name, string(f.Value), string(value))
		names = slices.DeleteFunc(names, func(name string) bool { return name == f.Name })
	}
	same(t, "what is left of the names", strings.Join(names, " "), map[bool]string{true: flashField}[full.Flashes != nil])

	alias := read("alias-strict")
	must(t, alias.Kind == KindAlias && alias.Strict && !alias.Used && len(alias.Target) == 43 && !alias.Until.IsZero(), "%+v", alias)
	must(t, read("alias-used").Used && !read("alias").Strict, "the flags of an alias")
	must(t, read("subject-nobody").Kind == KindSubject && len(read("subject-nobody").Devices) == 0, "a subject without a list")
	for name, g := range records {
		for n := range g.data {
			if s, ok := ReadStored(g.data[:n]); ok && !endsRecord(g.kind, g.data, n) {
				t.Errorf("%s cut to %d bytes was read: %+v", name, n, s)
			}
		}
	}

	key := append([]byte(magic+"K"), testKey...)[:4+minKey]
	s, isKey := ReadStored(key)
	must(t, isKey && s.Kind == KindKey && IsKey(key) && IsKey(key[:10]), "a key")
	must(t, !strings.Contains(fmt.Sprintf("%+v", s), string(testKey[:8])), "it shows the key: %+v", s)
	if _, ok := ReadStored(key[:20]); ok {
		t.Error("a damaged key was read")
	}
	must(t, !IsKey(records["alias"].data) && !IsKey(nil), "IsKey of what is none")
	for kind, want := range map[Kind]string{KindSession: "session", KindAlias: "alias", KindSubject: "subject", KindKey: "key", 0: "unknown"} {
		same(t, "name", kind.String(), want)
	}
}

package session

import (
	"bytes"
	"encoding/hex"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/larder-go/larder/store"
)

var update = flag.Bool("update", false, "write the golden files anew; a change means a new format version")

// kinds are all kinds of records: what decodes them and encodes them again.
var kinds = map[string]func(data []byte) ([]byte, error){
	"session": func(data []byte) ([]byte, error) { r, err := decodeRecord(data); return r.encode(), err },
	"alias":   func(data []byte) ([]byte, error) { a, err := decodeAlias(data); return a.encode(), err },
	"subject": func(data []byte) ([]byte, error) {
		e, err := decodeSubject(&store.Item{Value: data})
		if err != nil {
			return nil, err
		}
		return e.encode(), nil
	},
}

func at(nano int64) time.Time { return time.Unix(0, nano) }

// golden are the records that every later program must read, and that this one must write to the letter.
func golden() map[string]struct {
	kind string
	data []byte
} {
	type file = struct {
		kind string
		data []byte
	}
	when := time.Date(2026, 11, 22, 9, 34, 35, 123456789, time.UTC)
	plain := record{created: when, seen: when.Add(time.Hour), deadline: when.Add(7 * 24 * time.Hour), idle: 24 * time.Hour,
		fields: fields(nil).with(map[string][]byte{"visits": []byte("M\x2a"), "": nil, flashField: []byte("M\x91\xa2hi"), "name": []byte("J\"Ann\"")})}
	full := plain
	full.remembered, full.provisional, full.listed, full.subject = true, true, true, "ann@example.org"
	for i := range full.from {
		full.from[i] = byte(i)
	}
	for i := range full.epoch {
		full.epoch[i] = 0xe0 + byte(i)
	}
	for i := range full.device {
		full.device[i] = 0xd0 + byte(i)
	}
	grace := alias{target: full.from, grace: when.Add(30 * time.Second)}
	strict := grace
	strict.strict = true
	used := grace
	used.used = true
	nobody := subjectEntry{epoch: full.epoch}
	some := subjectEntry{epoch: full.epoch, list: []listed{
		{device: full.device, created: when, seen: when.Add(time.Hour), end: when.Add(25 * time.Hour), label: "Lynx/2.9"},
		{device: device{1}, created: when, seen: when, end: when.Add(24 * time.Hour)}}}
	return map[string]file{
		"session-plain": {"session", plain.encode()}, "session-full": {"session", full.encode()},
		"session-empty":  {"session", (&record{created: when, seen: when, deadline: when, idle: 1}).encode()},
		"alias":          {"alias", grace.encode()},
		"alias-strict":   {"alias", strict.encode()},
		"alias-used":     {"alias", used.encode()},
		"subject-nobody": {"subject", nobody.encode()}, "subject-listed": {"subject", some.encode()},
	}
}

func TestGolden(t *testing.T) {
	for name, g := range golden() {
		file := filepath.Join("testdata", "records", name+".hex")
		if *update {
			if err := os.WriteFile(file, []byte(hex.Dump(g.data)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), hex.Dump(g.data)); diff != "" {
			t.Errorf("%s is written otherwise than before (-want +got):\n%s", name, diff)
		}
		again, err := kinds[g.kind](g.data)
		if err != nil || !bytes.Equal(again, g.data) {
			t.Errorf("%s read and written again: % x, %v", name, again, err)
		}
		for kind, through := range kinds {
			if _, err := through(g.data); kind != g.kind && err == nil {
				t.Errorf("%s was read as %s", name, kind)
			}
		}
	}
	if files, _ := filepath.Glob("testdata/records/*.hex"); len(files) != len(golden()) {
		t.Errorf("%d golden files for %d records", len(files), len(golden()))
	}
}

// TestGoldenDamaged: no cut of a record is one, and what is behind it makes it none, but for the fields, which go to the end.
func TestGoldenDamaged(t *testing.T) {
	for name, g := range golden() {
		through := kinds[g.kind]
		for n := range g.data {
			if _, err := through(g.data[:n]); err == nil && !endsRecord(g.kind, g.data, n) {
				t.Errorf("%s cut to %d bytes was read", name, n)
			}
		}
		if _, err := through(append(slices.Clone(g.data), 0)); err == nil {
			t.Errorf("%s with a byte behind was read", name)
		}
		for bit := range 32 {
			bad := slices.Clone(g.data)
			bad[bit/8] ^= 1 << (bit % 8)
			if _, err := through(bad); err == nil {
				t.Errorf("%s with bit %d of its head turned was read", name, bit)
			}
		}
	}
}

// endsRecord tells whether the first n bytes are a shorter record in their own right: one with fewer fields, or fewer devices.
func endsRecord(kind string, data []byte, n int) bool {
	again, err := kinds[kind](data[:n])
	return err == nil && kind != "alias" && bytes.Equal(again, data[:n]) && n > 19
}

func TestRefusedRecords(t *testing.T) {
	valid := golden()["session-full"].data
	flags := 36
	with := func(data []byte, at int, b byte) []byte {
		data = slices.Clone(data)
		data[at] = b
		return data
	}
	plain := golden()["session-plain"].data
	head := plain[:37]
	join := func(b ...string) []byte { return append(slices.Clone(head), strings.Join(b, "")...) }
	for name, data := range map[string][]byte{
		"nothing":                    nil,
		"another version":            with(valid, 2, 2),
		"an unknown flag":            with(valid, flags, 16+15),
		"listed without a subject":   with(plain, flags, flagListed),
		"idle 0":                     append(append(slices.Clone(head[:28]), make([]byte, 8)...), 0),
		"idle negative":              with(plain, 28, 0x80),
		"a subject of no bytes":      append(with(head, flags, flagSubject), make([]byte, 16+12+1)...),
		"fields out of order":        join("\x01b\x00", "\x01a\x00"),
		"a field twice":              join("\x01a\x00", "\x01a\x00"),
		"a field without name":       join("\x00\x01x"),
		"a name longer than allowed": join("\x80\x02" + strings.Repeat("n", 256) + "\x00"),
		"a name that is no UTF-8":    join("\x01\xff\x00"),
		"a length over the end":      join("\x01a\x7f"),
		"a huge length":              join("\x01a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
		"a length beyond 64 bits":    join("\x01a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),
		"a length written too long":  join("\x81\x00a\x00"),
	} {
		if r, err := decodeRecord(data); err != errRecord || !cmp.Equal(r, record{}, cmp.AllowUnexported(record{})) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := decodeAlias(with(golden()["alias"].data, 44, 4)); err != errRecord {
		t.Errorf("an alias with a flag that there is not: %v", err)
	}
}

var (
	drawTime = rapid.Map(rapid.Int64(), at)
	drawName = rapid.OneOf(rapid.StringN(1, 40, maxName), rapid.SampledFrom([]string{flashField, "a", "b", "count"}))
	drawRaw  = rapid.SliceOfN(rapid.Byte(), 0, 300)
	drawSome = rapid.MapOfN(drawName, drawRaw, 0, 8)
)

func drawBytes[T ~[12]byte | ~[16]byte | ~[32]byte](t *rapid.T, name string) (v T) {
	for i := range len(v) {
		v[i] = rapid.Byte().Draw(t, name)
	}
	return v
}

func drawRecord(t *rapid.T) record {
	r := record{created: drawTime.Draw(t, "created"), seen: drawTime.Draw(t, "seen"), deadline: drawTime.Draw(t, "deadline"),
		idle: time.Duration(rapid.Int64Min(1).Draw(t, "idle")), remembered: rapid.Bool().Draw(t, "remembered"),
		fields: fields(nil).with(drawSome.Draw(t, "fields"))}
	if r.provisional = rapid.Bool().Draw(t, "provisional"); r.provisional {
		r.from = drawBytes[hash](t, "from")
	}
	if r.subject = rapid.StringN(0, 30, maxSubject).Draw(t, "subject"); r.subject != "" {
		r.epoch, r.device, r.listed = drawBytes[epoch](t, "epoch"), drawBytes[device](t, "device"), rapid.Bool().Draw(t, "listed")
	}
	return r
}

func TestRecordsComeBack(t *testing.T) {
	exact := cmp.AllowUnexported(record{}, alias{}, listed{}, subjectEntry{})
	rapid.Check(t, func(t *rapid.T) {
		r := drawRecord(t)
		back, err := decodeRecord(r.encode())
		if diff := cmp.Diff(r, back, exact); err != nil || diff != "" {
			t.Fatalf("session: %v\n%s", err, diff)
		}
		a := alias{target: drawBytes[hash](t, "target"), grace: drawTime.Draw(t, "grace"), strict: rapid.Bool().Draw(t, "strict"),
			used: rapid.Bool().Draw(t, "used")}
		if back, err := decodeAlias(a.encode()); err != nil || !cmp.Equal(a, back, exact) {
			t.Fatalf("alias: %v\n%s", err, cmp.Diff(a, back, exact))
		}
		e := &subjectEntry{epoch: drawBytes[epoch](t, "epoch"), expires: drawTime.Draw(t, "expires")}
		for range rapid.IntRange(0, 5).Draw(t, "devices") {
			e.list = append(e.list, listed{device: drawBytes[device](t, "device"), created: drawTime.Draw(t, "created"),
				seen: drawTime.Draw(t, "seen"), end: drawTime.Draw(t, "end"), label: rapid.StringN(0, 20, maxLabel).Draw(t, "label")})
		}
		if back, err := decodeSubject(&store.Item{Value: e.encode(), Expires: e.expires}); err != nil || !cmp.Equal(e, back, exact) {
			t.Fatalf("subject: %v\n%s", err, cmp.Diff(e, back, exact))
		}
	})
}

// TestFieldsAreAMap holds fields against a map through drawn changes.
func TestFieldsAreAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var f fields
		model := map[string][]byte{}
		for range rapid.IntRange(1, 6).Draw(t, "rounds") {
			changes := drawSome.Draw(t, "changes")
			for name := range changes {
				if rapid.IntRange(0, 2).Draw(t, "delete") == 0 {
					changes[name] = nil
				}
			}
			for name, value := range changes {
				if model[name] = value; value == nil {
					delete(model, name)
				}
			}
			before := bytes.Clone(f)
			next := f.with(changes)
			if !bytes.Equal(before, f) {
				t.Fatal("with has changed what it was called on")
			}
			f = next
			if !f.valid() {
				t.Fatalf("not valid: %q", f)
			}
			got := map[string][]byte{}
			var names []string
			for name, value := range f.all() {
				names = append(names, string(name))
				got[string(name)] = value
			}
			if want := slices.Sorted(maps.Keys(model)); !slices.Equal(names, want) {
				t.Fatalf("names %q, want %q", names, want)
			}
			for name, value := range model {
				if is, ok := f.get(name); !ok || !bytes.Equal(is, value) || !bytes.Equal(got[name], value) {
					t.Fatalf("%q is %q, %v", name, is, ok)
				}
			}
			if _, ok := f.get("not there\x00"); ok {
				t.Fatal("found what was never set")
			}
		}
	})
}

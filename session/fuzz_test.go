package session

import (
	"bytes"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/larder-go/larder/store"
)

// The fuzz targets give the package what others may have made: records from a store that they can write to, and tokens and headers from
// clients. Nothing panics, takes much more memory than it was given bytes, or has two spellings.

func FuzzRecord(f *testing.F) {
	fuzzKind(f, "session", func(data []byte) {
		r, err := decodeRecord(data)
		if err != nil {
			return
		}
		n := 0
		for name := range r.fields.all() {
			if _, ok := r.fields.get(string(name)); !ok {
				f.Errorf("a field that is listed cannot be found: %q in % x", name, data)
			}
			if n++; n > len(data) {
				f.Fatal("more fields than bytes")
			}
		}
		if same := r.fields.with(nil); !bytes.Equal(same, r.fields) {
			f.Errorf("fields without changes are written otherwise: % x, before % x", same, r.fields)
		}
	})
}

func FuzzAlias(f *testing.F) { fuzzKind(f, "alias", func([]byte) {}) }

func FuzzSubject(f *testing.F) {
	fuzzKind(f, "subject", func(data []byte) {
		e, err := decodeSubject(&store.Item{Value: data})
		if err != nil {
			return
		}
		before := len(e.list)
		e.cap(2, device{})
		if len(e.list) != min(before, 2) {
			f.Errorf("%d of %d are left of a cap of 2", len(e.list), before)
		}
	})
}

// fuzzKind decodes any bytes as records of one kind.
func fuzzKind(f *testing.F, kind string, also func(data []byte)) {
	for _, g := range golden() {
		f.Add(g.data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		again, err := kinds[kind](data)
		if err == nil && !bytes.Equal(again, data) {
			t.Errorf("% x is written as % x", data, again)
		}
		if err != nil && err != errRecord {
			t.Errorf("the error is %v", err)
		}
		also(data)
		if !bytes.Equal(before, data) {
			t.Error("decoding has changed the data")
		}
	})
}

// TestHostileRecords: records that promise much take memory in proportion to what they are.
func TestHostileRecords(t *testing.T) {
	long := bytes.Repeat([]byte("\x01a\x00"), 100_000)
	for name, body := range map[string][]byte{
		"a length of 2^63":       append(bytes.Clone(golden()["session-empty"].data), "\x01a\xff\xff\xff\xff\xff\xff\xff\xff\x7f"...),
		"many fields":            append(bytes.Clone(golden()["session-empty"].data), long...),
		"many devices":           append(bytes.Clone(golden()["subject-nobody"].data), make([]byte, 37*10_000)...),
		"a device and a stretch": append(bytes.Clone(golden()["subject-listed"].data), bytes.Repeat([]byte{0xff}, 1000)...),
	} {
		for kind, through := range kinds {
			var a, b runtime.MemStats
			runtime.ReadMemStats(&a)
			through(body)
			runtime.ReadMemStats(&b)
			if took := b.TotalAlloc - a.TotalAlloc; took > uint64(16*len(body)+64<<10) {
				t.Errorf("%s of %d bytes as a %s takes %d bytes", name, len(body), kind, took)
			}
		}
	}
}

func FuzzToken(f *testing.F) {
	ring, err := newRing([][]byte{[]byte("0123456789abcdef0123456789abcdef"), []byte("an old key, which has 32 bytes..")}, "test")
	if err != nil {
		f.Fatal(err)
	}
	i := id{1, 2, 3}
	token := ring.sign(&i)
	f.Add(token)
	f.Add(token[:86] + "\n")
	f.Add(token + "\n")
	f.Add(strings.Repeat("A", 43) + "." + strings.Repeat("A", 43))
	f.Fuzz(func(t *testing.T, text string) {
		i, old, ok := ring.verify(text)
		if !ok {
			if i != (id{}) || old {
				t.Error("what was refused shows an id")
			}
			return
		}
		if !old && ring.sign(&i) != text {
			t.Errorf("%q is another spelling of %q", text, ring.sign(&i))
		}
	})
}

func FuzzCookieHeader(f *testing.F) {
	token := strings.Repeat("A", 43) + "." + strings.Repeat("B", 43)
	for _, line := range []string{"session=" + token, "a=b; session=" + token + "; c", " session = \"" + token + "\" ", "session=;;session=" + token,
		"session=\"\"" + token + "\"\"", "Session=" + token, "xsession=" + token, "session=" + token + "\x00", "session==" + token, "session"} {
		f.Add(line, "")
		f.Add(line, "session="+token)
	}
	wire := newTransport(&Options{Cookie: Cookie{Name: "session", Insecure: true}})
	shaped := func(value string) bool {
		return len(value) == tokenSize && strings.Trim(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == ""
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		r := &http.Request{Header: http.Header{"Cookie": {first, second}}}
		var ours, theirs []string
		for value := range wire.tokens(r) {
			if shaped(value) {
				ours = append(ours, value)
			}
		}
		for _, c := range r.CookiesNamed("session") {
			if shaped(c.Value) {
				theirs = append(theirs, c.Value)
			}
		}
		if !slices.Equal(ours, theirs) {
			t.Errorf("of %q and %q we read %q, net/http %q", first, second, ours, theirs)
		}
	})
}

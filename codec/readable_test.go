package codec_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/codec"
	"github.com/larder-go/larder/store"
)

// wantReadable fails if something is encoded and then refused: into a new value of its type, out of an any that holds it, or, where both
// can be encoded, as it is into an any. It tells whether v can be encoded at all.
func wantReadable(t testing.TB, v any) bool {
	t.Helper()
	data, err := codec.MsgPack.Encode(v)
	if err == nil && v != nil {
		if err := codec.MsgPack.Decode(data, reflect.New(reflect.TypeOf(v)).Interface()); err != nil {
			t.Errorf("%T: %#v was written as % x, but into its own type: %v", v, v, data, err)
		}
	}
	inAny, errInAny := codec.MsgPack.Encode([]any{v})
	var got []any
	if errInAny == nil {
		if err := codec.MsgPack.Decode(inAny, &got); err != nil {
			t.Errorf("%T: %#v was written in an any as % x, but: %v", v, v, inAny, err)
		}
	}
	var bare any
	if err == nil && errInAny == nil {
		if err := codec.MsgPack.Decode(data, &bare); err != nil {
			t.Errorf("%T: %#v was written as % x, but into an any: %v", v, v, data, err)
		}
	}
	return err == nil
}

// Types that speak only one way.
type (
	writesText struct{ A int }
	writesWord string
	readsText  struct{ A int }
	readsWord  string
	lower      string
	twin       struct{ A, B any }
	lends      struct {
		*inner
		N int
	}
	lendsEmpty struct{ *hollow }
	hollow     struct {
		A int `msgpack:",omitempty"`
	}
	keyed     string // is its own encoding
	writesRaw struct{ data string }
)

func (w writesText) MarshalText() ([]byte, error)   { return []byte("x"), nil }
func (w writesWord) MarshalText() ([]byte, error)   { return []byte(w), nil }
func (r *readsText) UnmarshalText(b []byte) error   { r.A = len(b); return nil }
func (r *readsWord) UnmarshalText(b []byte) error   { *r = readsWord(b); return nil }
func (l *lower) UnmarshalText(b []byte) error       { *l = lower(strings.ToLower(string(b))); return nil }
func (m keyed) MarshalMsgpack() ([]byte, error)     { return []byte(m), nil }
func (m *keyed) UnmarshalMsgpack(b []byte) error    { *m = keyed(b); return nil }
func (w writesRaw) MarshalMsgpack() ([]byte, error) { return []byte(w.data), nil }

// What could not be read back is refused when it is written, and nothing else is.
func TestEncodeRefusesWhatNobodyReads(t *testing.T) {
	negative := math.Copysign(0, -1)
	for _, test := range []struct {
		name      string
		v         any
		ok, inAny bool
	}{
		{"a float in two widths as keys", map[any]any{float32(1): "a", float64(1): "b"}, false, false},
		{"two floats in two widths as keys", map[any]any{float32(0.1): "a", 0.1: "b"}, true, true},
		{"two zeros as keys", map[any]any{float32(0): "a", negative: "b"}, false, false},
		{"an int in two widths as keys", map[any]any{int8(1): "a", int64(1): "b"}, false, false},
		{"an int with and without a sign", map[any]any{1: "a", uint8(1): "b"}, false, false},
		{"an int and a float", map[any]any{1: "a", 1.0: "b"}, true, true},
		{"a number and its text", map[any]any{1: "a", "1": "b"}, true, true},
		{"a method's int and an int", map[any]any{keyed("\xcc\x01"): 1, 1: 2}, false, false},
		{"a method's string and a string", map[any]any{keyed("\xd9\x01a"): 1, "a": 2}, false, false},
		{"float keys", map[float64]int{0.5: 1, 1: 2}, true, true},
		{"arrays as keys", map[[2]int]int{{1, 2}: 1}, true, false},
		{"no arrays as keys", map[[2]int]int{}, true, true},
		{"arrays of bytes as keys", map[[2]byte]int{{1, 2}: 1}, true, false},
		{"structs as keys", map[inner]int{{}: 1}, true, false},
		{"times as keys", map[time.Time]int{noon: 1}, true, false},
		{"addresses as keys", map[netip.Addr]int{netip.MustParseAddr("::1"): 1}, true, false}, // as bytes
		{"arrays as keys, in a map of any", map[string]any{"x": map[[2]int]int{{1, 2}: 1}}, false, false},
		{"arrays as keys, in a struct", struct{ M map[[2]int]int }{map[[2]int]int{{1, 2}: 1}}, true, false},
		{"arrays as keys, behind a pointer", new(map[[2]int]int{{1, 2}: 1}), true, false},
		{"arrays as keys, behind a pointer to any", new(any(map[[2]int]int{{1, 2}: 1})), false, false},
		{"structs of any as keys", map[twin]int{{1, 1.5}: 1, {"x", nil}: 2}, true, false},
		{"structs of a float in two widths as keys", map[twin]int{{float32(1), 0}: 1, {1.0, 0}: 2}, false, false},
		{"structs of an array in an any as keys", map[twin]int{{[1]int{1}, 0}: 1}, false, false},
		{"keys that are one once read", map[lower]int{"A": 1, "a": 2}, false, true},
		{"an embedded pointer that nobody can set", lends{&inner{}, 1}, false, true},
		{"one in a list", []lends{{}, {&inner{}, 1}}, false, true},
		{"one that is nil", lends{nil, 1}, true, true},
		{"one of which nothing is written", lendsEmpty{&hollow{}}, true, true},
		{"a struct that only writes text", writesText{}, false, true},
		{"a map of them", map[string]writesText{"a": {}}, false, true},
		{"a map by them", map[writesText]int{{}: 1}, false, true},
		{"a string that only writes text", writesWord("x"), true, true},
		{"a struct that only reads text", readsText{}, false, true},
		{"a string that only reads text", map[readsWord]readsWord{"x": "y"}, true, true},
		{"a method's map with a list as a key", marshaler{"\x81\x90\x01"}, true, false},
		{"a method's list without a method to read it", writesRaw{"\x91\x01"}, false, true},
	} {
		if wantReadable(t, test.v) != test.ok {
			_, err := codec.MsgPack.Encode(test.v)
			t.Errorf("%s: encoding it: %v", test.name, err)
		}
		if _, err := codec.MsgPack.Encode(map[string]any{"x": test.v}); test.inAny != (err == nil) {
			t.Errorf("%s: encoding it in an any: %v", test.name, err)
		}
	}
}

// A Typed reads into its own type: one of any must refuse what one of the type may hold.
func TestTypedRefusesWhatItCouldNotRead(t *testing.T) {
	s, m := store.NewMap(nil), map[[2]int]int{{1, 2}: 1}
	exact := codec.NewTyped[map[[2]int]int](s, nil)
	if err := exact.Set(t.Context(), "k", m); err != nil {
		t.Fatal(err)
	}
	if got, err := exact.Get(t.Context(), "k"); err != nil || !reflect.DeepEqual(got, m) {
		t.Errorf("got %v, %v", got, err)
	}
	loose := codec.NewTyped[any](s, nil)
	if err := loose.Set(t.Context(), "k", m); err == nil || errors.Is(err, store.ErrCorrupt) {
		t.Errorf("a map by arrays as an any: %v", err)
	}
	for _, v := range []any{nil, "x", map[string]any{"a": lends{&inner{}, 1}}, lends{&inner{}, 1}} {
		if err := loose.Set(t.Context(), "k", v); err != nil {
			t.Errorf("%T: %v", v, err)
		}
		if _, err := loose.Get(t.Context(), "k"); err != nil {
			t.Errorf("%T: %v", v, err)
		}
	}
}

// Whatever can be encoded can be decoded: the fuzz target of the same property, without a fuzzer.
func TestWhatIsWrittenIsReadable(t *testing.T) {
	rng, written, rounds := rand.New(rand.NewPCG(11, 22)), 0, 20_000
	if testing.Short() {
		rounds = 4000
	}
	for range rounds {
		data := make([]byte, 48)
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		if wantReadable(t, made(data)) {
			written++
		}
		if t.Failed() {
			return
		}
	}
	if written < rounds/4 || written > rounds*99/100 {
		t.Errorf("%d of %d values could be encoded: that shows little", written, rounds)
	}
}

package codec_test

import (
	"errors"
	"math"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/larder-go/larder/codec"
	"github.com/larder-go/larder/store"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 123456789, time.FixedZone("somewhere", 3600))

// What goes into an any and what comes out of it.
func TestAnyRoundTrip(t *testing.T) {
	long := strings.Repeat("ä", 40_000)
	for _, test := range []struct {
		name              string
		in, msgPack, json any
	}{
		{"nil", nil, nil, nil},
		{"bool", true, true, true},
		{"int", 5, int64(5), int64(5)},
		{"int8", int8(-5), int64(-5), int64(-5)},
		{"int16", int16(-300), int64(-300), int64(-300)},
		{"int32", int32(-70_000), int64(-70_000), int64(-70_000)},
		{"int64", int64(math.MinInt64), int64(math.MinInt64), int64(math.MinInt64)},
		{"uint8", uint8(200), int64(200), int64(200)},
		{"uint16", uint16(60_000), int64(60_000), int64(60_000)},
		{"uint32", uint32(4e9), int64(4e9), int64(4e9)},
		{"uint64 that is an int64", uint64(1 << 60), int64(1 << 60), int64(1 << 60)},
		{"uint64 that is not", uint64(math.MaxUint64), uint64(math.MaxUint64), uint64(math.MaxUint64)},
		{"1<<60", 1 << 60, int64(1 << 60), int64(1 << 60)},
		{"duration", time.Second, int64(time.Second), int64(time.Second)},
		{"float64", 0.1, 0.1, 0.1},
		{"whole float64", 5.0, 5.0, int64(5)}, // JSON writes no point
		{"large float64", 1e20, 1e20, 1e20},
		{"float32", float32(0.5), 0.5, 0.5},
		{"string", "grüße\x00", "grüße\x00", "grüße\x00"},
		{"long string", long, long, long},
		{"empty string", "", "", ""},
		{"bytes", []byte{0, 255}, []byte{0, 255}, "AP8="},
		{"empty bytes", []byte{}, []byte{}, ""},
		{"time", noon, noon.UTC(), "2026-11-22T12:00:00.123456789+01:00"},
		{"zero time", time.Time{}, time.Time{}, "0001-01-01T00:00:00Z"},
		{"old time", time.Date(1815, 12, 10, 0, 0, 0, 0, time.UTC), time.Date(1815, 12, 10, 0, 0, 0, 0, time.UTC), "1815-12-10T00:00:00Z"},
		{"list", []any{1, "a", nil}, []any{int64(1), "a", nil}, []any{int64(1), "a", nil}},
		{"empty list", []any{}, []any{}, []any{}},
		{"ints", []int{1, 2}, []any{int64(1), int64(2)}, []any{int64(1), int64(2)}},
		{"strings", []string{"a"}, []any{"a"}, []any{"a"}},
		{"array", [2]bool{true}, []any{true, false}, []any{true, false}},
		{"map", map[string]any{"a": map[string]any{"b": 1}}, map[string]any{"a": map[string]any{"b": int64(1)}}, map[string]any{"a": map[string]any{"b": int64(1)}}},
		{"nil map", map[string]any(nil), nil, nil},
		{"empty map", map[string]any{}, map[string]any{}, map[string]any{}},
		{"strings by int", map[string]any{"m": map[int]string{1: "x", 2: "y"}},
			map[string]any{"m": map[any]any{int64(1): "x", int64(2): "y"}}, map[string]any{"m": map[string]any{"1": "x", "2": "y"}}},
		{"mixed keys", map[any]any{"a": 1, 2: "b", true: nil}, map[any]any{"a": int64(1), int64(2): "b", true: nil}, errors.New("")},
		{"struct", struct {
			A int `json:"a"`
			B any
		}{1, 2}, map[string]any{"a": int64(1), "B": int64(2)}, map[string]any{"a": int64(1), "B": int64(2)}},
		{"pointer", new(7), int64(7), int64(7)},
		{"nil pointer", (*int)(nil), nil, nil},
	} {
		for _, c := range []struct {
			codec codec.Codec
			want  any
		}{{codec.MsgPack, test.msgPack}, {codec.JSON, test.json}} {
			for _, in := range []any{map[string]any{"k": test.in}, []any{test.in}, struct{ K any }{test.in}} {
				data, err := c.codec.Encode(in)
				if _, fails := c.want.(error); fails {
					if err == nil {
						t.Errorf("%s by %s: encoded", test.name, c.codec.Name())
					}
					continue
				}
				if err != nil {
					t.Errorf("%s by %s: %v", test.name, c.codec.Name(), err)
					continue
				}
				var got any
				switch in.(type) {
				case map[string]any:
					var m map[string]any
					if err = c.codec.Decode(data, &m); err == nil {
						got = m["k"]
					}
				case struct{ K any }:
					var s struct{ K any }
					err = c.codec.Decode(data, &s)
					got = s.K
				default:
					if err = c.codec.Decode(data, &got); err == nil {
						got = got.([]any)[0]
					}
				}
				if err != nil || !cmp.Equal(got, c.want) {
					t.Errorf("%s by %s, in %T: got %T %v, want %T %v; error %v", test.name, c.codec.Name(), in, got, got, c.want, c.want, err)
				}
			}
		}
	}
}

type inner struct {
	Deep  int
	Other string `json:"other,omitempty"`
}

type Base struct {
	ID   int64 `msgpack:"id" json:"id"`
	Name string
}

type named map[string]any

// full has a field of every sort.
type full struct {
	Base
	*inner   // nobody can make it: it stays nil
	Bool     bool
	Int8     int8
	Uint     uint
	F32      float32
	Text     string `json:"text"`
	Bytes    []byte
	Array    [4]byte
	Time     time.Time
	When     *time.Time
	Any      any
	Anys     []any
	ByName   map[string]any
	Strings  map[string]string
	Ints     map[int]string
	Counts   map[string]int
	Nested   map[string][]inner
	Pointer  *int
	Next     *full
	Named    named
	Addr     netip.Addr
	Link     *url.URL
	Big      *big.Int
	Duration time.Duration
	Skipped  string `json:"-"`
	Empty    string `msgpack:",omitempty" json:",omitempty"`
	Raw      [][]byte
	_        int // what is not exported is not written
}

func filledIn() full {
	addr, _ := url.Parse("https://example.org/a?b=c")
	return full{
		Base: Base{ID: 1 << 60, Name: "base"}, Bool: true, Int8: -128, Uint: math.MaxUint, F32: 0.25, Text: "text",
		Bytes: []byte("bytes"), Array: [4]byte{1, 2, 3, 4}, Time: noon.UTC(), When: new(noon.UTC()), Any: map[string]any{"n": int64(1)},
		Anys: []any{int64(1), nil, "x"}, ByName: map[string]any{"f": 0.5, "i": int64(-1)}, Strings: map[string]string{"a": "b"}, Ints: map[int]string{-1: "x", 300: "y"},
		Counts: map[string]int{"a": 1, "b": 2}, Nested: map[string][]inner{"a": {{Deep: 1}, {Other: "o"}}}, Pointer: new(7),
		Next: &full{Text: "next"}, Named: named{"k": "v"}, Addr: netip.MustParseAddr("2001:db8::1"), Link: addr,
		Big: new(big.Int).Lsh(big.NewInt(1), 100), Duration: time.Hour, Skipped: "", Raw: [][]byte{{1}, {2, 3}},
	}
}

var cmpFull = cmp.Options{
	cmp.AllowUnexported(full{}), cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b *big.Int) bool { return a == b || a != nil && b != nil && a.Cmp(b) == 0 }),
}

func TestStructRoundTrip(t *testing.T) {
	in := filledIn()
	for _, c := range []codec.Codec{codec.MsgPack, codec.JSON} {
		data, err := c.Encode(in)
		if err != nil {
			t.Fatal(err)
		}
		var out full
		if err := c.Decode(data, &out); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(in, out, cmpFull); diff != "" {
			t.Errorf("%s: %s", c.Name(), diff)
		}
	}
}

// The names under which fields are stored do not depend on the codec.
func TestFieldNames(t *testing.T) {
	type embedded struct{ Inner int }
	type Other struct{ Shadow, Own int }
	v := struct {
		Plain  int
		Tagged int `msgpack:"m" json:"j"`
		JSON   int `json:"js"`
		Gone   int `json:"-"`
		Back   int `msgpack:"back" json:"-"`
		embedded
		Other  `msgpack:"o" json:"o"`
		Shadow int
		Zero   int `json:",omitempty"`
	}{Plain: 1, Shadow: 2}
	data, err := codec.MsgPack.Encode(v)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := codec.MsgPack.Decode(data, &m); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"Plain": int64(1), "m": int64(0), "js": int64(0), "back": int64(0), "Inner": int64(0),
		"o": map[string]any{"Shadow": int64(0), "Own": int64(0)}, "Shadow": int64(2)}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []any{
		struct {
			A int `msgpack:"x"`
			B int `msgpack:"x"`
		}{},
		struct {
			A string `msgpack:",intern"`
		}{},
	} {
		if _, err := codec.MsgPack.Encode(bad); err == nil || errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%T: %v", bad, err)
		}
		if err := codec.MsgPack.Decode([]byte{0x80}, reflect.New(reflect.TypeOf(bad)).Interface()); err == nil || errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%T: %v", bad, err)
		}
	}
}

// A number comes back as the type that is asked for, or not at all.
func TestNumbersFitOrFail(t *testing.T) {
	for _, test := range []struct {
		in, target any
		fits       bool
	}{
		{127, new(int8), true}, {128, new(int8), false}, {-128, new(int8), true}, {-129, new(int8), false},
		{255, new(uint8), true}, {256, new(uint8), false}, {-1, new(uint8), false}, {-1, new(uint64), false},
		{1 << 31, new(int32), false}, {1 << 31, new(uint32), true}, {uint64(math.MaxUint64), new(int64), false},
		{uint64(math.MaxUint64), new(uint64), true}, {uint64(math.MaxInt64), new(int64), true}, {1 << 15, new(int16), false}, {1 << 16, new(uint16), false},
		{1.5, new(float32), true}, {1e300, new(float32), false}, {1.0, new(int), false}, {1.5, new(int), false},
		{1 << 53, new(float64), true}, {1<<53 + 1, new(float64), false}, {1<<24 + 1, new(float32), false},
		{"1", new(int), false}, {1, new(string), false}, {true, new(int), false}, {1, new(bool), false},
		{[]int{1}, new([2]int), false}, {[]int{1, 300}, new([]int8), false}, {map[string]int{"a": 300}, new(map[string]int8), false},
		{map[string]int{"a": 1}, new(map[int]int), false}, {map[int]int{1: 1}, new(map[string]int), false}, {map[int]int{1: 1}, new(map[string]any), false},
		{map[string]int{"A": 300}, new(struct{ A int8 }), false}, {[]any{1}, new(struct{ A int8 }), false}, {"x", new([]byte), true},
		{[]byte("x"), new(string), true}, {"2026", new(time.Time), false}, {1, new(time.Duration), true}, {1, new(error), false},
		{"not an address", new(netip.Addr), false},
	} {
		data, err := codec.MsgPack.Encode(test.in)
		if err != nil {
			t.Fatal(err)
		}
		err = codec.MsgPack.Decode(data, test.target)
		if test.fits != (err == nil) {
			t.Errorf("%v into %T: %v", test.in, test.target, err)
		}
		if err != nil && (!errors.Is(err, codec.ErrMismatch) || !errors.Is(err, store.ErrCorrupt)) {
			t.Errorf("%v into %T: %v is not ErrMismatch", test.in, test.target, err)
		}
		if err != nil && strings.Contains(err.Error(), "not an address") {
			t.Errorf("the value stands in the error %q", err)
		}
	}
}

// The same value is always the same bytes.
func TestDeterministic(t *testing.T) {
	v := map[string]any{"any": map[any]any{}, "named": named{}, "ints": map[int]bool{}, "strings": map[string]string{}, "plain": map[string]any{},
		"floats": map[float64]int{}, "counts": map[string]int{}}
	structs := map[inner]string{}
	for i := range 100 {
		v["any"].(map[any]any)[i] = i
		v["any"].(map[any]any)[string(rune('a'+i))] = i
		v["named"].(named)[string(rune('a'+i))] = i
		v["ints"].(map[int]bool)[i-50] = true
		v["strings"].(map[string]string)[string(rune('a'+i))] = "x"
		v["plain"].(map[string]any)[string(rune('a'+i))] = i
		structs[inner{Deep: i}] = "x"
		v["floats"].(map[float64]int)[float64(i)/3] = i
		v["counts"].(map[string]int)[strings.Repeat("n", i)] = i
	}
	all := struct {
		V       map[string]any
		Structs map[inner]string // no any could hold it
	}{v, structs}
	first, err := codec.MsgPack.Encode(all)
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		again, err := codec.MsgPack.Encode(all)
		if err != nil || string(again) != string(first) {
			t.Fatal("the bytes differ", err)
		}
	}
	// A map is the same bytes whatever its Go type, for keys that are strings.
	a, _ := codec.MsgPack.Encode(map[string]any{"b": 1, "aa": 2})
	b, _ := codec.MsgPack.Encode(map[string]int{"b": 1, "aa": 2})
	if string(a) != string(b) {
		t.Errorf("% x and % x", a, b)
	}
	if _, err := codec.MsgPack.Encode(map[any]any{int8(1): 1, int64(1): 2}); err == nil {
		t.Error("two keys that are the same once encoded were written")
	}
}

func TestEncodeRefuses(t *testing.T) {
	loop := []any{nil}
	loop[0] = loop
	self := map[string]any{}
	self["self"] = self
	back := new(any)
	*back = back
	chain := &node{}
	chain.Next = chain
	for _, v := range []any{
		make(chan int), func() {}, complex(1, 1), map[string]any{"f": func() {}}, loop, self, back, chain, struct{ E error }{errors.New("x")},
		map[any]any{[2]int{1, 2}: 1}, map[any]any{time.Now(): 1}, []any{make(chan int)},
	} {
		data, err := codec.MsgPack.Encode(v)
		if err == nil || data != nil || !strings.HasPrefix(err.Error(), "codec: encode: msgpack: ") {
			t.Errorf("%T: %x, %v", v, data, err)
		}
	}
	for _, c := range []codec.Codec{codec.MsgPack, codec.JSON} {
		for _, to := range []any{nil, 5, map[string]any{}, (*int)(nil), (*any)(nil)} {
			if err := c.Decode([]byte{'1'}, to); err == nil || errors.Is(err, store.ErrCorrupt) {
				t.Errorf("%s into %T: %v", c.Name(), to, err)
			}
		}
	}
}

// What is decoded into is replaced, except fields that the data does not name.
func TestDecodeReplaces(t *testing.T) {
	data, _ := codec.MsgPack.Encode(map[string]any{"M": map[string]int{"new": 1}, "L": []int{1}})
	shared := new(5)
	v := struct {
		M    map[string]int
		L    []int
		Kept string
		P    *int
	}{map[string]int{"old": 1}, []int{7, 8, 9}, "kept", shared}
	if err := codec.MsgPack.Decode(data, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.M) != 1 || len(v.L) != 1 || v.Kept != "kept" || v.P != shared {
		t.Errorf("%+v", v)
	}
}

// The caller owns what goes in and what comes out.
func TestDecodeKeepsNothing(t *testing.T) {
	data, _ := codec.MsgPack.Encode(map[string]any{"s": "string", "b": []byte("bytes"), "l": []any{"x"}})
	var m map[string]any
	if err := codec.MsgPack.Decode(data, &m); err != nil {
		t.Fatal(err)
	}
	clear(data)
	if m["s"] != "string" || string(m["b"].([]byte)) != "bytes" || m["l"].([]any)[0] != "x" {
		t.Errorf("%v", m)
	}
}

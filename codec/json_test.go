package codec_test

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/larder-go/larder/codec"
	"github.com/larder-go/larder/store"
)

func TestJSONNumbers(t *testing.T) {
	type loose struct {
		A any
		L []any
		M map[string]any
		N map[string]map[int]any
		P *any
		Q *loose
		R [1]any
		inner
		I int
	}
	text := `{"A":1,"L":[1,1.5,{"x":2}],"M":{"x":[3]},"N":{"x":{"1":4}},"P":5,"Q":{"A":6},"R":[7],"Deep":8,"I":9}`
	var v loose
	if err := codec.JSON.Decode([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	five := any(int64(5))
	want := loose{A: int64(1), L: []any{int64(1), 1.5, map[string]any{"x": int64(2)}}, M: map[string]any{"x": []any{int64(3)}},
		N: map[string]map[int]any{"x": {1: int64(4)}}, P: &five, Q: &loose{A: int64(6)}, R: [1]any{int64(7)}, inner: inner{Deep: 8}, I: 9}
	if !reflect.DeepEqual(v, want) {
		t.Errorf("got  %+v\nwant %+v", v, want)
	}
	for text, want := range map[string]any{
		"9223372036854775807": int64(math.MaxInt64), "-9223372036854775808": int64(math.MinInt64), "9223372036854775808": uint64(1 << 63),
		"18446744073709551616": float64(1 << 64), "1e3": 1000.0, "1.0": 1.0, "0": int64(0), "-0": math.Copysign(0, -1), " 5 ": int64(5),
	} {
		var v any
		if err := codec.JSON.Decode([]byte(text), &v); err != nil || v != want {
			t.Errorf("%s: %T %v, %v", text, v, v, err)
		}
	}
}

// What JSON does with hostile input. It keeps no budget: see the package's comment.
func TestHostileJSON(t *testing.T) {
	const most = 80 // into an any; a list of large structs takes what the structs take
	for _, test := range []struct {
		name, data string
		ok         bool
	}{
		{"nothing", "", false}, {"a word", "nil", false}, {"two values", "1 2", false}, {"garbage behind", `{"a":1}}`, false}, {"a NUL behind", "1\x00", false},
		{"cut off", `{"a":[1,{"b":`, false}, {"a string cut off", `"abc`, false}, {"half an escape", `"\u12`, false}, {"NaN", "NaN", false}, {"a number out of range", "[1e400]", false},
		{"10000 lists", strings.Repeat("[", 10000) + strings.Repeat("]", 10000), true},
		{"10001 lists", strings.Repeat("[", 10001) + strings.Repeat("]", 10001), false},
		{"3 MB of lists", strings.Repeat("[", 3<<20), false}, {"3 MB of maps", strings.Repeat(`{"":`, 3<<18), false},
		{"the same key twice", `{"a":1,"a":2}`, true}, {"a number of a megabyte", strings.Repeat("1", 1<<20), false},
		{"a list of zeros", "[0" + strings.Repeat(",0", 1<<14) + "]", true}, {"a list of lists", "[[]" + strings.Repeat(",[]", 1<<14) + "]", true},
		{"a list of maps", "[{}" + strings.Repeat(",{}", 1<<14) + "]", true}, {"maps of one", "[0" + strings.Repeat(`,{"":0}`, 1<<14) + "]", true},
	} {
		for _, to := range []any{new(any), new(map[string]any), new([]any), new(record), new([]record)} {
			var err error
			took := allocated(func() { err = codec.JSON.Decode([]byte(test.data), to) })
			if limit := most*len(test.data) + 1<<20; took > limit && reflect.TypeOf(to) != reflect.TypeFor[*[]record]() {
				t.Errorf("%s into %T: %d bytes took %d", test.name, to, len(test.data), took)
			}
			if _, any := to.(*any); any && test.ok != (err == nil) {
				t.Errorf("%s into %T: %v", test.name, to, err)
			}
			if err != nil && (!errors.Is(err, store.ErrCorrupt) || !strings.HasPrefix(err.Error(), "codec: decode: json: ")) {
				t.Errorf("%s into %T: %v", test.name, to, err)
			}
		}
	}
	var v map[string]any
	if err := codec.JSON.Decode([]byte(`{"a":1,"a":2}`), &v); err != nil || v["a"] != int64(2) {
		t.Errorf("the last of two equal keys does not win: %v, %v", v, err)
	}
}

func TestJSONErrorsHideValues(t *testing.T) {
	for _, v := range []any{math.NaN(), []any{math.Inf(1)}, func() {}, map[string]any{"f": make(chan int)}} {
		if _, err := codec.JSON.Encode(v); err == nil || !strings.HasPrefix(err.Error(), "codec: encode: json: ") || strings.Contains(err.Error(), "Inf") {
			t.Errorf("%T: %v", v, err)
		}
	}
	var v struct{ A int8 }
	err := codec.JSON.Decode([]byte(`{"A":4711}`), &v)
	if !errors.Is(err, codec.ErrMismatch) || strings.Contains(err.Error(), "4711") {
		t.Errorf("overflow: %v", err)
	}
}

package codec_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/larder-go/larder/codec"
	"github.com/larder-go/larder/store"
)

func seeds(f *testing.F) {
	for _, h := range hostiles() {
		if len(h.data) < 4096 {
			f.Add(h.data)
		}
	}
	for _, v := range []any{session(), filledIn(), []any{nil, true, 1.5, "x"}, map[any]any{1: "x", "y": []byte{1}}} {
		if data, err := codec.MsgPack.Encode(v); err == nil {
			f.Add(data)
		}
	}
}

// decodes what is given into to and fails if that costs too much, or if the error is none of ours.
func fuzzDecode(t *testing.T, data []byte, to any) bool {
	var err error
	took := allocated(func() { err = codec.MsgPack.Decode(data, to) })
	if took > raceFactor*(8*len(data)+2<<20) { // the fuzzer's own goroutines allocate too
		t.Errorf("%d bytes into %T took %d", len(data), to, took)
	}
	if err != nil && !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("into %T: %v", to, err)
	}
	return err == nil
}

// FuzzMsgPackAny decodes into an any. What is a value must be stable: encoded and decoded again, it is the same, in the same bytes,
// and the library reads it too.
func FuzzMsgPackAny(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		var first, second any
		if !fuzzDecode(t, data, &first) {
			return
		}
		once, err := codec.MsgPack.Encode(first)
		if err != nil {
			if holdsNaNKey(first) {
				return
			}
			t.Fatalf("decoded but not encoded: %v", err)
		}
		if err := codec.MsgPack.Decode(once, &second); err != nil {
			t.Fatalf("encoded but not decoded: %v", err)
		}
		twice, err := codec.MsgPack.Encode(second)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("% x became % x; %v", once, twice, err)
		}
		if _, err := msgpack.NewDecoder(bytes.NewReader(once)).DecodeRaw(); err != nil {
			t.Fatalf("the library cannot read % x: %v", once, err)
		}
	})
}

// holdsNaNKey tells whether a map in v has NaN among its keys: two of them are two keys to Go and one to us.
func holdsNaNKey(v any) bool {
	switch v := v.(type) {
	case map[any]any:
		for key, value := range v {
			if f, ok := key.(float64); ok && math.IsNaN(f) || holdsNaNKey(value) {
				return true
			}
		}
	case map[string]any:
		for _, value := range v {
			if holdsNaNKey(value) {
				return true
			}
		}
	case []any:
		for _, value := range v {
			if holdsNaNKey(value) {
				return true
			}
		}
	}
	return false
}

// FuzzMsgPackTyped decodes into all sorts of types.
func FuzzMsgPackTyped(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, to := range append(targets(), new(full), new(visitor), new(map[string]custom)) {
			if !fuzzDecode(t, data, to) {
				continue
			}
			if _, err := codec.MsgPack.Encode(to); err != nil {
				if _, ok := to.(*any); ok || reflect.TypeOf(to).Elem().Kind() == reflect.Map || reflect.TypeOf(to).Elem() == reflect.TypeFor[record]() ||
					reflect.TypeOf(to).Elem() == reflect.TypeFor[[]record]() {
					continue // NaN keys
				}
				t.Errorf("%T: decoded but not encoded: %v", to, err)
			}
		}
	})
}

// FuzzMsgPackRoundTrip encodes what the fuzzer makes up and wants it back.
func FuzzMsgPackRoundTrip(f *testing.F) {
	f.Add("key", []byte("bytes"), int64(-1), uint64(math.MaxUint64), 0.5, true)
	f.Fuzz(func(t *testing.T, s string, b []byte, i int64, u uint64, x float64, flag bool) {
		type all struct {
			S string
			B []byte
			I int64
			U uint64
			X float64
			Y bool
			M map[string]int64
			L []any
		}
		if b == nil {
			b = []byte{}
		}
		in := all{s, b, i, u, x, flag, map[string]int64{s: i}, []any{s, b, i, x, flag, nil, map[any]any{i: s}}}
		data, err := codec.MsgPack.Encode(in)
		if err != nil {
			t.Fatal(err)
		}
		var out all
		if err := codec.MsgPack.Decode(data, &out); err != nil {
			t.Fatal(err)
		}
		if math.IsNaN(x) {
			in.X, out.X, in.L[3], out.L[3] = 0, 0, 0.0, 0.0
		}
		if !reflect.DeepEqual(in, out) {
			t.Fatalf("%+v became %+v", in, out)
		}
		for _, v := range []any{made(b), made([]byte(s)), map[any]any{made(b): 1, i: 2, u: 3, x: 4, float32(x): 5}} {
			wantReadable(t, v)
		}
	})
}

// FuzzJSON decodes JSON into an any and a struct. What is a value must be stable.
func FuzzJSON(f *testing.F) {
	for _, text := range []string{`{"a":[1,1.5,"x",null,true,{"b":-1}]}`, `18446744073709551615`, `"\ud800"`, `{"A":{"x":1},"D":[],"F":"2026-11-22T12:00:00Z"}`, `[1e400]`, `-0`, `{"":{"":{}}}x`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, to := range []any{new(any), new(record), new(full)} {
			if err := codec.JSON.Decode(data, to); err != nil {
				if !errors.Is(err, store.ErrCorrupt) {
					t.Errorf("into %T: %v", to, err)
				}
				continue
			}
			if _, ok := to.(*any); !ok {
				continue
			}
			once, err := codec.JSON.Encode(to)
			if err != nil {
				t.Fatalf("decoded but not encoded: %v", err)
			}
			var second any
			if err := codec.JSON.Decode(once, &second); err != nil {
				t.Fatal(err)
			}
			if twice, err := codec.JSON.Encode(second); err != nil || !bytes.Equal(once, twice) {
				t.Fatalf("%s became %s; %v", once, twice, err)
			}
		}
	})
}

// FuzzTag reads whole values as Typed finds them in a store.
func FuzzTag(f *testing.F) {
	for _, text := range []string{"", "M\xc0", "J1", "C\x04mine1", "C\x05other1", "C\xff", "C", "X"} {
		f.Add([]byte(text))
	}
	s := store.NewMap(nil)
	typed := codec.NewTyped[any](s, codec.MsgPack, brittle{"mine"})
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := s.Set(t.Context(), "k", data); err != nil {
			t.Fatal(err)
		}
		if _, err := typed.Get(t.Context(), "k"); err != nil && !errors.Is(err, store.ErrCorrupt) && !errors.Is(err, codec.ErrUnknownCodec) {
			t.Error(fmt.Sprintf("%q", data), err)
		}
	})
}

package codec_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/larder-go/larder/codec"
	"github.com/larder-go/larder/store"
)

func newTagged(t *testing.T, c codec.Codec, others ...codec.Codec) *codec.Tagged {
	t.Helper()
	tagged, err := codec.NewTagged(c, others...)
	if err != nil {
		t.Fatal(err)
	}
	return tagged
}

// The bytes are those that Typed writes; they must never change.
func TestTaggedGolden(t *testing.T) {
	v := map[string]any{"a": []any{int64(1), "x"}}
	all := newTagged(t, nil, brittle{"mine"})
	for _, test := range []struct {
		codec codec.Codec
		want  string
	}{
		{nil, "M\x81\xa1a\x92\x01\xa1x"}, {codec.MsgPack, "M\x81\xa1a\x92\x01\xa1x"}, {codec.JSON, `J{"a":[1,"x"]}`}, {brittle{"mine"}, "C\x04mine" + `{"a":[1,"x"]}`},
	} {
		c := newTagged(t, test.codec)
		data, err := c.Encode(v)
		if err != nil || string(data) != test.want {
			t.Errorf("got %q, %v; want %q", data, err, test.want)
		}
		s := store.NewMap(nil)
		if err := codec.NewTyped[map[string]any](s, test.codec).Set(t.Context(), "k", v); err != nil {
			t.Fatal(err)
		}
		if typed, _ := s.Get(t.Context(), "k"); string(typed) != string(data) {
			t.Errorf("Typed writes %q, Tagged %q", typed, data)
		}
		for _, reader := range []*codec.Tagged{c, all} {
			var out map[string]any
			if err := reader.Decode(data, &out); err != nil || fmt.Sprint(out) != fmt.Sprint(v) {
				t.Errorf("%q came back as %v, %v", data, out, err)
			}
		}
	}
	if name := all.Name(); name != "tagged" {
		t.Errorf("the name %q is written by those who are given a Tagged: it must not change", name)
	}
}

func TestTaggedErrors(t *testing.T) {
	c := newTagged(t, codec.MsgPack, nil, brittle{"mine"})
	for _, test := range []struct {
		data, prefix     string
		corrupt, unknown bool
	}{
		{"", "codec: decode: tag: ", true, true},
		{"SECRET", "codec: decode: tag: ", true, true},
		{"M\xa6SECRET", "codec: decode: msgpack: ", true, false},
		{"JSECRET", "codec: decode: json: ", true, false},
		{"C\x04mineSECRET", "codec: decode: mine: ", true, false},
		{"C\x05otherSECRET", `codec: decode: unknown codec: the codec "other" wrote this; give it to `, false, true},
	} {
		var v struct{ Name string }
		err := c.Decode([]byte(test.data), &v)
		if errors.Is(err, store.ErrCorrupt) != test.corrupt || errors.Is(err, codec.ErrUnknownCodec) != test.unknown {
			t.Errorf("%q: %v", test.data, err)
		}
		if text := fmt.Sprint(err); !strings.HasPrefix(text, test.prefix) || strings.Contains(text, "SECRET") {
			t.Errorf("%q: the text is %q", test.data, text)
		}
	}
	for _, w := range []codec.Codec{codec.MsgPack, codec.JSON, brittle{"mine"}} {
		data, err := newTagged(t, w).Encode(func() {})
		if data != nil || err == nil || !strings.HasPrefix(err.Error(), "codec: encode: "+w.Name()+": ") || strings.Count(err.Error(), "codec: ") != 1 {
			t.Errorf("%s: %q, %v", w.Name(), data, err)
		}
	}
	for _, name := range []string{"", "Mine", strings.Repeat("x", 33)} {
		if c, err := codec.NewTagged(nil, brittle{name}); c != nil || err == nil || !strings.HasPrefix(err.Error(), "codec: open: ") {
			t.Errorf("%q: %v, %v", name, c, err)
		}
	}
}

// A Tagged is a Codec like any other, also for Typed.
func TestTaggedInTyped(t *testing.T) {
	s := store.NewMap(nil)
	typed := codec.NewTyped[visitor](s, newTagged(t, codec.JSON))
	if err := typed.Set(t.Context(), "k", visitor{Name: "ada"}); err != nil {
		t.Fatal(err)
	}
	if v, err := typed.Get(t.Context(), "k"); err != nil || v.Name != "ada" {
		t.Errorf("got %+v, %v", v, err)
	}
	s.Set(t.Context(), "k", []byte("C\x06taggedJ{"))
	if _, err := typed.Get(t.Context(), "k"); !errors.Is(err, store.ErrCorrupt) || strings.Count(err.Error(), "codec: ") != 1 {
		t.Errorf("got %v", err)
	}
}

// The tag is no part of what is checked and measured, and costs no copy.
func TestTaggedIsMsgPack(t *testing.T) {
	c := newTagged(t, nil)
	for _, v := range []any{nil, "", session(), filledIn(), make([]byte, 100_000), make([]any, 70_000), make([]any, 200_000)} {
		data, err := c.Encode(v)
		bare, bareErr := codec.MsgPack.Encode(v)
		if err != nil || bareErr != nil {
			if fmt.Sprint(err) != fmt.Sprint(bareErr) {
				t.Errorf("%T: %v; without a tag %v", v, err, bareErr)
			}
			continue
		}
		if string(data) != "M"+string(bare) {
			t.Errorf("%T: the tagged bytes are not those of MsgPack behind M", v)
		}
		if v == nil {
			continue
		}
		out := reflect.New(reflect.TypeOf(v))
		if err := c.Decode(data, out.Interface()); err != nil {
			t.Errorf("%T: %v", v, err)
		}
	}
	if raceFactor > 1 {
		return // the race detector empties pools
	}
	v := session()
	tagged := testing.AllocsPerRun(200, func() { c.Encode(v) })
	if bare := testing.AllocsPerRun(200, func() { codec.MsgPack.Encode(v) }); tagged > bare {
		t.Errorf("%v allocations with a tag, %v without", tagged, bare)
	}
}

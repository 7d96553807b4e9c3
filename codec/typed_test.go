package codec_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/codec"
	"github.com/larder-go/larder/store"
)

type visitor struct {
	Name   string
	Visits int
	Tags   map[string]string `json:",omitempty"`
}

// brittle is somebody's own codec, which quotes what it cannot read.
type brittle struct{ name string }

func (b brittle) Name() string                 { return b.name }
func (b brittle) Encode(v any) ([]byte, error) { return json.Marshal(v) }
func (b brittle) Decode(data []byte, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("cannot read %s: %w", data, err)
	}
	return nil
}

func TestTypedKeepsValues(t *testing.T) {
	ctx := t.Context()
	for _, c := range []codec.Codec{codec.MsgPack, codec.JSON, brittle{"mine"}, nil} {
		s := store.NewMap(nil)
		typed := codec.NewTyped[visitor](s, c)
		in := visitor{"ada", 3, map[string]string{"a": "b"}}
		if err := typed.Set(ctx, "k", in); err != nil {
			t.Fatal(err)
		}
		out, err := typed.Get(ctx, "k")
		if err != nil || out.Name != in.Name || out.Visits != 3 || out.Tags["a"] != "b" {
			t.Errorf("got %+v, %v", out, err)
		}
		if ok, err := typed.Contains(ctx, "k"); !ok || err != nil {
			t.Errorf("contains: %v, %v", ok, err)
		}
		if err := typed.Touch(ctx, "k"); err != nil {
			t.Error(err)
		}
		n := 0
		for info, err := range typed.List(ctx, "") {
			if err != nil || info.Key != "k" {
				t.Errorf("listed %+v, %v", info, err)
			}
			n++
		}
		if err := typed.Delete(ctx, "k"); err != nil || n != 1 {
			t.Errorf("%d listed, delete: %v", n, err)
		}
		if v, err := typed.Get(ctx, "k"); err != store.ErrNotFound || v.Name != "" {
			t.Errorf("after the delete: %+v, %v", v, err)
		}
		if _, err := typed.Load(ctx, "k"); err != store.ErrNotFound {
			t.Errorf("after the delete: %v", err)
		}
		if err := typed.Set(ctx, "", in); !errors.Is(err, store.ErrInvalidKey) {
			t.Errorf("an invalid key: %v", err)
		}
	}
}

func TestTypedLosesNoUpdate(t *testing.T) {
	typed := codec.NewTyped[visitor](store.NewMap(nil), codec.MsgPack)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 50 {
				err := typed.Update(t.Context(), "k", func(old *visitor) (*visitor, error) {
					if old == nil {
						return &visitor{Visits: 1}, nil
					}
					old.Visits++
					return old, nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if v, err := typed.Get(t.Context(), "k"); err != nil || v.Visits != 16*50 {
		t.Errorf("%d visits of %d; %v", v.Visits, 16*50, err)
	}
}

// writes counts how often a store is written to.
type writes struct {
	*store.Map
	n int
}

func (w *writes) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	w.n++
	return w.Map.Swap(ctx, key, old, item)
}

func TestTypedUpdate(t *testing.T) {
	ctx := t.Context()
	w := &writes{Map: store.NewMap(nil)}
	deadline := time.Now().Add(time.Hour).Round(0)
	typed := codec.NewTyped[visitor](w, codec.MsgPack)
	if _, err := typed.Swap(ctx, "k", "", &codec.Item[visitor]{Value: visitor{Name: "ada"}, Expires: deadline}); err != nil {
		t.Fatal(err)
	}
	stop := errors.New("stop")
	for _, test := range []struct {
		name   string
		fn     func(old *visitor) (*visitor, error)
		writes int
		want   string
		err    error
	}{
		{"unchanged", func(old *visitor) (*visitor, error) { return old, nil }, 0, "ada", nil},
		{"changed in place", func(old *visitor) (*visitor, error) { old.Name = "bob"; return old, nil }, 1, "bob", nil},
		{"a map changed in place", func(old *visitor) (*visitor, error) { old.Tags = map[string]string{"x": "y"}; return old, nil }, 1, "bob", nil},
		{"replaced", func(*visitor) (*visitor, error) { return &visitor{Name: "cyd"}, nil }, 1, "cyd", nil},
		{"an error", func(old *visitor) (*visitor, error) { old.Name = "dan"; return old, stop }, 0, "cyd", stop},
	} {
		w.n = 0
		if err := typed.Update(ctx, "k", test.fn); err != test.err {
			t.Errorf("%s: %v", test.name, err)
		}
		item, err := typed.Peek(ctx, "k")
		if err != nil || item.Value.Name != test.want || w.n != test.writes || !item.Expires.Equal(deadline) {
			t.Errorf("%s: %+v after %d writes, deadline %v; %v", test.name, item, w.n, deadline, err)
		}
	}
	if err := typed.Update(ctx, "k", func(*visitor) (*visitor, error) { return nil, nil }); err != nil {
		t.Error(err)
	}
	if ok, _ := typed.Contains(ctx, "k"); ok {
		t.Error("nil did not remove the entry")
	}
	if err := typed.Update(ctx, "k", func(old *visitor) (*visitor, error) {
		if old != nil {
			t.Errorf("fn got %+v for what is absent", old)
		}
		return nil, nil
	}); err != nil {
		t.Error(err)
	}
}

func TestTypedDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		typed := codec.NewTyped[int](store.NewMap(nil), codec.MsgPack)
		end := time.Now().Add(time.Minute)
		version, err := typed.Swap(ctx, "k:1", "", &codec.Item[int]{Value: 1, Expires: end})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := typed.Swap(ctx, "k:1", "", &codec.Item[int]{Value: 2}); !errors.Is(err, store.ErrConflict) {
			t.Errorf("created twice: %v", err)
		}
		if item, err := typed.Load(ctx, "k:1"); err != nil || item.Version != version || item.Value != 1 || !item.Expires.Equal(end) {
			t.Errorf("loaded %+v, %v", item, err)
		}
		if err := typed.UpdateItem(ctx, "k:1", func(old *codec.Item[int]) (*codec.Item[int], error) {
			old.Value, old.Expires = 5, old.Expires.Add(time.Minute)
			return old, nil
		}); err != nil {
			t.Error(err)
		}
		time.Sleep(90 * time.Second)
		if v, err := typed.Get(ctx, "k:1"); v != 5 || err != nil {
			t.Errorf("before the new deadline: %d, %v", v, err)
		}
		time.Sleep(30 * time.Second)
		if v, err := typed.Get(ctx, "k:1"); v != 0 || err != store.ErrNotFound {
			t.Errorf("at the deadline: %d, %v", v, err)
		}
		if r, err := typed.Sweep(ctx, store.SweepOptions{Prefix: "k:"}); err != nil || r.Removed != 1 {
			t.Errorf("swept %+v, %v", r, err)
		}
		if n, err := typed.Cleanup(ctx, 0); err != nil || n != 0 {
			t.Errorf("cleaned %d, %v", n, err)
		}
	})
}

// A value that cannot be read is an error that says so without showing it, and stands until somebody replaces it.
func TestTypedCorrupt(t *testing.T) {
	ctx := t.Context()
	for _, test := range []struct {
		name, data, text string
		unknown          bool
	}{
		{"cut off", "M\x82\xa4Name", "msgpack", false},
		{"bomb", "M\xdd\xff\xff\xff\xff", "msgpack", false},
		{"another shape", "M\xa6SECRET", "msgpack", false},
		{"a number of another size", `J{"Visits":1e400}`, "json", false},
		{"a wrong type", `J{"Name":987654}`, "json", false},
		{"a letter too many", `J{"Name":"x"}SECRET`, "json", false},
		{"not JSON", `JSECRET`, "json", false},
		{"custom", "C\x04mineSECRET", "mine", false},
		{"empty", "", "tag", true},
		{"no tag", "SECRET", "tag", true},
		{"half a tag", "C\xffSECRET", "tag", true},
		{"no name", "C\x06SECRET", "tag", true},
		{"an empty name", "C\x00SECRET", "tag", true},
	} {
		s := store.NewMap(nil)
		if err := s.Set(ctx, "k", []byte(test.data)); err != nil {
			t.Fatal(err)
		}
		typed := codec.NewTyped[visitor](s, codec.MsgPack, brittle{"mine"})
		check := func(op string, err error) {
			t.Helper()
			if !errors.Is(err, store.ErrCorrupt) || errors.Is(err, codec.ErrUnknownCodec) != test.unknown {
				t.Errorf("%s, %s: %v", test.name, op, err)
			}
			if text := fmt.Sprint(err); !strings.HasPrefix(text, "codec: decode: "+test.text+": ") ||
				strings.Contains(text, "SECRET") || strings.Contains(text, "987654") {
				t.Errorf("%s, %s: the text is %q", test.name, op, text)
			}
		}
		v, err := typed.Get(ctx, "k")
		check("get", err)
		if v.Name != "" || v.Visits != 0 {
			t.Errorf("%s: got %+v with the error", test.name, v)
		}
		_, err = typed.Load(ctx, "k")
		check("load", err)
		_, err = typed.Peek(ctx, "k")
		check("peek", err)
		check("update", typed.Update(ctx, "k", func(*visitor) (*visitor, error) {
			t.Errorf("%s: fn was called", test.name)
			return nil, nil
		}))
		if data, _ := s.Get(ctx, "k"); string(data) != test.data {
			t.Errorf("%s: it was overwritten", test.name)
		}
		if err := typed.Set(ctx, "k", visitor{Name: "ada"}); err != nil {
			t.Errorf("%s: set: %v", test.name, err)
		}
	}
}

func TestTypedChangeOfCodec(t *testing.T) {
	ctx := t.Context()
	s := &writes{Map: store.NewMap(nil)}
	mine := brittle{"mine"}
	for i, c := range []codec.Codec{codec.JSON, codec.MsgPack, mine} {
		if err := codec.NewTyped[visitor](s, c).Set(ctx, fmt.Sprint(i), visitor{Name: "ada", Visits: i}); err != nil {
			t.Fatal(err)
		}
	}
	for _, typed := range []*codec.Typed[visitor]{
		codec.NewTyped[visitor](s, codec.MsgPack, mine), codec.NewTyped[visitor](s, codec.JSON, nil, mine), codec.NewTyped[visitor](s, mine),
	} {
		for i := range 3 {
			if v, err := typed.Get(ctx, fmt.Sprint(i)); err != nil || v.Visits != i {
				t.Errorf("entry %d: %+v, %v", i, v, err)
			}
		}
	}

	// Who was not told of the codec is told its name, and that nothing is wrong with the value.
	_, err := codec.NewTyped[visitor](s, codec.MsgPack).Get(ctx, "2")
	if !errors.Is(err, codec.ErrUnknownCodec) || errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), `"mine"`) {
		t.Errorf("unknown codec: %v", err)
	}

	// An update writes with the new codec, but only where there is something to write.
	typed := codec.NewTyped[visitor](s, codec.MsgPack)
	same := func(old *visitor) (*visitor, error) { return old, nil }
	more := func(old *visitor) (*visitor, error) { old.Visits++; return old, nil }
	for i, fn := range []func(*visitor) (*visitor, error){same, more} {
		if err := typed.Update(ctx, "0", fn); err != nil || s.n != i {
			t.Errorf("%d writes, %v", s.n, err)
		}
		if data, _ := s.Get(ctx, "0"); (data[0] == 'J') != (i == 0) {
			t.Errorf("update %d left %q", i, data)
		}
	}
}

// A field that this program does not know survives an update that changes nothing.
func TestTypedUpdateLeavesUnknownFields(t *testing.T) {
	ctx := t.Context()
	s := store.NewMap(nil)
	newer := codec.NewTyped[map[string]any](s, codec.MsgPack)
	if err := newer.Set(ctx, "k", map[string]any{"Name": "ada", "Added": "later"}); err != nil {
		t.Fatal(err)
	}
	if err := codec.NewTyped[visitor](s, codec.MsgPack).Update(ctx, "k", func(old *visitor) (*visitor, error) { return old, nil }); err != nil {
		t.Fatal(err)
	}
	if m, err := newer.Get(ctx, "k"); err != nil || m["Added"] != "later" {
		t.Errorf("got %v, %v", m, err)
	}
}

func TestTypedRefusesBadNames(t *testing.T) {
	for _, name := range []string{"", "Mine", "a b", strings.Repeat("x", 33), "ü"} {
		typed := codec.NewTyped[int](store.NewMap(nil), brittle{name})
		if err := typed.Set(t.Context(), "k", 1); err == nil || !strings.Contains(err.Error(), "name of a codec") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestTypedEncodeError(t *testing.T) {
	s := store.NewMap(nil)
	for _, c := range []codec.Codec{codec.MsgPack, codec.JSON, brittle{"mine"}} {
		err := codec.NewTyped[any](s, c).Set(t.Context(), "k", map[string]any{"f": func() {}})
		if err == nil || !strings.HasPrefix(err.Error(), "codec: encode: "+c.Name()+": ") || strings.Count(err.Error(), "codec: ") != 1 {
			t.Errorf("%s: %v", c.Name(), err)
		}
		if ok, _ := s.Contains(t.Context(), "k"); ok {
			t.Errorf("%s: something was written", c.Name())
		}
	}
}

// The bytes are a format: these must never change.
func TestGolden(t *testing.T) {
	ctx := t.Context()
	v := map[string]any{"b": []byte{1}, "a": []any{1, -1, 300, 0.5, "x", true, nil}, "t": time.Unix(1, 0)}
	for _, test := range []struct {
		codec codec.Codec
		want  string
	}{
		{codec.MsgPack, "M\x83\xa1a\x97\x01\xff\xcd\x01\x2c\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00\xa1x\xc3\xc0\xa1b\xc4\x01\x01\xa1t\xd6\xff\x00\x00\x00\x01"},
		{codec.JSON, `J{"a":[1,-1,300,0.5,"x",true,null],"b":"AQ==","t":"1970-01-01T00:00:01Z"}`},
		{brittle{"my-codec.v2"}, "C\x0bmy-codec.v2" + `{"a":[1,-1,300,0.5,"x",true,null],"b":"AQ==","t":"1970-01-01T00:00:01Z"}`},
	} {
		s := store.NewMap(nil)
		v["t"] = time.Unix(1, 0).UTC()
		if err := codec.NewTyped[any](s, test.codec).Set(ctx, "k", v); err != nil {
			t.Fatal(err)
		}
		if got, _ := s.Get(ctx, "k"); !bytes.Equal(got, []byte(test.want)) {
			t.Errorf("%s:\ngot  %q\nwant %q", test.codec.Name(), got, test.want)
		}
	}
}

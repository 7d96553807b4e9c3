package codec_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/larder-go/larder/codec"
)

// custom writes itself with the library's stream, marshaler with its bytes.
type custom struct{ n int }

func (c *custom) EncodeMsgpack(e *msgpack.Encoder) error { return e.EncodeInt(int64(c.n)) }
func (c *custom) DecodeMsgpack(d *msgpack.Decoder) (err error) {
	c.n, err = d.DecodeInt()
	return err
}

type marshaler struct{ data string }

func (m marshaler) MarshalMsgpack() ([]byte, error)  { return []byte(m.data), nil }
func (m *marshaler) UnmarshalMsgpack(b []byte) error { m.data = string(b); return nil }

func TestMethodsOfTypes(t *testing.T) {
	in := map[string]custom{"a": {1}, "b": {1 << 40}}
	data, err := codec.MsgPack.Encode(in)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]custom
	if err := codec.MsgPack.Decode(data, &out); err != nil || !reflect.DeepEqual(in, out) {
		t.Errorf("got %v, %v", out, err)
	}

	type holder struct{ M marshaler }
	for _, test := range []struct {
		own string
		ok  bool
	}{
		{"\x93\x01\x02\x03", true}, {"", false}, {"\x01\x02", false}, {"\xdd\xff\xff\xff\xff", false}, {strings.Repeat("\x91", 62) + "\xc0", true},
		{strings.Repeat("\x91", 64) + "\xc0", false}, // alone it would do, but it stands in a struct
	} {
		data, err := codec.MsgPack.Encode(holder{marshaler{test.own}})
		if test.ok != (err == nil) {
			t.Errorf("%x: %v", test.own, err)
		}
		var out holder
		if err == nil {
			if err := codec.MsgPack.Decode(data, &out); err != nil || out.M.data != test.own {
				t.Errorf("%x: got %x, %v", test.own, out.M.data, err)
			}
		}
	}
}

// The library reads what is written here, and the other way round.
func TestLibraryReadsIt(t *testing.T) {
	in := filledIn()
	in.Next = nil
	data, err := codec.MsgPack.Encode(in)
	if err != nil {
		t.Fatal(err)
	}
	dec := msgpack.NewDecoder(strings.NewReader(string(data)))
	dec.SetCustomStructTag("json")
	var out full
	if err := dec.Decode(&out); err != nil {
		t.Fatal(err)
	}
	out.Time, out.When = out.Time.UTC(), new(out.When.UTC())
	out.Any, out.Anys, out.ByName = in.Any, in.Anys, in.ByName // small ints are int8 to the library
	if diff := cmp.Diff(in, out, cmpFull); diff != "" {
		t.Error(diff)
	}

	var b strings.Builder
	enc := msgpack.NewEncoder(&b)
	enc.SetCustomStructTag("json")
	if err := enc.Encode(in); err != nil {
		t.Fatal(err)
	}
	out = full{}
	if err := codec.MsgPack.Decode([]byte(b.String()), &out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(in, out, cmpFull); diff != "" {
		t.Error(diff)
	}
}

// The fast path is worth its lines.
func TestFewerAllocationsThanOthers(t *testing.T) {
	v, all := session(), contenders()
	ours := all[len(all)-1]
	data, err := ours.encode(v)
	if err != nil {
		t.Fatal(err)
	}
	encodes := testing.AllocsPerRun(100, func() { ours.encodes(t, v) })
	decodes := testing.AllocsPerRun(100, func() { ours.decodes(t, data) })
	for _, c := range all[:len(all)-1] {
		theirs, err := c.encode(v)
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() { c.encodes(t, v) }); n <= encodes || len(theirs) <= len(data) {
			t.Errorf("%s encodes to %d bytes with %v allocations, codec.MsgPack to %d with %v", c.name, len(theirs), n, len(data), encodes)
		}
		if n := testing.AllocsPerRun(100, func() { c.decodes(t, theirs) }); n <= decodes {
			t.Errorf("%s decodes with %v allocations, codec.MsgPack with %v", c.name, n, decodes)
		}
	}
}

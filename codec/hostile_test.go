package codec_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/codec"
	"github.com/larder-go/larder/store"
)

// hostile is an input that must not hurt. ok says that it is a value all the same, for those who take an any.
type hostile struct {
	name string
	data []byte
	ok   bool
}

func header(code byte, width int, n uint64) []byte {
	b := binary.BigEndian.AppendUint64(nil, n)
	return append([]byte{code}, b[8-width:]...)
}

func cat(parts ...[]byte) []byte { return slices.Concat(parts...) }

func rep(n int, b ...byte) []byte { return bytes.Repeat(b, n) }

// list announces n elements and has those of data.
func list(n int, data []byte) []byte { return cat(header(0xdd, 4, uint64(n)), data) }

func hostiles() (all []hostile) {
	add := func(ok bool, name string, data ...byte) { all = append(all, hostile{name, data, ok}) }

	// Lengths that are lies, for every code that has one.
	for _, c := range []struct {
		name  string
		code  byte
		width int
	}{
		{"bin 8", 0xc4, 1}, {"bin 16", 0xc5, 2}, {"bin 32", 0xc6, 4}, {"ext 8", 0xc7, 1}, {"ext 16", 0xc8, 2}, {"ext 32", 0xc9, 4},
		{"str 8", 0xd9, 1}, {"str 16", 0xda, 2}, {"str 32", 0xdb, 4}, {"array 16", 0xdc, 2}, {"array 32", 0xdd, 4},
		{"map 16", 0xde, 2}, {"map 32", 0xdf, 4},
	} {
		most := uint64(1)<<(8*c.width) - 1
		add(false, c.name+" of the greatest length", header(c.code, c.width, most)...)
		add(false, c.name+" of half the greatest length", header(c.code, c.width, most/2)...)
		add(false, c.name+" one longer than the data", append(header(c.code, c.width, 4), 1, 2, 3)...)
		add(false, c.name+" without its length", header(c.code, c.width, 0)[:c.width]...)
		add(false, c.name+" inside a list", append([]byte{0x91}, header(c.code, c.width, most)...)...)
	}
	for _, c := range []byte{0x8f, 0x9f, 0xbf} {
		add(false, fmt.Sprintf("%#x without its content", c), c)
	}

	// Nesting.
	add(true, "64 lists", append(rep(64, 0x91), 0xc0)...)
	add(false, "65 lists", append(rep(65, 0x91), 0xc0)...)
	add(false, "65 empty lists", append(rep(64, 0x91), 0x90)...)
	add(false, "65 maps", append(rep(65, 0x81, 0xa0), 0xc0)...)
	add(false, "65 maps as keys", append(rep(65, 0x81), rep(66, 0xc0)...)...)
	add(false, "lists and maps by turns", rep(40, 0x91, 0x81, 0xa0)...)
	add(false, "3 MB of lists", rep(3<<20, 0x91)...)
	add(false, "3 MB of maps", rep(1<<20, 0x81, 0xa1, 'a')...)
	add(false, "3 MB of lists of 15", rep(3<<20, 0x9f)...)
	add(false, "lists that all claim the whole input", bytes.Repeat(list(1<<19, nil), 1<<17)...)
	add(false, "60 lists that all claim the rest, and a megabyte", cat(bytes.Repeat(list(1<<20, nil), 60), rep(1<<20, 0xc0))...)

	// Extensions.
	for _, typ := range []byte{0, 5, 13, 0x7f, 0x80, 0xfe} { // 0x80: the library's interned strings
		add(false, fmt.Sprintf("fixext 1 of type %d", int8(typ)), 0xd4, typ, 0)
		add(false, fmt.Sprintf("fixext 4 of type %d", int8(typ)), 0xd6, typ, 0, 0, 0, 0)
		add(false, fmt.Sprintf("ext 8 of type %d", int8(typ)), 0xc7, 1, typ, 0)
	}
	for i, c := range []byte{0xd4, 0xd5, 0xd8} {
		add(false, fmt.Sprintf("timestamp of fixext %d", 1<<[]int{0, 1, 4}[i]), append([]byte{c, 0xff}, rep(16, 0)...)[:2+1<<[]int{0, 1, 4}[i]]...)
	}
	add(false, "timestamp without a byte", 0xc7, 0, 0xff)
	add(false, "timestamp of 11 bytes", append([]byte{0xc7, 11, 0xff}, rep(11, 0)...)...)
	add(false, "timestamp of 64 KB", append([]byte{0xc8, 0xff, 0xff, 0xff}, rep(65535, 0)...)...)
	add(false, "timestamp 64 with too many nanoseconds", 0xd7, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0)
	add(false, "timestamp 96 with too many nanoseconds", append([]byte{0xc7, 12, 0xff, 0x3b, 0x9a, 0xca, 0}, rep(8, 0)...)...)
	add(true, "timestamp 96 at the end of time", append([]byte{0xc7, 12, 0xff, 0, 0, 0, 0, 0x7f}, rep(7, 0xff)...)...)
	add(true, "timestamp 96 at the beginning of time", append([]byte{0xc7, 12, 0xff, 0, 0, 0, 0, 0x80}, rep(7, 0)...)...)

	// Something missing, something left over.
	add(false, "nothing")
	add(false, "the unused code", 0xc1)
	add(false, "the unused code in a map", 0x81, 0xa0, 0xc1)
	add(false, "a map without its last value", 0x82, 0xa1, 'a', 1, 0xa1, 'b')
	add(false, "two values", 1, 2)
	add(false, "a value and garbage", 0x81, 0xa1, 'a', 1, 0xff)
	add(false, "a value and a megabyte", append([]byte{0x80}, rep(1<<20, 0)...)...)
	add(false, "JSON", []byte(`{"a":1}`)...)
	for _, c := range []byte{0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3} {
		add(false, fmt.Sprintf("%#x cut off", c), c)
	}

	// Keys.
	add(false, "the same key twice", 0x82, 0xa1, 'a', 1, 0xa1, 'a', 2)
	add(false, "the same key in two lengths", 0x82, 0xa1, 'a', 1, 0xd9, 1, 'a', 2)
	add(false, "the same number twice, in two widths", 0x82, 1, 1, 0xd1, 0, 1, 2)
	add(false, "the same key after a number", 0x83, 0xa1, 'a', 1, 2, 2, 0xa1, 'a', 3)
	add(false, "a key of bytes", 0x81, 0xc4, 1, 'a', 1)
	add(false, "a list as a key", 0x81, 0x90, 1)
	add(false, "a map as a key", 0x81, 0x80, 1)
	add(false, "a timestamp as a key", 0x81, 0xd6, 0xff, 0, 0, 0, 0, 1)
	add(true, "nil as a key", 0x81, 0xc0, 1)
	nan := binary.BigEndian.AppendUint64([]byte{0xcb}, math.Float64bits(math.NaN()))
	add(true, "NaN", nan...)
	add(true, "NaN as a key, twice", cat([]byte{0x82}, nan, []byte{1}, nan, []byte{2})...)
	add(true, "a string that is not UTF-8", 0xa2, 0xff, 0xfe)
	add(true, "a key that is not UTF-8", 0x81, 0xa2, 0xff, 0xfe, 1)

	// Little that becomes much. Whether these are values is a question of the budget.
	for _, n := range []int{1 << 10, 1 << 14, 1 << 16, 1 << 17} {
		for _, c := range []struct {
			name string
			elem []byte
		}{
			{"nil", []byte{0xc0}}, {"-1", []byte{0xff}}, {"an empty list", []byte{0x90}}, {"an empty map", []byte{0x80}},
			{"an empty string", []byte{0xa0}}, {"empty bytes", []byte{0xc4, 0}}, {"a map of nothing", []byte{0x81, 0xa0, 0xc0}},
			{"a map of a number", []byte{0x81, 0x01, 0xc0}}, {"a list of a list", []byte{0x91, 0x90}}, {"false", []byte{0xc2}},
		} {
			add(n <= 1<<10, fmt.Sprintf("%d times %s", n, c.name), list(n, bytes.Repeat(c.elem, n))...)
		}
		for _, perTable := range []int{7, 8} { // at which the runtime's tables fit closely, and not
			keys, count := []byte(nil), n/8*perTable
			for i := range count {
				keys = append(keys, header(0xce, 4, uint64(i))...)
				keys = append(keys, 0xc0)
			}
			add(n <= 1<<10, fmt.Sprintf("a map of %d numbers", count), append(header(0xdf, 4, uint64(count)), keys...)...)
			keys = keys[:0]
			for i := range count {
				keys = append(append(keys, 0xa4), header(0, 3, uint64(i))[0:4]...)
				keys = append(keys, 0xc0)
			}
			add(n <= 1<<10, fmt.Sprintf("a map of %d names", count), append(header(0xdf, 4, uint64(count)), keys...)...)
		}
	}
	return all
}

type large struct {
	Block [1024]int64 `msgpack:"b"`
}

type node struct {
	Next *node `msgpack:"n"`
}

type ring *ring

type record struct {
	A any
	B []byte
	C map[string]string
	D []large
	E *record
	F time.Time
	G map[any]any
	H [3]int8
}

// targets are what hostile bytes are decoded into.
func targets() []any {
	return []any{
		new(any), new(map[string]any), new([]any), new(map[string]string), new([]string), new(record), new([]record), new([]large),
		new([]*large), new(map[int]large), new(map[string]large), new(map[any]any), new([]map[string]int), new([][]int64), new(*node),
		new([]node), new(ring), new(string), new([]byte), new(int8), new(float32), new(bool), new(time.Time), new([2]any), new(map[string][]byte),
		new(map[[2]string]int), new([]struct{}), new([][1 << 16]byte), new(map[struct{}]int),
	}
}

// allocated returns how many bytes f allocates.
func allocated(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

func TestHostileInputIsHarmless(t *testing.T) {
	all := hostiles()
	if len(all) < 60 {
		t.Fatalf("only %d inputs", len(all))
	}
	worst, worstName := 0.0, ""
	for _, h := range all {
		types := targets()
		if len(h.data) >= 1<<20 {
			types = types[:6] // what is this large is refused before the type matters
		}
		for _, to := range types {
			name := fmt.Sprintf("%s into %T", h.name, to)
			var err error
			took := allocated(func() { err = codec.MsgPack.Decode(h.data, to) })
			if limit := raceFactor * (8*len(h.data) + 1<<20); took > limit {
				t.Errorf("%s: %d bytes took %d, the limit is %d (error: %v)", name, len(h.data), took, limit, err)
			} else if share := float64(took) / float64(limit); share > worst {
				worst, worstName = share, name
			}
			if _, ok := to.(*any); ok {
				if h.ok != (err == nil) && (h.ok || !strings.Contains(h.name, "times") && !strings.Contains(h.name, "a map of")) {
					t.Errorf("%s: error %v", name, err)
				}
			}
			if err != nil && (!errors.Is(err, store.ErrCorrupt) || !strings.HasPrefix(err.Error(), "codec: decode: msgpack: ")) {
				t.Errorf("%s: error %v", name, err)
			}
		}
	}
	t.Logf("%d inputs into %d types; the greediest took %.0f %% of what is allowed: %s", len(all), len(targets()), 100*worst, worstName)
}

// Every value that is cut off anywhere is an error, and every byte that is changed is an error or a value.
func TestTruncatedAndChanged(t *testing.T) {
	whole, err := codec.MsgPack.Encode(map[string]any{
		"nil": nil, "true": true, "tiny": 1, "minus": -100, "word": 1 << 40, "half": 0.5, "text": strings.Repeat("x", 300),
		"bytes": make([]byte, 300), "time": time.Now(), "list": []any{1, "two", 3.0, []any{}}, "map": map[int]string{1: "x", 1 << 40: "y"},
		"many": make([]int, 300), "uint": uint64(math.MaxUint64), "float": float32(1),
	})
	if err != nil {
		t.Fatal(err)
	}
	var v any
	for n := range whole {
		if err := codec.MsgPack.Decode(whole[:n], &v); !errors.Is(err, store.ErrCorrupt) {
			t.Fatalf("the first %d of %d bytes: %v", n, len(whole), err)
		}
	}
	data := bytes.Clone(whole)
	for i := range data {
		for _, b := range []byte{0, 0x7f, 0x80, 0x91, 0xa0, 0xc0, 0xc1, 0xc7, 0xdb, 0xdd, 0xdf, 0xff} {
			data[i] = b
			for _, to := range []any{&v, new(map[string]any), new(record)} {
				if err := codec.MsgPack.Decode(data, to); err != nil && !errors.Is(err, store.ErrCorrupt) {
					t.Fatalf("byte %d changed to %#x: %v", i, b, err)
				}
			}
		}
		data[i] = whole[i]
	}
}

// What Encode returns, Decode reads: what is too dense for the budget is refused before it is stored.
func TestNothingIsWrittenThatCannotBeRead(t *testing.T) {
	dense := make([]any, 1<<19)
	for _, v := range []any{dense, map[string]any{"a": dense}, make([]large, 0), make([]*struct{}, 1<<20), make([]map[string]int, 1<<20), make([]string, 1<<19),
		slices.Repeat([]struct {
			B [1024]int64 `msgpack:",omitempty"`
		}{{}}, 2000)} {
		data, err := codec.MsgPack.Encode(v)
		if err != nil {
			if data != nil {
				t.Errorf("%T: bytes and an error", v)
			}
			continue
		}
		if err := codec.MsgPack.Decode(data, reflect.New(reflect.TypeOf(v)).Interface()); err != nil {
			t.Errorf("%T: written, but reading it: %v", v, err)
		}
	}
	if _, err := codec.MsgPack.Encode(dense); err == nil || !strings.Contains(err.Error(), "read back") {
		t.Errorf("half a million nils: %v", err)
	}
	// What people do store is below the limit: the figures of the package's comment.
	type item struct {
		ID    int
		Name  string
		Price float64
	}
	ints, entries, maps, structs := make([]any, 80_000), map[string]any{}, make([]any, 15_000), make([]item, 100_000)
	for i := range ints {
		ints[i] = i % 100
	}
	for i := range structs {
		structs[i] = item{i, fmt.Sprint("item number ", i), float64(i) / 100}
		if i < len(maps) {
			maps[i] = map[string]any{"ID": i, "Name": structs[i].Name, "Price": structs[i].Price}
		}
		if i < 25_000 {
			entries[fmt.Sprint("k", i)] = i
		}
	}
	for _, v := range []any{ints, entries, maps, structs} {
		if _, err := codec.MsgPack.Encode(v); err != nil {
			t.Errorf("%T: %v", v, err)
		}
	}
}

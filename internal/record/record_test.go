package record

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/store"
)

var update = flag.Bool("update", false, "write the golden files anew; a change means a new format version")

var version = Version{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

// golden are the records that every later program must read, and that this one must write to the letter.
var golden = map[string]Record{
	"plain": {Key: "k", Value: []byte("value"), Version: version, Written: time.Unix(1_700_000_000, 123)},
	"deadline": {Key: "session:é\x01", Value: []byte{0, 255, 10, 13}, Version: version,
		Expires: time.Unix(1_800_000_000, 999_999_999), Written: time.Unix(-1, 0)},
	"empty": {Key: strings.Repeat("x", store.MaxKeyLen), Value: []byte{}, Version: Version{}, Written: time.Unix(0, 1)},
}

func TestGolden(t *testing.T) {
	for name, r := range golden {
		path := filepath.Join("testdata", name+".hex")
		data := r.Append(nil)
		if *update {
			if err := os.WriteFile(path, []byte(lines(data)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(data, want) {
			t.Errorf("%s: encoded as\n%swant\n%s", name, lines(data), text)
		}
		got, err := Decode(want, r.Key)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		equal(t, got, r)
	}
}

func lines(data []byte) string {
	var out strings.Builder
	for len(data) > 0 {
		n := min(32, len(data))
		out.WriteString(hex.EncodeToString(data[:n]) + "\n")
		data = data[n:]
	}
	return out.String()
}

func equal(t *testing.T, got, want Record) {
	t.Helper()
	if got.Key != want.Key || !bytes.Equal(got.Value, want.Value) || got.Version != want.Version ||
		!got.Expires.Equal(want.Expires) || !got.Written.Equal(want.Written) {
		t.Errorf("decoded %+v, want %+v", got, want)
	}
}

// TestByteTable checks each row of the table in the package comment.
func TestByteTable(t *testing.T) {
	r := Record{Key: "key", Value: []byte("value"), Version: version, Expires: time.Unix(0, 0x1122334455667788), Written: time.Unix(0, -2)}
	data := r.Append([]byte("before"))[len("before"):]
	for _, row := range []struct {
		field       string
		offset, end int
		want        string
	}{
		{"magic", 0, 4, "4c524452"},
		{"format version", 4, 5, "01"},
		{"reserved", 5, 6, "00"},
		{"key length", 6, 8, "0003"},
		{"value length", 8, 12, "00000005"},
		{"deadline", 12, 20, "1122334455667788"},
		{"written", 20, 28, "fffffffffffffffe"},
		{"version", 28, 44, "000102030405060708090a0b0c0d0e0f"},
		{"key", 44, 47, "6b6579"},
		{"value", 47, 52, "76616c7565"},
	} {
		if got := hex.EncodeToString(data[row.offset:row.end]); got != row.want {
			t.Errorf("%s at %d: %s, want %s", row.field, row.offset, got, row.want)
		}
	}
	if len(data) != 56 || len(data) != r.Size() {
		t.Errorf("%d bytes, Size says %d", len(data), r.Size())
	}
}

// TestDamage flips every bit, cuts at every length and lengthens: none of it may be read as a record.
func TestDamage(t *testing.T) {
	for name, r := range golden {
		data := r.Append(nil)
		for i := range data {
			for bit := range 8 {
				data[i] ^= 1 << bit
				refused(t, name, data, r.Key)
				data[i] ^= 1 << bit
			}
			refused(t, name, data[:i], r.Key)
		}
		refused(t, name, append(data, 0), r.Key)
		refused(t, name, data, "another key")
	}
	noUTF8 := Record{Key: "\xff", Value: []byte("v")}
	refused(t, "key that is not UTF-8", noUTF8.Append(nil), "")
}

func refused(t *testing.T, name string, data []byte, key string) {
	t.Helper()
	_, err := Decode(data, key)
	if !errors.Is(err, store.ErrCorrupt) {
		t.Fatalf("%s: damaged record %x: error %v", name, data, err)
	}
	if key != "" && strings.Contains(err.Error(), key+" ") {
		t.Fatalf("the error %q shows the key", err)
	}
}

func TestDecodeAllocatesNothing(t *testing.T) {
	r := golden["plain"]
	data := r.Append(nil)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := Decode(data, "k"); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("Decode with a known key allocates %v times", n)
	}
}

func TestNanos(t *testing.T) {
	for _, test := range []struct {
		t    time.Time
		want int64
	}{
		{time.Time{}, 0},
		{time.Unix(0, 0), 1},
		{time.Unix(0, -1), -1},
		{time.Date(1600, 1, 1, 0, 0, 0, 0, time.UTC), math.MinInt64},
		{time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC), math.MaxInt64},
		{time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), math.MaxInt64},
		{time.Date(2038, 1, 19, 3, 14, 8, 0, time.UTC), 1 << 31 * 1e9},
	} {
		if got := Nanos(test.t); got != test.want {
			t.Errorf("Nanos(%v) = %d, want %d", test.t, got, test.want)
		}
	}
	if !Time(0).IsZero() || Time(1).UnixNano() != 1 {
		t.Error("Time is not the reverse of Nanos")
	}
}

func TestVersion(t *testing.T) {
	v := NewVersion()
	if v == NewVersion() {
		t.Error("the same version twice")
	}
	if text := v.Text(); len(text) != 32 || text == store.AnyVersion {
		t.Errorf("Text() = %q", text)
	}
}

// FuzzDecode holds Decode to its word: what it refuses is ErrCorrupt, and what it takes is written again byte for byte. Each
// input is tried as it is and with its checksum mended, or the fuzzer would never get past it.
func FuzzDecode(f *testing.F) {
	for _, r := range golden {
		f.Add(r.Append(nil), r.Key)
		f.Add(r.Append(nil)[:HeaderSize], "")
	}
	f.Fuzz(func(t *testing.T, data []byte, key string) {
		decodes(t, data, key)
		if n, err := Length(data); err == nil && n <= len(data) {
			data = binary.BigEndian.AppendUint32(bytes.Clone(data[:n-crcSize]), crc32.Checksum(data[:n-crcSize], castagnoli))
			decodes(t, data, key)
			decodes(t, data, "")
		}
	})
}

func decodes(t *testing.T, data []byte, key string) {
	r, err := Decode(data, key)
	if err != nil {
		if !errors.Is(err, store.ErrCorrupt) {
			t.Fatalf("error %v", err)
		}
		return
	}
	if again := r.Append(nil); !bytes.Equal(again, data) {
		t.Fatalf("read %x, wrote %x", data, again)
	}
}

func BenchmarkRecord(b *testing.B) {
	r := Record{Key: "session:0123456789abcdef0123456789abcdef", Value: make([]byte, 600), Version: version, Written: time.Now()}
	data := r.Append(nil)
	b.Run("append", func(b *testing.B) {
		for b.Loop() {
			data = r.Append(data[:0])
		}
	})
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			if _, err := Decode(data, r.Key); err != nil {
				b.Fatal(err)
			}
		}
	})
}

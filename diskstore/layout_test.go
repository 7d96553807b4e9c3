package diskstore

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/store"
)

var update = flag.Bool("update", false, "write the golden files anew")

func testRecord(value string) *record.Record {
	r := &record.Record{
		Key:     "kéy",
		Value:   []byte(value),
		Expires: time.Unix(1_800_000_000, 5),
		Written: time.Unix(1_700_000_000, 7),
	}
	for i := range r.Version {
		r.Version[i] = byte(i)
	}
	return r
}

// twoSlots returns a file whose entry is "new", in slot 1, over "old" in slot 0.
func twoSlots() []byte {
	data := appendFile(nil, testRecord("old"))
	data = append(data, make([]byte, blockSize-len(data))...)
	return appendSlot(data, 2, testRecord("new"))
}

// TestGolden pins the layout: files that were written must be readable for ever.
func TestGolden(t *testing.T) {
	for name, data := range map[string][]byte{
		"born":        appendFile(nil, testRecord("value")),
		"overwritten": twoSlots(),
		"single":      appendFile(nil, testRecord(strings.Repeat("x", maxInPlace)))[:160],
	} {
		path := "testdata/" + name + ".hex"
		got := hex.Dump(data)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: the layout is\n%swhere %s has\n%s", name, got, path, want)
		}
	}
}

func TestSlotSizes(t *testing.T) {
	for _, tt := range []struct{ record, size int }{
		{49, 4096}, {4096 - 28, 4096}, {4096 - 27, 8192}, {maxInPlace, 69632}, {maxInPlace + 1, 0},
	} {
		if got := slotSizeFor(tt.record); got != tt.size {
			t.Errorf("a record of %d bytes gets slots of %d, want %d", tt.record, got, tt.size)
		}
		if tt.size > 0 && !fits(tt.size, tt.record) {
			t.Errorf("a record of %d bytes does not fit into the slot made for it", tt.record)
		}
	}
	if fits(4096, 4096-27) || fits(0, 49) {
		t.Error("a record fits where it does not")
	}
}

// TestDamage flips every bit of a file with two slots, cuts it off at every length and zeroes it from every byte on. Whatever is
// damaged, the entry is one of the two that were written, or corrupt; and where a slot does not read, the other is in doubt.
func TestDamage(t *testing.T) {
	whole := twoSlots()
	read := func(what string, at int, data []byte) (string, bool) {
		c, err := decode(data, "kéy")
		switch {
		case err != nil && !errors.Is(err, store.ErrCorrupt):
			t.Fatalf("%s at byte %d: %v", what, at, err)
		case err == nil && string(c.Value) != "old" && string(c.Value) != "new":
			t.Fatalf("%s at byte %d: wrong bytes: %q", what, at, c.Value)
		}
		return string(c.Value), c.doubt
	}
	written := len(appendFile(nil, testRecord("old")))
	for i := range len(whole) * 8 {
		data := bytes.Clone(whole)
		data[i/8] ^= 1 << (i % 8)
		value, doubt := read("bit flipped", i/8, data)
		want, wantDoubt := "new", false
		switch at := i / 8; {
		case at < headSize:
			want = ""
		case at < written:
			wantDoubt = true
		case at >= blockSize:
			want, wantDoubt = "old", true
		}
		if value != want || doubt != wantDoubt {
			t.Fatalf("bit %d flipped: %q, doubt %v; want %q, %v", i, value, doubt, want, wantDoubt)
		}
	}
	for n := range whole {
		if value, doubt := read("cut off", n, whole[:n]); n > blockSize && (value != "old" || !doubt) {
			t.Fatalf("cut off at byte %d: %q, doubt %v", n, value, doubt)
		}
		data := bytes.Clone(whole)
		clear(data[n:])
		if value, doubt := read("zeroed", n, data); n >= blockSize+slotHead && (value != "old" || !doubt) {
			t.Fatalf("zeroed from byte %d on: %q, doubt %v", n, value, doubt)
		}
	}
}

// TestUndone reads a file whose second slot was emptied after an error.
func TestUndone(t *testing.T) {
	data := twoSlots()
	clear(data[blockSize : blockSize+slotHead])
	c, err := decode(data, "kéy")
	if err != nil || string(c.Value) != "old" || c.doubt {
		t.Fatalf("%q, doubt %v, %v; want the old value without a doubt", c.Value, c.doubt, err)
	}
}

func TestPeekDeadline(t *testing.T) {
	late := testRecord(strings.Repeat("x", 9000))
	data := appendFile(nil, late)
	data = append(data, make([]byte, 12288-len(data))...)
	early := testRecord(strings.Repeat("y", 9000))
	early.Expires = time.Unix(5, 0)
	data = appendSlot(data, 2, early)
	_, next := peekDeadline(data[:blockSize+peekSize], nil)
	if next != 12288 {
		t.Fatalf("slot 1 is said to begin at %d", next)
	}
	if got, _ := peekDeadline(data[:blockSize+peekSize], data[next:next+peekSize]); !got.Equal(early.Expires) {
		t.Errorf("deadline %v, want that of slot 1", got)
	}
	if got, next := peekDeadline(twoSlots(), nil); !got.Equal(late.Expires) || next != 0 {
		t.Errorf("deadline %v, next %d", got, next)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(appendFile(nil, testRecord("value")))
	f.Add(twoSlots())
	f.Add(appendFile(nil, testRecord(strings.Repeat("x", maxInPlace))))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, key := range []string{"", "kéy"} {
			c, err := decode(data, key)
			switch {
			case err != nil && !errors.Is(err, store.ErrCorrupt):
				t.Fatalf("an error that is not ErrCorrupt: %v", err)
			case err == nil && (c.seq == 0 || key != "" && c.Key != key || store.CheckKey(c.Key) != nil):
				t.Fatalf("decoded as %q, number %d", c.Key, c.seq)
			case err == nil && c.size > 0:
				// What was read can be written again, and is then what is read.
				slot := appendSlot(nil, c.seq, &c.Record)
				at := slotOffset(c.size, c.index)
				if !bytes.Equal(slot, data[at:at+len(slot)]) {
					t.Fatal("the slot does not encode to its own bytes")
				}
			}
		}
		peekDeadline(data, nil)
		peekDeadline(data, data)
	})
}

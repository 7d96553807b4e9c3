package crashtest

import (
	"bytes"
	"slices"
	"testing"
)

// Whatever a crash makes of a value, other than another whole value of the same key, must be seen.
func TestValueNoticesTears(t *testing.T) {
	const key = "w0/k1"
	old, fresh := value{seq: 7}.encode(key, 600), value{seq: 8}.encode(key, 600)
	if v, err := decode(key, fresh); err != nil || v.seq != 8 {
		t.Fatalf("decode: %v, %v", v, err)
	}
	if _, err := decode("w0/k2", fresh); err == nil {
		t.Error("another key's value passes")
	}
	for i := range fresh {
		if _, err := decode(key, fresh[:i]); err == nil {
			t.Errorf("cut off after %d bytes it passes", i)
		}
		mixed := slices.Concat(fresh[:i], old[i:])
		if _, err := decode(key, mixed); err == nil && !bytes.Equal(mixed, old) && !bytes.Equal(mixed, fresh) {
			t.Errorf("the new value up to %d and the old one from there pass", i)
		}
		flipped := bytes.Clone(fresh)
		flipped[i] ^= 0x40
		if _, err := decode(key, flipped); err == nil {
			t.Errorf("with byte %d changed it passes", i)
		}
	}
}

func TestLineRoundTrip(t *testing.T) {
	for _, key := range allKeys(maxWorkers) {
		if len(key) > 1024 {
			t.Errorf("a key of %d bytes", len(key))
		}
	}
	l := line{what: lineFail, worker: 3, op: opSwap, key: 17, seq: 1 << 40, expires: 1 << 60, text: "some reason"}
	text := l.String()
	got, err := parseLine(text[:len(text)-1])
	got.at = l.at
	if got != l || err != nil {
		t.Errorf("%+v became %+v, %v", l, got, err)
	}
	if _, err := parseLine("begin 1 set"); err == nil {
		t.Error("half a line passes")
	}
}

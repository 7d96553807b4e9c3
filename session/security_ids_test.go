package session

import (
	"encoding/binary"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestIDs draws ids as sessions get them: none comes twice, and no bit or byte is likelier than another. The bounds are seven standard
// deviations wide, which chance passes about once in 10¹¹ runs.
func TestIDs(t *testing.T) {
	n := 1_000_000
	if os.Getenv("LARDER_SOAK") != "" {
		n *= 10
	}
	first := make([]uint64, n) // eight bytes of each will do: that two of 10,000,000 are equal by chance happens once in 10⁵ runs
	var ones [8 * idSize]int
	var bytes [idSize][256]int
	for k := range first {
		i := newID()
		first[k] = binary.BigEndian.Uint64(i[:])
		for at, b := range i {
			bytes[at][b]++
		}
	}
	slices.Sort(first)
	for k := 1; k < n; k++ {
		if first[k] == first[k-1] {
			t.Fatalf("two of %d ids begin with the same 8 bytes", n)
		}
	}
	for at := range bytes {
		for b, count := range bytes[at] {
			for bit := range 8 {
				ones[8*at+bit] += count * (b >> bit & 1)
			}
		}
	}
	worst := 0.0
	for _, count := range ones {
		worst = max(worst, math.Abs(float64(count)-float64(n)/2)/(math.Sqrt(float64(n))/2))
	}
	if worst > 7 {
		t.Errorf("a bit is set in %.1f standard deviations more or fewer ids than half of %d", worst, n)
	}
	worstByte, all := 0.0, 0.0
	for at := range bytes {
		chi := chiSquared(bytes[at][:], n)
		all += chi
		worstByte = max(worstByte, (chi-255)/math.Sqrt(2*255))
	}
	if all = (all - 255*idSize) / math.Sqrt(2*255*idSize); worstByte > 9 || math.Abs(all) > 7 { // one of 32 has a longer tail
		t.Errorf("chi squared of the bytes is off by %.1f standard deviations at the worst place, and by %.1f in all", worstByte, all)
	}
	t.Logf("%d ids: worst bit %.1f, worst byte %.1f, all bytes %.1f standard deviations", n, worst, worstByte, all)
}

func chiSquared(counts []int, n int) (chi float64) {
	want := float64(n) / float64(len(counts))
	for _, count := range counts {
		chi += (float64(count) - want) * (float64(count) - want) / want
	}
	return chi
}

// TestOneSpellingOfAToken: an id whose last byte is 0 can be written one character shorter, and base64 passes over line ends.
func TestOneSpellingOfAToken(t *testing.T) {
	r, err := newRing([][]byte{[]byte(strings.Repeat("no secret ", 4))}, "name")
	if err != nil {
		t.Fatal(err)
	}
	for range 2000 { // so that the last byte of the MAC is 0 too, now and then
		i := newID()
		i[idSize-1] = 0
		token := r.sign(&i)
		if got, _, ok := r.verify(token); !ok || got != i {
			t.Fatal("a token is refused by who signed it")
		}
		for _, at := range []int{0, 42, 44, tokenSize - 1} {
			for _, end := range []string{"\n", "\r"} {
				if _, _, ok := r.verify(token[:at] + end + token[at+1:]); ok {
					t.Fatalf("a token with %q at %d is accepted", end, at)
				}
			}
		}
	}
}

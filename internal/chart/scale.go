package chart

import (
	"math/bits"
	"strconv"

	"github.com/larder-go/larder/internal/words"
)

// Thousands is how values are written where no Format says otherwise: "12,345".
func Thousands(n int64) string { return words.Thousands(n) }

// Fixed writes values that come in units of 10 to the -have with want digits after the point, rounded half up: Fixed(3, 2) writes 1105 as "1.11".
func Fixed(have, want int) func(int64) string {
	return func(n int64) string {
		sign := ""
		if n < 0 {
			sign, n = "-", -n
		}
		unit := int64(1)
		for range have - want {
			unit *= 10
		}
		n = (n + unit/2) / unit
		digits := strconv.FormatInt(n, 10)
		for len(digits) <= want {
			digits = "0" + digits
		}
		if want == 0 {
			return sign + digits
		}
		return sign + digits[:len(digits)-want] + "." + digits[len(digits)-want:]
	}
}

// scale maps values from low to high onto places from zero to length.
type scale struct {
	low, high, step int64
	length          tenths
}

// newScale finds even steps, at most most of them, which cover low to high. Where binary is true steps are powers of two, as bytes have them.
func newScale(low, high int64, most int64, length tenths, binary bool) scale {
	low, high = max(low, -most60), min(high, most60)
	if high <= low {
		high = low + 1
	}
	span, step := high-low, int64(1)
	for i := 0; (span-1)/step+1 > most; i++ {
		if binary || i%3 != 1 {
			step *= 2 // 1, 2, then 5, 10, 20, 50
		} else {
			step = step / 2 * 5
		}
	}
	return scale{low: low, high: low + ((span-1)/step+1)*step, step: step, length: length}
}

// most60 bounds values, so that no sum of them overflows. It is an exabyte.
const most60 = 1 << 60

// at is the place of a value. The product has 128 bits: a petabyte times a width has more than 63.
func (s scale) at(value int64) tenths {
	value = min(max(value, s.low), s.high)
	hi, lo := bits.Mul64(uint64(value-s.low), uint64(s.length))
	quo, _ := bits.Div64(hi, lo, uint64(s.high-s.low))
	return tenths(quo)
}

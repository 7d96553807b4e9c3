package shard

import "math"

// negLog is -ln(1-x) for x between 0 and 1, the same on every machine. math.Log is not: on some it is a routine in assembler, and a compiler may
// join a product and a sum into one step with one rounding where the processor can. One key in very many would then live on another node for a
// program on another machine. Here every product stands in a conversion, which the language forbids to join.
//
// 1-x is m * 2^-e with m around 1, and ln(m) = 2*atanh((m-1)/(m+1)), a series of which ten terms are enough.
func negLog(x float64) float64 {
	m, e := math.Frexp(1 - x) // 1-x is exact for what fraction returns; m from 1/2 to 1
	if m < math.Sqrt2/2 {
		m, e = m*2, e-1
	}
	s := (1 - m) / (1 + m)
	z := float64(s * s)
	sum := 0.0
	for n := 21; n >= 3; n -= 2 {
		sum = float64((sum + 1/float64(n)) * z)
	}
	return float64(-float64(e)*math.Ln2) + float64(2*float64(s+float64(s*sum)))
}

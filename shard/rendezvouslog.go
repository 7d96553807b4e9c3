package shard

import "math"

// negLog is -ln(1-x) for what fraction returns, the same on every machine. math.Log is not: on some it is a routine in assembler, and where a
// processor can, a compiler joins a product and a sum into one step with one rounding. One key in very many would then live on another node for
// a program on another machine. Here every product stands in a conversion, which the language forbids to join.
//
// 1-x is exact, and it is m * 2^e with m around 1. ln(m) = -2*atanh((1-m)/(1+m)), a series of which twelve terms are enough. The error stays
// below half of what lies between neighbouring draws, so that logarithms stand in the order of draws, without exception.
func negLog(x float64) float64 {
	m, e := math.Frexp(1 - x) // m from 1/2 to 1
	if m < math.Sqrt2/2 {
		m, e = m*2, e-1
	}
	s := (1 - m) / (1 + m)
	z := float64(s * s)
	sum := 0.0
	for _, term := range [...]float64{1. / 23, 1. / 21, 1. / 19, 1. / 17, 1. / 15, 1. / 13, 1. / 11, 1. / 9, 1. / 7, 1. / 5, 1. / 3} {
		sum = float64((sum + term) * z)
	}
	const ( // ln 2 in two parts; up to 53 times the first is exact
		ln2High = 0x1.62e42fefap-1
		ln2Low  = math.Ln2 - ln2High
	)
	small := s + float64(s*sum)
	return float64(ln2High*float64(-e)) + (float64(2*small) + float64(ln2Low*float64(-e)))
}

// Package words writes numbers and text for people: on the page of package admin as in what the command prints.
package words

import "strconv"

// Thousands writes a number with commas: "12,345".
func Thousands(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// Size writes a number of bytes with three significant digits at most, in at most eight characters.
func Size(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	value, units := float64(n)/1024, "KMGTPE"
	for value >= 999.5 && len(units) > 1 {
		value, units = value/1024, units[1:]
	}
	decimals := 0
	if value < 9.95 {
		decimals = 1
	}
	return strconv.FormatFloat(value, 'f', decimals, 64) + " " + units[:1] + "iB"
}

package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/larder-go/larder/internal/words"
)

// showKey shows a key on a terminal. Keys are bearer tokens: whoever reads one over a shoulder or in a log of a cron job
// is logged in. So unless full is asked for, at most the first half of a key's runes, rounded down, and never more than
// six are shown, with its length in bytes: enough to recognise it, too little to use it.
func showKey(key string, full bool) string {
	if full {
		return quoteUnlessPlain(key)
	}
	return quoteUnlessPlain(shorten(key))
}

func shorten(key string) string {
	runes := utf8.RuneCountInString(key) / 2
	end := 0
	for range min(runes, 6) {
		_, size := utf8.DecodeRuneInString(key[end:])
		end += size
	}
	return fmt.Sprintf("%s…(%d)", key[:end], len(key))
}

// quoteUnlessPlain quotes what could steer a terminal, hide itself or be taken for something else: control and format characters,
// spaces at the ends, quotes at the beginning.
func quoteUnlessPlain(s string) string {
	if s == "" || strings.HasPrefix(s, `"`) || strings.TrimSpace(s) != s || strings.ContainsFunc(s, hostile) {
		return strconv.Quote(s)
	}
	return s
}

// hostile tells the characters that could steer a terminal, or make text look like another, from those that can be shown.
func hostile(r rune) bool { return !strconv.IsPrint(r) }

// printable replaces the hostile characters in the text of an error.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if hostile(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// marshal is json.Marshal in one line, safe for a terminal.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return escapeJSON(b.Bytes()), nil
}

// escapeJSON writes the characters that could steer a terminal as \u escapes. encoding/json does so below U+0020 only, but
// U+009B begins an escape sequence too, and U+202E turns a line around. They can stand nowhere but in strings.
func escapeJSON(line []byte) []byte {
	// The line feed at the end of the line is the only control character that encoding/json leaves, besides DEL.
	escape := func(r rune) bool { return r != '\n' && hostile(r) }
	if bytes.IndexFunc(line, escape) < 0 {
		return line
	}
	var b bytes.Buffer
	for _, r := range string(line) {
		switch {
		case !escape(r):
			b.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.Bytes()
}

// count writes "1 entry" or "12,345 entries".
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}

func entries(n int) string { return count(n, "entry", "entries") }

func thousands(n int) string { return words.Thousands(int64(n)) }

// age writes a duration in its two largest units: "45s", "3h12m", "5d4h".
func age(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 0:
		return "-" + age(-d)
	case d > 0 && d < time.Second:
		return d.String()
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return twoUnits(d, time.Minute, "m", time.Second, "s")
	case d < day:
		return twoUnits(d, time.Hour, "h", time.Minute, "m")
	}
	return twoUnits(d, day, "d", time.Hour, "h")
}

func twoUnits(d, large time.Duration, l string, small time.Duration, s string) string {
	text := strconv.FormatInt(int64(d/large), 10) + l
	if rest := d % large / small; rest > 0 {
		text += strconv.FormatInt(int64(rest), 10) + s
	}
	return text
}

package cli

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/larder-go/larder/store"
)

// The format of an export, which docs/export.md describes: a header, a line for each entry, a trailer.

const (
	exportName    = "larder-export"
	exportVersion = 1
)

// exportHeader is the first line.
type exportHeader struct {
	Format  string    `json:"format"`
	Version int       `json:"version"`
	ID      string    `json:"id"` // of this export: random
	Store   string    `json:"store"`
	Prefix  string    `json:"prefix"`
	Created time.Time `json:"created"`
}

// exportTrailer is the last line: a file without it was cut off.
type exportTrailer struct {
	End    bool   `json:"end"`
	Count  int    `json:"count"`  // lines between the first and this one
	SHA256 string `json:"sha256"` // of all lines before this one
}

// exportLine is what a line can be. What it has besides is ignored, so that later versions may add to it.
type exportLine struct {
	Key     *string    `json:"key"`
	Text    *string    `json:"text"`
	Value   []byte     `json:"value"` // base64
	Atime   *time.Time `json:"atime"`
	Expires *time.Time `json:"expires"`
	End     bool       `json:"end"`
	Count   int        `json:"count"`
	SHA256  string     `json:"sha256"`

	Unreadable bool `json:"unreadable"` // an entry stood here that the store could not read
}

// unreadableLine stands for an entry that could not be read, so that whoever finishes or imports the export knows.
const unreadableLine = `{"unreadable":true}` + "\n"

// appendEntry writes an entry as one line.
func appendEntry(line []byte, e *store.Entry) []byte {
	line = appendText(append(line, `{"key":`...), e.Key)
	if readable(e.Value) {
		line = appendText(append(line, `,"text":`...), string(e.Value))
	} else {
		line = append(line, `,"value":"`...)
		line = base64.StdEncoding.AppendEncode(line, e.Value)
		line = append(line, '"')
	}
	line = appendTime(line, `,"atime":`, e.Atime)
	line = appendTime(line, `,"expires":`, e.Expires)
	return append(line, "}\n"...)
}

// readable tells a value that can stand in a line as it is from one that is written as base64.
func readable(value []byte) bool {
	return utf8.Valid(value) && bytes.IndexFunc(value, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' || r == utf8.RuneError
	}) < 0
}

// appendText writes a string of JSON that is safe for a terminal.
func appendText(line []byte, text string) []byte {
	quoted, err := marshal(text)
	if err != nil {
		return append(line, `""`...) // a string always can be
	}
	return append(line, quoted[:len(quoted)-1]...)
}

// lastTime is the end of what RFC 3339 can say.
var lastTime = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

func appendTime(line []byte, name string, t time.Time) []byte {
	if t.IsZero() {
		return line
	}
	if t = t.UTC(); t.After(lastTime) {
		t = lastTime
	}
	line = append(append(line, name...), '"')
	return append(t.AppendFormat(line, time.RFC3339Nano), '"')
}

// parseHeader reads the first line.
func parseHeader(line []byte) (h exportHeader, err error) {
	if err := json.Unmarshal(line, &h); err != nil || h.Format != exportName {
		return h, &failure{exitError, errors.New("this is no export of larder: its first line does not say so"), "larder export FILE writes one; docs/export.md describes it"}
	}
	if h.Version != exportVersion {
		return h, &failure{exitError, fmt.Errorf("the export is of version %d, this program reads version %d", h.Version, exportVersion),
			"read it with the release that wrote it, or a later one"}
	}
	return h, nil
}

// errUnreadable is what parseLine says of an unreadableLine: the line itself is as it should be.
var errUnreadable = fmt.Errorf("%w when it was exported", store.ErrCorrupt)

var errBadLine = fmt.Errorf("%w: the line is no entry of an export", store.ErrCorrupt)

// parseLine reads any line but the first: an entry, or the trailer. Its errors wrap [store.ErrCorrupt] and quote nothing of the line.
func parseLine(line []byte) (e store.Entry, end *exportTrailer, err error) {
	var l exportLine
	if !utf8.Valid(line) || loneSurrogate(line) { // encoding/json would put another character in its place
		return e, nil, fmt.Errorf("%w: it is not valid UTF-8", errBadLine)
	}
	if json.Unmarshal(line, &l) != nil {
		return e, nil, fmt.Errorf("%w: it is not the JSON that it should be", errBadLine)
	}
	switch {
	case l.End:
		return e, &exportTrailer{true, l.Count, l.SHA256}, nil
	case l.Unreadable:
		return e, nil, errUnreadable
	case l.Key == nil:
		return e, nil, fmt.Errorf("%w: it has no key", errBadLine)
	case store.CheckKey(*l.Key) != nil:
		return e, nil, fmt.Errorf("%w: %w", errBadLine, store.CheckKey(*l.Key))
	case store.Reserved(*l.Key):
		return e, nil, fmt.Errorf("%w: %w: it is one of those that larder keeps for itself", errBadLine, store.ErrInvalidKey)
	case (l.Text == nil) == (l.Value == nil):
		return e, nil, fmt.Errorf("%w: it must have one of text and value", errBadLine)
	}
	e.Key, e.Value = *l.Key, l.Value
	if l.Text != nil {
		e.Value = []byte(*l.Text)
	}
	if l.Atime != nil {
		e.Atime = *l.Atime
	}
	if l.Expires != nil {
		e.Expires = *l.Expires
	}
	return e, nil, nil
}

// loneSurrogate finds a \u escape that is half a character.
func loneSurrogate(line []byte) bool {
	for i := 0; i+1 < len(line); i++ {
		if line[i] != '\\' {
			continue
		}
		i++
		if line[i] != 'u' {
			continue
		}
		switch unit := escaped(line[i-1:]); {
		case unit >= 0xdc00 && unit < 0xe000:
			return true
		case unit >= 0xd800 && unit < 0xdc00:
			if low := escaped(line[min(i+5, len(line)):]); low < 0xdc00 || low >= 0xe000 {
				return true
			}
			i += 6
		}
	}
	return false
}

// escaped reads the \u escape with which text begins, or returns -1.
func escaped(text []byte) (unit int) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return -1
	}
	for _, c := range text[2:6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		unit = unit<<4 | int(c)
	}
	return unit
}

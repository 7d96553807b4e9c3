package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// viewDepth is how many lists and maps one within the other are shown: as many as package codec reads. What is deeper is left out, or a value of
// a few kilobytes could be indented to gigabytes.
const viewDepth = 64

// viewer writes what is in a value as JSON. What JSON has no word for is an object with one name: {"$bytes": "base64"}, {"$time": "RFC
// 3339"}, {"$map": [[key, value], ...]} where keys are no text, {"$float": "NaN"}, {"$json": ...} and {"$msgpack": ...} for a text or bytes
// that are such values themselves, {"$redacted": true}, {"$deep": true}.
type viewer struct {
	out    bytes.Buffer
	fence  *fence
	hidden int // values that were redacted
}

func (v *viewer) redacted() {
	v.hidden++
	v.out.WriteString(`{"$redacted":true}`)
}

// object writes a value of ours.
func (v *viewer) object(x any) {
	e := json.NewEncoder(&v.out)
	e.SetEscapeHTML(false)
	if err := e.Encode(x); err != nil { // times of this era, strings and numbers always can
		v.out.WriteString("null\n")
	}
	v.out.Truncate(v.out.Len() - len("\n"))
}

func (v *viewer) text(s string) { v.object(s) }

// marked writes an object with one name.
func (v *viewer) marked(name string, x any) {
	v.out.WriteString(`{"` + name + `":`)
	v.object(x)
	v.out.WriteByte('}')
}

// name writes the name of the i-th member of an object.
func (v *viewer) name(i int, name string) {
	if i > 0 {
		v.out.WriteByte(',')
	}
	v.text(name)
	v.out.WriteByte(':')
}

// member writes what stands under a name, if that may be shown. secret says that another member names a secret.
func (v *viewer) member(name string, x any, secret bool, depth int) {
	if canHide(x) && (v.fence.hides(name) || secret && isNamed(name)) {
		v.redacted()
		return
	}
	v.value(x, depth)
}

// value writes what package codec decodes into an any.
func (v *viewer) value(x any, depth int) {
	switch x := x.(type) {
	case string:
		v.inText(x, depth)
	case []byte:
		v.inBytes(x, depth)
	case time.Time:
		v.marked("$time", x.UTC().Format(time.RFC3339Nano))
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			v.marked("$float", strconv.FormatFloat(x, 'g', -1, 64))
		} else {
			v.object(x)
		}
	case []any, map[string]any, map[any]any:
		if depth >= viewDepth {
			v.out.WriteString(`{"$deep":true}`)
			return
		}
		v.container(x, depth+1)
	default: // nil, bool, int64, uint64
		v.object(x)
	}
}

func (v *viewer) container(x any, depth int) {
	switch x := x.(type) {
	case []any:
		v.list(len(x), func(i int) { v.value(x[i], depth) })
	case map[string]any:
		names, secret := make([]string, 0, len(x)), false
		for name := range x {
			if !utf8.ValidString(name) { // as JSON, two of them could be one
				v.pairs(asAny(x), depth)
				return
			}
			names, secret = append(names, name), secret || v.fence.namesSecret(name, x[name])
		}
		slices.Sort(names)
		v.out.WriteByte('{')
		for i, name := range names {
			v.name(i, name)
			v.member(name, x[name], secret, depth)
		}
		v.out.WriteByte('}')
	case map[any]any:
		v.pairs(x, depth)
	}
}

func (v *viewer) list(n int, element func(i int)) {
	v.out.WriteByte('[')
	for i := range n {
		if i > 0 {
			v.out.WriteByte(',')
		}
		element(i)
	}
	v.out.WriteByte(']')
}

func asAny(m map[string]any) map[any]any {
	out := make(map[any]any, len(m))
	for name, x := range m {
		out[name] = x
	}
	return out
}

// pairs writes a map whose keys no object can have, in the order of what they look like.
func (v *viewer) pairs(m map[any]any, depth int) {
	type entry struct {
		look string
		key  any
	}
	keys, secret := make([]*entry, 0, len(m)), false // the sorting of pointers is one function for all types
	for key, x := range m {
		keys = append(keys, &entry{fmt.Sprintf("%T %v", key, key), key})
		name, _ := key.(string)
		secret = secret || v.fence.namesSecret(name, x)
	}
	slices.SortFunc(keys, func(a, b *entry) int { return strings.Compare(a.look, b.look) })
	v.out.WriteString(`{"$map":`)
	v.list(len(keys), func(i int) {
		name, _ := keys[i].key.(string)
		v.list(2, func(part int) {
			if part == 0 {
				v.value(keys[i].key, viewDepth) // a scalar
			} else {
				v.member(name, m[keys[i].key], secret, depth)
			}
		})
	})
	v.out.WriteByte('}')
}

// inText writes a text. One that is JSON itself, or what package codec has written, is looked into, for names that stand in it would be read past else.
func (v *viewer) inText(s string, depth int) {
	if !utf8.ValidString(s) {
		v.inBytes([]byte(s), depth)
		return
	}
	if inner := untagged(s); holdsMore(inner) && !isQuoted(inner) && v.within("$json", func() bool { return v.json([]byte(inner), depth+1) }) {
		return
	}
	v.text(s)
}

// isQuoted reports whether s is a text within quotes in which there is nothing to look into.
func isQuoted(s string) bool {
	var text string
	return json.Unmarshal([]byte(s), &text) == nil && !holdsMore(untagged(text))
}

func (v *viewer) inBytes(b []byte, depth int) {
	inner := untagged(b)
	switch {
	case holdsMore(inner) && v.within("$json", func() bool { return v.json(inner, depth+1) }):
	case holdsMore(inner) && v.within("$msgpack", func() bool { return v.msgPackWithin(inner, depth+1) }):
	default:
		v.marked("$bytes", b)
	}
}

// untagged returns what is behind the tag of package codec, where one seems to stand in front of a list or a map: what is text, or bytes, without
// is returned as it is.
func untagged[T ~string | ~[]byte](b T) T {
	switch {
	case len(b) < 3:
	case (b[0] == 'J' || b[0] == 'M') && holdsMore(b[1:]):
		return b[1:]
	case b[0] == 'C' && int(b[1]) < len(b)-2 && holdsMore(b[2+int(b[1]):]):
		return b[2+int(b[1]):]
	}
	return b
}

// holdsMore reports whether a text or bytes begin as a list or a map of JSON or MessagePack do, or as a text within quotes that may hold one.
func holdsMore[T ~string | ~[]byte](b T) bool {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\n' || b[0] == '\r' || b[0] == '\t') {
		b = b[1:]
	}
	if len(b) < 2 {
		return false
	}
	c := b[0]
	return c == '{' || c == '[' || c == '"' || c >= 0x80 && c <= 0x9f || c >= 0xdc && c <= 0xdf
}

// within writes an object with one name, unless there is nothing to stand in it.
func (v *viewer) within(name string, write func() bool) bool {
	start, hidden := v.out.Len(), v.hidden
	v.out.WriteString(`{"` + name + `":`)
	if !write() {
		v.out.Truncate(start)
		v.hidden = hidden
		return false
	}
	v.out.WriteByte('}')
	return true
}

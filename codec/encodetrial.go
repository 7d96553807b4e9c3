package codec

import (
	"errors"
	"fmt"
	"math"
	"reflect"
)

// What is written must be readable: into the type that it had, or where it stood in an any, into an any. For most types that
// follows from how they are written. Where it does not, the decoder itself is asked, on the few bytes in question.

var errNoReader = errors.New("could not be read back into it")

// plainKey tells whether keys of type t come back as they were, and two of them that differ as two.
func (e *encoder) plainKey(t reflect.Type) bool {
	switch k := t.Kind(); {
	case k == reflect.String, k >= reflect.Bool && k <= reflect.Uint64, k == reflect.Float32, k == reflect.Float64:
		info := e.c.info(t)
		return info.encode == methodNone && info.decode == methodNone
	}
	return false
}

// tryKeys reads a map of the keys of a map of type t, and of nils. Among keys of any type may be those that an any cannot tell
// apart, such as a float32 and a float64; others may hold what cannot be compared once it is read.
func (e *encoder) tryKeys(data []byte, t reflect.Type, asAny bool) error {
	was := t
	if asAny {
		t = reflect.TypeFor[map[any]struct{}]()
	}
	switch err := e.tryMap(data, t); err {
	case nil:
		return nil
	case errDuplicate:
		return errSameKeys
	default:
		return fmt.Errorf("the keys of a %v could not be read back: %w", was, err)
	}
}

// tryMap reads a map as a t past any decoding method of t, which is asked for nothing but whole values.
func (e *encoder) tryMap(data []byte, t reflect.Type) error {
	d := decoder{c: e.c, data: data, budget: math.MaxInt}
	_, n, _ := d.head()
	return d.typedMap(reflect.New(t).Elem(), n)
}

// tryOwn looks at what an encoding method of t wrote. What its decoding method makes of it is left to that; where it has
// none, or where none will be asked, the value must be one that is read without.
func (e *encoder) tryOwn(data []byte, info *typeInfo, t reflect.Type) error {
	var err error
	text := isText(data[0]) || data[0] >= 0xc4 && data[0] <= 0xc6
	switch {
	case e.loose && !text:
		err = e.try(data, reflect.TypeFor[any]())
	case e.loose:
	case info.decode == methodNone:
		err = e.try(data, t)
	case (info.decode == methodBinary || info.decode == methodText) && !text && data[0] != 0xc0:
		err = &fitError{"what is neither text nor bytes", t}
	}
	if err != nil {
		return fmt.Errorf("what the encoding method of %v wrote %w: %w", t, errNoReader, err)
	}
	return nil
}

// try reads data, which check has passed, as a t. Memory is looked at when all is written.
func (e *encoder) try(data []byte, t reflect.Type) error {
	d := decoder{c: e.c, data: data, budget: math.MaxInt}
	return d.value(reflect.New(t).Elem())
}

// isText tells whether a value that begins with c is a string.
func isText(c byte) bool { return c >= 0xa0 && c <= 0xbf || c >= 0xd9 && c <= 0xdb }

func isBytes(t reflect.Type) bool {
	return (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) && t.Elem().Kind() == reflect.Uint8
}

package codec

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// method is how a type wants to be written or read, when it says so itself.
type method uint8

const (
	methodNone   method = iota
	methodTime          // time.Time
	methodStream        // msgpack.CustomEncoder, msgpack.CustomDecoder
	methodRaw           // msgpack.Marshaler, msgpack.Unmarshaler
	methodBinary        // encoding.BinaryMarshaler, BinaryUnmarshaler
	methodText          // encoding.TextMarshaler, TextUnmarshaler
)

// typeInfo is what must be known of a type that is no pointer.
type typeInfo struct {
	encode, decode method
	fields         []field        // of a struct without methods, in the order in which they are written
	byName         map[string]int // index in fields
	err            error          // why the struct cannot be written or read
}

type field struct {
	name      string
	index     []int
	omitEmpty bool
	behind    reflect.Type // an embedded pointer on the way that no decoder can set, or nil
}

// info returns what is known of t, which is not a pointer.
func (c *msgPack) info(t reflect.Type) *typeInfo {
	if known, ok := c.types.Load(t); ok {
		return known.(*typeInfo)
	}
	info := &typeInfo{
		encode: methodOf(t, reflect.TypeFor[msgpack.CustomEncoder](), reflect.TypeFor[msgpack.Marshaler](),
			reflect.TypeFor[encoding.BinaryMarshaler](), reflect.TypeFor[encoding.TextMarshaler]()),
		decode: methodOf(t, reflect.TypeFor[msgpack.CustomDecoder](), reflect.TypeFor[msgpack.Unmarshaler](),
			reflect.TypeFor[encoding.BinaryUnmarshaler](), reflect.TypeFor[encoding.TextUnmarshaler]()),
	}
	if t.Kind() == reflect.Struct && (info.encode == methodNone || info.decode == methodNone) {
		info.fields, info.byName, info.err = c.fieldsOf(t)
	}
	known, _ := c.types.LoadOrStore(t, info)
	return known.(*typeInfo)
}

func methodOf(t reflect.Type, stream, raw, binary, text reflect.Type) method {
	if t == reflect.TypeFor[time.Time]() {
		return methodTime
	}
	if t.Kind() == reflect.Interface { // what it holds decides
		return methodNone
	}
	p := reflect.PointerTo(t)
	switch {
	case p.Implements(stream):
		return methodStream
	case p.Implements(raw):
		return methodRaw
	case p.Implements(binary):
		return methodBinary
	case p.Implements(text):
		return methodText
	}
	return methodNone
}

// fieldsOf lists the fields of a struct, those of embedded structs among them as Go would find them.
func (c *msgPack) fieldsOf(t reflect.Type) (fields []field, byName map[string]int, err error) {
	byName = make(map[string]int)
	var closed [][]int // embedded structs whose fields are not t's
	for _, f := range reflect.VisibleFields(t) {
		if within(f.Index, closed) {
			continue
		}
		name, omitEmpty, err := tagOf(t, f)
		if err != nil {
			return nil, nil, err
		}
		if f.Anonymous && name == "" && c.opens(f.Type) {
			continue // its fields follow
		}
		if f.Anonymous {
			closed = append(closed, f.Index)
		}
		if name == "-" || !f.IsExported() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		if _, taken := byName[name]; taken {
			return nil, nil, fmt.Errorf("%v has two fields of the name %q; give one another tag", t, name)
		}
		byName[name] = len(fields)
		fields = append(fields, field{name: name, index: f.Index, omitEmpty: omitEmpty, behind: unsettable(t, f.Index)})
	}
	return fields, byName, nil
}

// unsettable returns the first embedded pointer to an unexported struct on the way to the field at index. Reflection may follow
// such a pointer but not set it.
func unsettable(t reflect.Type, index []int) reflect.Type {
	for n := 1; n < len(index); n++ {
		if f := t.FieldByIndex(index[:n]); f.Type.Kind() == reflect.Pointer && !f.IsExported() {
			return f.Type
		}
	}
	return nil
}

// opens tells whether the fields of an embedded type stand in the struct itself: it is a struct without methods for its encoding.
func (c *msgPack) opens(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return false
	}
	return methodOf(t, reflect.TypeFor[msgpack.CustomEncoder](), reflect.TypeFor[msgpack.Marshaler](),
		reflect.TypeFor[encoding.BinaryMarshaler](), reflect.TypeFor[encoding.TextMarshaler]()) == methodNone
}

func within(index []int, closed [][]int) bool {
	for _, outer := range closed {
		if len(index) > len(outer) && reflect.DeepEqual(index[:len(outer)], outer) {
			return true
		}
	}
	return false
}

// tagOf reads the tag msgpack, or where there is none, json: so that a change of codec does not change what is stored. Options
// that the library knows and this package does not are refused, for they change how the bytes look.
func tagOf(t reflect.Type, f reflect.StructField) (name string, omitEmpty bool, err error) {
	tag, own := f.Tag.Lookup("msgpack")
	if !own {
		tag = f.Tag.Get("json")
	}
	if tag == "-" {
		return "-", false, nil
	}
	name, rest, _ := strings.Cut(tag, ",")
	for option := range strings.SplitSeq(rest, ",") {
		switch option {
		case "omitempty", "omitzero":
			omitEmpty = true
		case "", "inline":
		default:
			if own {
				return "", false, fmt.Errorf("%v.%s: the tag option %q is not supported", t, f.Name, option)
			}
		}
	}
	return name, omitEmpty, nil
}

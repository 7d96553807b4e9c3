package codec

import (
	"bytes"
	"encoding"
	"fmt"
	"reflect"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// methodError says that a method of a type refused to write it. Its cause can be reached but is not in the text: it may quote the value.
type methodError struct {
	t     reflect.Type
	cause error
}

func (e *methodError) Error() string { return "the encoding method of " + e.t.String() + " failed" }
func (e *methodError) Unwrap() error { return e.cause }

// byMethod writes a value of a type that has its own way.
func (e *encoder) byMethod(b []byte, info *typeInfo, v reflect.Value) ([]byte, error) {
	m := info.encode
	if m == methodTime {
		return appendTime(b, v.Interface().(time.Time)), nil
	}
	if k := v.Kind(); (k == reflect.Map || k == reflect.Slice) && v.IsNil() {
		return append(b, 0xc0), nil
	}
	if !v.CanAddr() { // the method may be the pointer's
		p := reflect.New(v.Type())
		p.Elem().Set(v)
		v = p.Elem()
	}
	from := v.Addr().Interface()
	var own []byte
	var err error
	switch m {
	case methodStream:
		var buf bytes.Buffer
		enc := msgpack.NewEncoder(&buf)
		enc.SetSortMapKeys(true)
		enc.UseCompactInts(true)
		err = from.(msgpack.CustomEncoder).EncodeMsgpack(enc)
		own = buf.Bytes()
	case methodRaw:
		own, err = from.(msgpack.Marshaler).MarshalMsgpack()
	case methodBinary:
		if own, err = from.(encoding.BinaryMarshaler).MarshalBinary(); err == nil {
			start := len(b)
			if b, err = appendBytes(b, append([]byte{}, own...)); err == nil {
				err = e.tryOwn(b[start:], info, v.Type())
			}
			return b, err
		}
	case methodText:
		if own, err = from.(encoding.TextMarshaler).MarshalText(); err == nil {
			start := len(b)
			if b, err = appendString(b, string(own)); err == nil {
				err = e.tryOwn(b[start:], info, v.Type())
			}
			return b, err
		}
	}
	if err != nil {
		return b, &methodError{v.Type(), err}
	}
	if _, err := check(own); err != nil {
		return b, fmt.Errorf("the encoding method of %v wrote what is not one value: %w", v.Type(), err)
	}
	e.foreign = true
	return append(b, own...), e.tryOwn(own, info, v.Type())
}

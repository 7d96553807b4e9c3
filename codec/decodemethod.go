package codec

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"reflect"

	"github.com/vmihailenco/msgpack/v5"
)

// fitError says that what was read does not fit the type; foreignError that a method of the type refused it.
type fitError struct {
	what string
	t    reflect.Type
}

func (e *fitError) Error() string { return e.what + " does not fit " + e.t.String() }

type foreignError struct {
	t     reflect.Type
	cause error
}

func (e *foreignError) Error() string { return "the decoding method of " + e.t.String() + " failed" }

var kindNames = [...]string{kindNil: "nil", kindBool: "a bool", kindInt: "a number", kindUint: "a number", kindFloat: "a float",
	kindStr: "a string", kindBin: "bytes", kindTime: "a timestamp", kindList: "a list", kindMap: "a map"}

func unfit(k kind, t reflect.Type) error { return &fitError{kindNames[k], t} }

// byMethod reads a value of a type that has its own way. Such a method gets exactly the bytes of its value.
func (d *decoder) byMethod(m method, v reflect.Value) error {
	start := d.pos
	k, n, _ := d.head()
	if m == methodTime {
		if k != kindTime {
			return unfit(k, v.Type())
		}
		v.Set(reflect.ValueOf(d.time(n)))
		return nil
	}

	var err error
	switch to := v.Addr().Interface(); m {
	case methodStream, methodRaw:
		d.pos = start
		d.skip()
		own := d.data[start:d.pos:d.pos]
		if m == methodRaw {
			err = to.(msgpack.Unmarshaler).UnmarshalMsgpack(bytes.Clone(own))
		} else {
			err = to.(msgpack.CustomDecoder).DecodeMsgpack(msgpack.NewDecoder(bytes.NewReader(own)))
		}
	case methodBinary, methodText:
		if k != kindStr && k != kindBin {
			return unfit(k, v.Type())
		}
		if own := bytes.Clone(d.raw(n)); m == methodBinary {
			err = to.(encoding.BinaryUnmarshaler).UnmarshalBinary(own)
		} else {
			err = to.(encoding.TextUnmarshaler).UnmarshalText(own)
		}
	}
	if err != nil {
		return &foreignError{v.Type(), err}
	}
	return nil
}

// failure turns what went wrong at d.pos into the error that Decode returns.
func (d *decoder) failure(err error) error {
	at := fmt.Sprintf("near byte %d: ", d.pos)
	var foreign *foreignError
	var fit *fitError
	switch {
	case errors.As(err, &foreign):
		return mismatch(msgPackName, foreign.cause, "%s%v", at, foreign)
	case errors.As(err, &fit):
		return mismatch(msgPackName, nil, "%s%v", at, fit)
	case err == errMemory, err == errDuplicate, err == errMapKey:
		return corrupt(msgPackName, err, "%s%v", at, err)
	}
	return fmt.Errorf("codec: decode: %s: %w", msgPackName, err) // the type's fault, not the data's
}

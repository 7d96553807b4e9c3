package codec

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"

	"github.com/vmihailenco/msgpack/v5"
)

// maxPointers ends the walk along a pointer that leads to itself.
const maxPointers = 1000

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

// value reads what comes into v, whatever its type. nil makes any type its zero value.
func (d *decoder) value(v reflect.Value) error {
	if d.data[d.pos] == 0xc0 {
		d.pos++
		v.SetZero()
		return nil
	}
	t := v.Type()
	switch t.Kind() {
	case reflect.Pointer:
		if d.ptrs++; d.ptrs > maxPointers {
			return &fitError{"anything", t}
		}
		if err := d.spend(bytesCost(int(t.Elem().Size()))); err != nil {
			return err
		}
		p := reflect.New(t.Elem())
		if err := d.value(p.Elem()); err != nil {
			return err
		}
		v.Set(p)
		return nil
	case reflect.Interface:
		return d.anyInto(v)
	}
	d.ptrs = 0
	if t.PkgPath() != "" { // only named types have methods; unnamed structs may embed some
		if info := d.c.info(t); info.decode != methodNone {
			return d.byMethod(info.decode, v)
		}
	} else if t.Kind() == reflect.Struct {
		if info := d.c.info(t); info.decode != methodNone {
			return d.byMethod(info.decode, v)
		}
	}

	k, n, bits := d.head()
	switch t.Kind() {
	case reflect.Bool:
		if k == kindBool {
			v.SetBool(bits != 0)
			return nil
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if k == kindInt && !v.OverflowInt(int64(bits)) {
			v.SetInt(int64(bits))
			return nil
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if (k == kindUint || k == kindInt && int64(bits) >= 0) && !v.OverflowUint(bits) {
			v.SetUint(bits)
			return nil
		}
	case reflect.Float32, reflect.Float64:
		if f, ok := asFloat(k, bits, t.Kind()); ok && !v.OverflowFloat(f) {
			v.SetFloat(f)
			return nil
		}
	case reflect.String:
		if k == kindStr || k == kindBin {
			s, err := d.str(n)
			v.SetString(s)
			return err
		}
	case reflect.Slice:
		return d.slice(v, k, n)
	case reflect.Array:
		return d.array(v, k, n)
	case reflect.Map:
		if k == kindMap {
			return d.typedMap(v, n)
		}
	case reflect.Struct:
		if k == kindMap {
			return d.fields(v, n)
		}
	}
	return unfit(k, t)
}

// asFloat takes a float, or a whole number that the float type holds exactly.
func asFloat(k kind, bits uint64, to reflect.Kind) (float64, bool) {
	switch k {
	case kindFloat:
		return math.Float64frombits(bits), true
	case kindInt:
		limit := int64(1) << 53
		if to == reflect.Float32 {
			limit = 1 << 24
		}
		return float64(int64(bits)), int64(bits) <= limit && int64(bits) >= -limit
	}
	return 0, false
}

func (d *decoder) anyInto(v reflect.Value) error {
	if v.NumMethod() > 0 {
		return &fitError{"anything", v.Type()}
	}
	x, err := d.any()
	if err != nil {
		return err
	}
	if x == nil {
		v.SetZero()
	} else {
		v.Set(reflect.ValueOf(x))
	}
	return nil
}

func (d *decoder) slice(v reflect.Value, k kind, n int) error {
	t := v.Type()
	if (k == kindBin || k == kindStr) && t.Elem().Kind() == reflect.Uint8 {
		b, err := d.bytes(n)
		if err != nil {
			return err
		}
		v.SetBytes(b)
		return nil
	}
	if k != kindList {
		return unfit(k, t)
	}
	size := int(t.Elem().Size())
	if size > 0 && n > d.budget/size {
		return errMemory
	}
	if err := d.spend(sliceCost + bytesCost(n*size)); err != nil { // reflection takes a header too
		return err
	}
	s := reflect.MakeSlice(t, n, n)
	for i := range n {
		if err := d.value(s.Index(i)); err != nil {
			return err
		}
	}
	v.Set(s)
	return nil
}

// array takes exactly as many elements as it has.
func (d *decoder) array(v reflect.Value, k kind, n int) error {
	t := v.Type()
	switch {
	case k == kindBin && t.Elem().Kind() == reflect.Uint8 && n == v.Len():
		reflect.Copy(v, reflect.ValueOf(d.raw(n)).Convert(reflect.SliceOf(t.Elem())))
		return nil
	case k == kindList && n == v.Len():
		for i := range n {
			if err := d.value(v.Index(i)); err != nil {
				return err
			}
		}
		return nil
	}
	return &fitError{kindNames[k] + " of another length", t}
}

func (d *decoder) typedMap(v reflect.Value, n int) error {
	t := v.Type()
	slot := int(t.Key().Size() + t.Elem().Size())
	if n > d.budget/(slot+1) {
		return errMemory
	}
	if err := d.spend(mapCost(n, slot) + slot + 64); err != nil {
		return err
	}
	m := reflect.MakeMapWithSize(t, n)
	key, elem := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
	for range n {
		key.SetZero()
		if err := d.value(key); err != nil {
			return err
		}
		if key.Kind() == reflect.Interface && !isKey(key.Interface()) {
			return errMapKey
		}
		if !key.Comparable() {
			return errMapKey
		}
		elem.SetZero()
		if err := d.value(elem); err != nil {
			return err
		}
		m.SetMapIndex(key, elem)
	}
	if m.Len() != n {
		return errDuplicate
	}
	v.Set(m)
	return nil
}

// fields reads a map into a struct. Names that the struct does not have are passed over.
func (d *decoder) fields(v reflect.Value, n int) error {
	info := d.c.info(v.Type())
	if info.err != nil {
		return info.err
	}
	var few uint64 // which fields have been read; many where there are more of them
	var many map[int]bool
	for range n {
		k, size, _ := d.head()
		if k != kindStr && k != kindBin {
			return &fitError{"a map with a key that is no string", v.Type()}
		}
		i, ok := info.byName[string(d.raw(size))]
		if !ok {
			d.skip()
			continue
		}
		switch {
		case i < 64 && few&(1<<i) == 0:
			few |= 1 << i
		case i >= 64 && !many[i]:
			if many == nil {
				many = make(map[int]bool)
			}
			many[i] = true
		default:
			return errDuplicate
		}
		f, err := d.reach(v, info.fields[i].index)
		if err != nil {
			return err
		}
		if err := d.value(f); err != nil {
			return err
		}
	}
	return nil
}

// reach returns the field of v at index, and makes what embedded pointers on the way need.
func (d *decoder) reach(v reflect.Value, index []int) (reflect.Value, error) {
	for i, x := range index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				if !v.CanSet() {
					return v, &fitError{"a field behind an embedded pointer to an unexported struct", v.Type()}
				}
				if err := d.spend(bytesCost(int(v.Type().Elem().Size()))); err != nil {
					return v, err
				}
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v, nil
}

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

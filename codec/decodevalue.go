package codec

import (
	"math"
	"reflect"
)

// maxPointers ends the walk along a pointer that leads to itself.
const maxPointers = 1000

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
		d.ptrs = 0
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
		for i, c := range d.raw(n) { // a copy would ask for the very type byte
			v.Index(i).SetUint(uint64(c))
		}
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

package codec

import (
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
)

// maxWalk ends the walk through what a type's own methods may have tied into a ring.
const maxWalk = 10_000

var errRange = errors.New("a number does not fit float64")

// decoded turns every json.Number that stands in an any, anywhere in what v points to, into an int64, uint64 or float64.
func (c *jsonCodec) decoded(v any, to reflect.Value) (err error) {
	switch v := v.(type) { // without reflection where that is easy
	case *any:
		*v, err = number(*v)
	case *map[string]any:
		_, err = number(*v)
	default:
		err = c.numbers(to, 0)
	}
	return err
}

func (c *jsonCodec) numbers(v reflect.Value, depth int) error {
	if depth > maxWalk || !c.holdsAny(v.Type()) {
		return nil
	}
	switch v.Kind() {
	case reflect.Interface:
		if v.IsNil() || !v.CanSet() {
			return nil
		}
		if x := v.Interface(); isTree(x) {
			x, err := number(x)
			v.Set(reflect.ValueOf(x))
			return err
		}
	case reflect.Pointer:
		if !v.IsNil() {
			return c.numbers(v.Elem(), depth+1)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if err := c.numbers(v.Index(i), depth+1); err != nil {
				return err
			}
		}
	case reflect.Map:
		for iter := v.MapRange(); iter.Next(); {
			elem := reflect.New(v.Type().Elem()).Elem()
			elem.Set(iter.Value())
			if err := c.numbers(elem, depth+1); err != nil {
				return err
			}
			v.SetMapIndex(iter.Key(), elem)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if !reachable(v.Type().Field(i)) {
				continue
			}
			if err := c.numbers(v.Field(i), depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// isTree tells whether x is what the library itself puts into an any and may hold a number.
func isTree(x any) bool {
	switch x.(type) {
	case json.Number, map[string]any, []any:
		return true
	}
	return false
}

// number converts the numbers in what the library put into an any.
func number(x any) (_ any, err error) {
	switch x := x.(type) {
	case json.Number:
		return plainNumber(string(x))
	case map[string]any:
		for key, value := range x {
			if !isTree(value) {
				continue
			}
			if x[key], err = number(value); err != nil {
				return x, err
			}
		}
	case []any:
		for i, value := range x {
			if !isTree(value) {
				continue
			}
			if x[i], err = number(value); err != nil {
				return x, err
			}
		}
	}
	return x, nil
}

func plainNumber(text string) (any, error) {
	if i, err := strconv.ParseInt(text, 10, 64); err == nil && (i != 0 || text[0] != '-') { // no int is -0
		return i, nil
	}
	if u, err := strconv.ParseUint(text, 10, 64); err == nil {
		return u, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return f, errRange // infinite, which JSON could not write again
	}
	return f, nil
}

// holdsAny tells whether a value of type t may hold an any. A type that contains itself holds one if the rest of it does.
func (c *jsonCodec) holdsAny(t reflect.Type) bool {
	if known, ok := c.open.Load(t); ok {
		return known.(bool)
	}
	holds := holdsAny(t, map[reflect.Type]bool{})
	c.open.Store(t, holds)
	return holds
}

func holdsAny(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Interface:
		return t.NumMethod() == 0
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return holdsAny(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); reachable(f) && holdsAny(f.Type, seen) {
				return true
			}
		}
	}
	return false
}

// reachable tells whether the library may have set something in f: an embedded struct has exported fields whatever its name.
func reachable(f reflect.StructField) bool {
	return f.IsExported() || f.Anonymous && f.Type.Kind() == reflect.Struct
}

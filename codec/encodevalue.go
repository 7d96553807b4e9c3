package codec

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// reflect writes what an any holds. Only what Encode was given itself, which stands in nothing, is read into its own type again.
func (e *encoder) reflect(b []byte, v any, depth int) ([]byte, error) {
	outer := e.loose
	e.loose = outer || depth > 0 || e.ptrs > 0
	b, err := e.value(b, reflect.ValueOf(v), depth)
	e.loose = outer
	return b, err
}

// value writes what any does not know.
func (e *encoder) value(b []byte, v reflect.Value, depth int) ([]byte, error) {
	t := v.Type()
	switch t.Kind() {
	case reflect.Pointer, reflect.Interface:
		return e.behind(b, v, depth)
	}
	if t.PkgPath() != "" || t.Kind() == reflect.Struct {
		info := e.c.info(t)
		if info.encode != methodNone {
			return e.byMethod(b, info, v)
		}
		if info.err != nil {
			return b, info.err
		}
		if !e.loose && (info.decode == methodBinary || info.decode == methodText) && t.Kind() != reflect.String && !isBytes(t) {
			return b, fmt.Errorf("%v has a method that reads it from text or bytes but none that writes it so: give it both", t)
		}
	}

	switch t.Kind() {
	case reflect.Bool:
		return appendBool(b, v.Bool()), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return appendInt(b, v.Int()), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return appendUint(b, v.Uint()), nil
	case reflect.Float32:
		return appendFloat32(b, float32(v.Float())), nil
	case reflect.Float64:
		return appendFloat64(b, v.Float()), nil
	case reflect.String:
		return appendString(b, v.String())
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return appendBytes(b, v.Bytes())
		}
		if v.IsNil() {
			return append(b, 0xc0), nil
		}
		e.cost += bytesCost(v.Len() * int(t.Elem().Size()))
		return e.elements(b, v, depth)
	case reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			own := make([]byte, v.Len())
			for i := range own {
				own[i] = byte(v.Index(i).Uint())
			}
			return appendBytes(b, own)
		}
		return e.elements(b, v, depth)
	case reflect.Map:
		return e.typedMap(b, v, depth)
	case reflect.Struct:
		return e.fields(b, v, depth)
	}
	return b, fmt.Errorf("a %v cannot be encoded", t)
}

// behind writes what a pointer or an interface leads to.
func (e *encoder) behind(b []byte, v reflect.Value, depth int) ([]byte, error) {
	if t := v.Type(); t.Kind() == reflect.Interface && t.NumMethod() > 0 {
		return b, fmt.Errorf("a %v cannot be encoded: nobody could tell what to make of it when it is read", t)
	}
	if v.IsNil() {
		return append(b, 0xc0), nil
	}
	if e.ptrs++; e.ptrs > maxPointers {
		return b, errTooDeep
	}
	defer func() { e.ptrs-- }()
	if v.Kind() == reflect.Interface {
		return e.any(b, v.Interface(), depth)
	}
	e.cost += bytesCost(int(v.Type().Elem().Size()))
	return e.value(b, v.Elem(), depth)
}

func (e *encoder) elements(b []byte, v reflect.Value, depth int) ([]byte, error) {
	if depth++; depth > maxDepth {
		return b, errTooDeep
	}
	b, err := appendListLen(b, v.Len())
	for i := 0; i < v.Len() && err == nil; i++ {
		b, err = e.value(b, v.Index(i), depth)
	}
	return b, err
}

// typedMap writes keys of a string kind in their own order, as any does, and others in the order of their bytes.
func (e *encoder) typedMap(b []byte, v reflect.Value, depth int) ([]byte, error) {
	if v.IsNil() {
		return append(b, 0xc0), nil
	}
	if depth++; depth > maxDepth {
		return b, errTooDeep
	}
	t := v.Type()
	asAny := e.loose || t.Key().Kind() == reflect.Interface // keys are read as an any reads them
	trial := !asAny && !e.plainKey(t.Key())
	e.cost += mapCost(v.Len(), int(t.Key().Size()+t.Elem().Size()))
	b, err := appendMapLen(b, v.Len())
	if err != nil {
		return b, err
	}
	byName := t.Key().Kind() == reflect.String && e.c.info(t.Key()).encode == methodNone
	type entry struct {
		name       string
		key, value []byte
	}
	pairs := make([]entry, 0, v.Len())
	for iter := v.MapRange(); iter.Next(); {
		var p entry
		if byName {
			p.name = iter.Key().String()
		}
		if p.key, err = e.value(nil, iter.Key(), depth); err != nil {
			return b, err
		}
		if asAny && !keyCode(p.key[0]) {
			return b, fmt.Errorf("no any could hold this %v again: %w", t, errMapKey)
		}
		trial = trial || asAny && (e.foreign || p.key[0] == 0xca || p.key[0] == 0xcb)
		if p.value, err = e.value(nil, iter.Value(), depth); err != nil {
			return b, err
		}
		pairs = append(pairs, p)
	}
	order := make([]*entry, len(pairs)) // the sorting of pointers is one function for all types
	for i := range pairs {
		order[i] = &pairs[i]
	}
	slices.SortFunc(order, func(p, q *entry) int {
		if byName {
			return strings.Compare(p.name, q.name)
		}
		return bytes.Compare(p.key, q.key)
	})
	for i, p := range order {
		if i > 0 && bytes.Equal(p.key, order[i-1].key) {
			return b, errSameKeys
		}
		b = append(append(b, p.key...), p.value...)
	}
	if trial {
		keys, _ := appendMapLen(nil, len(pairs))
		for _, p := range order {
			keys = append(append(keys, p.key...), 0xc0)
		}
		return b, e.tryKeys(keys, t, asAny)
	}
	return b, nil
}

// keyCode tells whether a value that begins with c may be a key in a map of any.
func keyCode(c byte) bool {
	return !isContainer(c) && !isExt(c) && (c < 0xc4 || c > 0xc6)
}

func (e *encoder) fields(b []byte, v reflect.Value, depth int) ([]byte, error) {
	if depth++; depth > maxDepth {
		return b, errTooDeep
	}
	info := e.c.info(v.Type())
	n := 0
	for i := range info.fields {
		if _, ok := info.fields[i].of(v); ok {
			n++
		}
	}
	b, err := appendMapLen(b, n)
	for i := 0; i < len(info.fields) && err == nil; i++ {
		f, ok := info.fields[i].of(v)
		if !ok {
			continue
		}
		if t := info.fields[i].behind; t != nil && !e.loose {
			return b, fmt.Errorf("%v embeds a %v that is not nil and that no decoder could set: export the type, embed the struct itself, or name the field",
				v.Type(), t)
		}
		if b, err = appendString(b, info.fields[i].name); err == nil {
			b, err = e.value(b, f, depth)
		}
	}
	return b, err
}

// of returns the field in v unless it is left out: because it is empty, or behind an embedded pointer that is nil.
func (f *field) of(v reflect.Value) (reflect.Value, bool) {
	if len(f.index) == 1 {
		v = v.Field(f.index[0])
	} else {
		var err error
		if v, err = v.FieldByIndexErr(f.index); err != nil {
			return v, false
		}
	}
	return v, !f.omitEmpty || !isEmpty(v)
}

func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Map, reflect.Slice:
		return v.Len() == 0
	case reflect.Pointer, reflect.Interface:
		return v.IsNil()
	}
	if z, ok := v.Interface().(interface{ IsZero() bool }); ok {
		return z.IsZero()
	}
	return v.IsZero()
}

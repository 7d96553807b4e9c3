package codec

import "reflect"

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

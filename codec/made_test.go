package codec_test

import (
	"math"
	"net/netip"
	"reflect"
	"time"
)

// maker makes types and values of what bytes tell it.
type maker struct{ data []byte }

func (m *maker) next(n int) int {
	if len(m.data) == 0 {
		return 0
	}
	c := m.data[0]
	m.data = m.data[1:]
	return int(c) % n
}

var leaves = []reflect.Type{
	reflect.TypeFor[any](), reflect.TypeFor[any](), reflect.TypeFor[bool](), reflect.TypeFor[int8](), reflect.TypeFor[int64](), reflect.TypeFor[uint8](),
	reflect.TypeFor[uint64](), reflect.TypeFor[float32](), reflect.TypeFor[float64](), reflect.TypeFor[string](), reflect.TypeFor[octet](), reflect.TypeFor[time.Time](),
	reflect.TypeFor[netip.Addr](), reflect.TypeFor[lends](), reflect.TypeFor[lendsEmpty](), reflect.TypeFor[twin](), reflect.TypeFor[writesText](),
	reflect.TypeFor[writesWord](), reflect.TypeFor[readsText](), reflect.TypeFor[readsWord](), reflect.TypeFor[lower](), reflect.TypeFor[error](),
	reflect.TypeFor[custom](), reflect.TypeFor[Base](), reflect.TypeFor[struct{}](), reflect.TypeFor[time.Duration](),
}

func (m *maker) typ(depth int) reflect.Type {
	which := m.next(10)
	if depth == 0 || which > 6 {
		return leaves[m.next(len(leaves))]
	}
	inner := m.typ(depth - 1)
	switch which {
	case 0:
		return reflect.PointerTo(inner)
	case 1:
		return reflect.SliceOf(inner)
	case 2:
		return reflect.ArrayOf(1+m.next(2), inner) // reflection takes [0]map for comparable
	case 3:
		return reflect.StructOf([]reflect.StructField{{Name: "A", Type: inner, Tag: `msgpack:",omitempty"`}, {Name: "B", Type: m.typ(depth - 1)}})
	}
	key := m.typ(depth - 1)
	if !key.Comparable() {
		key = reflect.TypeFor[any]()
	}
	return reflect.MapOf(key, inner)
}

func (m *maker) fill(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(m.next(2) == 1)
	case reflect.Int8, reflect.Int64:
		v.SetInt(int64(m.next(5) - 2))
	case reflect.Uint8, reflect.Uint64:
		v.SetUint(uint64(m.next(3)))
	case reflect.Float32, reflect.Float64:
		v.SetFloat([]float64{0, 1, -1, math.Copysign(0, -1), 0.1, math.NaN(), math.Inf(1)}[m.next(7)])
	case reflect.String:
		v.SetString([]string{"", "a", "A", "1"}[m.next(4)])
	case reflect.Interface:
		if depth > 0 && v.NumMethod() == 0 {
			v.Set(m.value(depth - 1))
		}
	case reflect.Pointer:
		if depth > 0 && m.next(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			m.fill(v.Elem(), depth)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), m.next(3), 3))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			m.fill(v.Index(i), depth)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range m.next(4) {
			key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			m.fill(key, depth)
			m.fill(elem, depth)
			if key.Comparable() {
				v.SetMapIndex(key, elem)
			}
		}
	case reflect.Struct:
		m.fillStruct(v, depth)
	}
}

func (m *maker) fillStruct(v reflect.Value, depth int) {
	switch p := v.Addr().Interface().(type) {
	case *time.Time:
		*p = time.Unix(int64(m.next(3)), int64(m.next(2)))
	case *netip.Addr:
		*p = netip.AddrFrom4([4]byte{byte(m.next(3))})
	case *lends:
		if m.next(2) == 1 {
			p.inner = &inner{Deep: 1}
		}
	case *lendsEmpty:
		if n := m.next(3); n > 0 {
			p.hollow = &hollow{n - 1}
		}
	case *custom:
		p.n = m.next(3)
	default:
		for i := range v.NumField() {
			m.fill(v.Field(i), depth)
		}
	}
}

func (m *maker) value(depth int) reflect.Value {
	v := reflect.New(m.typ(depth)).Elem()
	m.fill(v, depth)
	return v
}

// made returns what data makes of a type that data makes too. It can be compared.
func made(data []byte) any {
	m := &maker{data}
	v := m.value(3)
	if !v.Comparable() {
		v = v.Addr()
	}
	return v.Interface()
}

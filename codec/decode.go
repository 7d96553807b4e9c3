package codec

import (
	"errors"
	"math"
)

// shareLimit is the longest input whose strings share one copy of it. That saves an allocation for each; the price is that one string
// kept keeps the whole copy, so the copy must be small.
const shareLimit = 4 << 10

var (
	errDuplicate = errors.New("a map has the same key twice")
	errMapKey    = errors.New("a map has a key that is neither string, number, bool nor nil")
)

// decoder reads data that check has passed, and therefore looks at no bound.
type decoder struct {
	c      *msgPack
	data   []byte
	pos    int
	budget int
	ptrs   int    // pointers followed without reading anything
	shared string // data once more, where strings share it
	names  *[64]string
}

// spend takes n from the budget.
func (d *decoder) spend(n int) error {
	if d.budget -= n; d.budget < 0 {
		return errMemory
	}
	return nil
}

// any reads whatever comes as the Go type that stands for it.
func (d *decoder) any() (any, error) {
	k, n, bits := d.head()
	switch k {
	case kindBool:
		return bits != 0, nil
	case kindInt:
		if bits < 256 { // the runtime keeps these ready
			return int64(bits), nil
		}
		return int64(bits), d.spend(wordCost)
	case kindUint:
		return bits, d.spend(wordCost)
	case kindFloat:
		return math.Float64frombits(bits), d.spend(wordCost)
	case kindStr:
		s, err := d.str(n)
		if err != nil {
			return nil, err
		}
		return s, d.spend(stringCost)
	case kindBin:
		b, err := d.bytes(n)
		if err != nil {
			return nil, err
		}
		return b, d.spend(sliceCost)
	case kindTime:
		return d.time(n), d.spend(timeCost)
	case kindList:
		l, err := d.list(n)
		if err != nil {
			return nil, err
		}
		return l, d.spend(sliceCost)
	case kindMap:
		return d.anyMap(n)
	}
	return nil, nil
}

func (d *decoder) list(n int) ([]any, error) {
	if err := d.spend(bytesCost(n * ifaceSize)); err != nil {
		return nil, err
	}
	l := make([]any, n)
	for i := range l {
		var err error
		if l[i], err = d.any(); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// isStr tells whether a string comes next.
func (d *decoder) isStr() bool {
	return isText(d.data[d.pos])
}

// stringMap reads n pairs into a map[string]any. With a key that is no string it stops before that key; left is how many
// pairs are then left.
func (d *decoder) stringMap(n int) (m map[string]any, left int, err error) {
	if err := d.spend(mapCost(n, stringCost+ifaceSize)); err != nil {
		return nil, 0, err
	}
	m = make(map[string]any, n)
	for left = n; left > 0; left-- {
		if !d.isStr() {
			break
		}
		_, size, _ := d.head()
		key, err := d.name(size)
		if err != nil {
			return nil, 0, err
		}
		if m[key], err = d.any(); err != nil {
			return nil, 0, err
		}
	}
	if len(m) != n-left {
		return nil, 0, errDuplicate
	}
	return m, left, nil
}

// anyMap reads n pairs into a map[string]any, or as soon as a key is no string, into a map[any]any.
func (d *decoder) anyMap(n int) (any, error) {
	named, left, err := d.stringMap(n)
	if err != nil {
		return nil, err
	}
	if left == 0 {
		return named, nil
	}
	if err := d.spend(mapCost(n, 2*ifaceSize) + stringCost*len(named)); err != nil {
		return nil, err
	}
	m := make(map[any]any, n)
	for key, value := range named {
		m[key] = value
	}
	for ; left > 0; left-- {
		key, err := d.key()
		if err != nil {
			return nil, err
		}
		if m[key], err = d.any(); err != nil {
			return nil, err
		}
	}
	if len(m) != n {
		return nil, errDuplicate
	}
	return m, nil
}

// key reads a key for a map of any: only what can be compared and looks the same as what it was.
func (d *decoder) key() (any, error) {
	key, err := d.any()
	if err != nil {
		return nil, err
	}
	if !isKey(key) {
		return nil, errMapKey
	}
	return key, nil
}

func isKey(key any) bool {
	switch key.(type) {
	case nil, bool, int64, uint64, float64, string:
		return true
	}
	return false
}

package codec

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"sync"
)

const msgPackName = "msgpack"

// msgPack is the codec MsgPack. It remembers what it has learned of types.
type msgPack struct {
	types sync.Map // reflect.Type → *typeInfo
}

func (*msgPack) Name() string { return msgPackName }

// trialSize is the length up to which no plain value takes more to decode than the budget's slack: the densest is a list of
// maps of one entry, 3 bytes each that take 360.
const trialSize = memorySlack / 128

func (c *msgPack) Encode(v any) ([]byte, error) {
	var stack [1024]byte
	e := encoder{c: c}
	b, err := e.any(stack[:0], v, 0)
	if err != nil {
		return nil, encodeError(msgPackName, err)
	}
	if e.foreign {
		if _, err := check(b); err != nil { // nested deeper by what methods wrote
			return nil, encodeError(msgPackName, err)
		}
	}
	b = bytes.Clone(b)
	if v != nil && (len(b) > trialSize || e.cost > memorySlack/2) {
		// Nothing may be written that is then refused as a bomb.
		if err := c.Decode(b, reflect.New(reflect.TypeOf(v)).Interface()); errors.Is(err, errMemory) {
			return nil, encodeError(msgPackName, fmt.Errorf("it could not be read back: %w", errMemory))
		}
	}
	return b, nil
}

func (c *msgPack) Decode(data []byte, v any) error {
	to, err := target(msgPackName, v)
	if err != nil {
		return err
	}
	if pos, err := check(data); err != nil {
		return corrupt(msgPackName, nil, "at byte %d of %d: %v", pos, len(data), err)
	}
	d := decoder{c: c, data: data, budget: budgetFor(data)}
	if err := d.into(v, to); err != nil {
		return d.failure(err)
	}
	return nil
}

// into reads the whole into v, whose element is to. What sessions are made of comes first.
func (d *decoder) into(v any, to reflect.Value) error {
	var err error
	switch v := v.(type) {
	case *any:
		var x any
		if x, err = d.any(); err == nil {
			*v = x
		}
		return err
	case *map[string]any:
		if !isMap(d.data[0]) {
			break
		}
		_, n, _ := d.head()
		m, left, err := d.stringMap(n)
		switch {
		case err != nil:
			return err
		case left > 0:
			return &fitError{"a map with a key that is no string", to.Type()}
		}
		*v = m
		return nil
	case *[]any:
		if isContainer(d.data[0]) && !isMap(d.data[0]) {
			_, n, _ := d.head()
			l, err := d.list(n)
			if err == nil {
				*v = l
			}
			return err
		}
	}
	return d.value(to)
}

func isMap(c byte) bool { return c >= 0x80 && c <= 0x8f || c == 0xde || c == 0xdf }

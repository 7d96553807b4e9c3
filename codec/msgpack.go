package codec

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"sync"
)

const msgPackName = "msgpack"

// msgPack is the codec MsgPack. It remembers what it has learned of types, and keeps buffers.
type msgPack struct {
	types    sync.Map  // reflect.Type → *typeInfo
	encoders sync.Pool // of *encoder
}

func (*msgPack) Name() string { return msgPackName }

// trialSize is the length up to which no plain value takes more to decode than the budget's slack: the densest is a list of
// maps of one entry, 3 bytes each that take 360.
const trialSize = memorySlack / 128

// keepSize is the longest buffer that is kept for the next value.
const keepSize = 64 << 10

func (c *msgPack) Encode(v any) ([]byte, error) { return c.encode(nil, v) }

// encode returns v behind tag, in one allocation.
func (c *msgPack) encode(tag []byte, v any) ([]byte, error) {
	e, ok := c.encoders.Get().(*encoder)
	if !ok {
		e = &encoder{c: c, buf: make([]byte, 0, 1024)}
	}
	e.ptrs, e.cost, e.foreign, e.loose = 0, 0, false, false
	b, err := e.any(append(e.buf[:0], tag...), v, 0)
	if err == nil && e.foreign {
		_, err = check(b[len(tag):]) // nested deeper by what methods wrote
	}
	if err == nil && v != nil && (len(b)-len(tag) > trialSize || e.cost > memorySlack/2) {
		// Nothing may be written that is then refused as a bomb.
		if errors.Is(c.Decode(b[len(tag):], reflect.New(reflect.TypeOf(v)).Interface()), errMemory) {
			err = fmt.Errorf("it could not be read back: %w", errMemory)
		}
	}
	var own []byte
	if err == nil {
		own = bytes.Clone(b)
	}
	if cap(b) <= keepSize {
		e.buf = b
		clear(e.buf) // it may be a secret
		c.encoders.Put(e)
	}
	if err != nil {
		return nil, encodeError(msgPackName, err)
	}
	return own, nil
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

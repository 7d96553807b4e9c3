package cli

import (
	"bytes"
	"encoding/json"

	"github.com/larder-go/larder/codec"
)

// json writes a JSON text as it is, member by member and number by number, but for what is redacted and what is too deep. It returns false
// where data is no JSON.
func (v *viewer) json(data []byte, depth int) bool {
	if !json.Valid(data) {
		return false
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v.token(d, depth)
	return true
}

func (v *viewer) msgPackWithin(data []byte, depth int) bool {
	var x any
	if codec.MsgPack.Decode(data, &x) != nil {
		return false
	}
	v.value(x, depth)
	return true
}

// token writes the next value of d, which is known to be one.
func (v *viewer) token(d *json.Decoder, depth int) {
	t, _ := d.Token()
	switch t := t.(type) {
	case json.Delim:
		if depth >= viewDepth {
			v.out.WriteString(`{"$deep":true}`)
			skip(d)
			return
		}
		if t == '[' {
			v.elements(d, depth+1)
		} else {
			v.members(d, depth+1)
		}
	case string:
		v.inText(t, depth)
	default: // nil, bool, Number
		v.object(t)
	}
}

func (v *viewer) elements(d *json.Decoder, depth int) {
	v.out.WriteByte('[')
	for i := 0; d.More(); i++ {
		if i > 0 {
			v.out.WriteByte(',')
		}
		v.token(d, depth)
	}
	d.Token()
	v.out.WriteByte(']')
}

func (v *viewer) members(d *json.Decoder, depth int) {
	v.out.WriteByte('{')
	for i := 0; d.More(); i++ {
		t, _ := d.Token()
		name, _ := t.(string)
		v.name(i, name)
		if v.fence.hides(name) {
			v.hideNext(d)
		} else {
			v.token(d, depth)
		}
	}
	d.Token()
	v.out.WriteByte('}')
}

// hideNext redacts the next value of d, unless it is one of those that cannot be a secret.
func (v *viewer) hideNext(d *json.Decoder) {
	switch t, _ := d.Token(); t := t.(type) {
	case nil, bool:
		v.object(t)
		return
	case json.Delim:
		skip(d)
	}
	v.redacted()
}

// skip reads d up to the end of the list or object that has begun.
func skip(d *json.Decoder) {
	for open := 1; open > 0; {
		t, err := d.Token()
		if err != nil {
			return
		}
		switch t {
		case json.Delim('['), json.Delim('{'):
			open++
		case json.Delim(']'), json.Delim('}'):
			open--
		}
	}
}

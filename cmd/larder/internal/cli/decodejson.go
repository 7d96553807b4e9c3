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
	v.begun(t, d, depth)
}

// begun writes the value of d that is t or begins with it.
func (v *viewer) begun(t json.Token, d *json.Decoder, depth int) {
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
	var p pair
	for i := 0; d.More(); i++ {
		t, _ := d.Token()
		name, _ := t.(string)
		v.name(i, name)
		start, hidden := v.out.Len(), v.hidden
		t, _ = d.Token()
		if v.fence.hides(name) {
			v.hide(t, d)
		} else {
			v.begun(t, d, depth)
		}
		p.note(v, name, t, start, hidden)
	}
	p.settle(v)
	d.Token()
	v.out.WriteByte('}')
}

// hide redacts the value of d that is t or begins with it, unless it is one of those that cannot be a secret.
func (v *viewer) hide(t json.Token, d *json.Decoder) {
	if !canHide(t) {
		v.object(t)
		return
	}
	if _, ok := t.(json.Delim); ok {
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

package codec

import "fmt"

// Tagged is a Codec that says in front of what it writes which codec wrote it, so that it reads what other codecs wrote before: see
// "The tag" in the package's comment. [Typed] stores values so; Tagged is for those who keep several in one entry.
//
// Its errors have one prefix, whichever codec is at work. What cannot be decoded is [store.ErrCorrupt], with nothing of the data in the
// text, unless the tag names a codec that was not given: that is [ErrUnknownCodec] alone.
type Tagged struct {
	writers []writer // the first one writes
}

var _ Codec = (*Tagged)(nil)

// NewTagged returns a codec that writes with c, nil means [MsgPack], and reads what MsgPack, JSON, c and the others wrote. A codec
// whose name is not valid is an error. nil among the others is passed over.
func NewTagged(c Codec, others ...Codec) (*Tagged, error) {
	if c == nil {
		c = MsgPack
	}
	t := &Tagged{}
	for _, c := range append(append([]Codec{c}, others...), MsgPack, JSON) {
		if c == nil {
			continue
		}
		tag, err := tagFor(c)
		if err != nil {
			return nil, fmt.Errorf("codec: open: %T: %w", c, err)
		}
		t.writers = append(t.writers, writer{c, tag})
	}
	return t, nil
}

// Name is "tagged", whichever codec writes.
func (*Tagged) Name() string { return "tagged" }

// Encode returns v, as the codec that writes encodes it, behind the tag of that codec.
func (t *Tagged) Encode(v any) ([]byte, error) {
	w := t.writers[0]
	if m, ok := w.codec.(*msgPack); ok {
		return m.encode(w.tag, v)
	}
	b, err := w.codec.Encode(v)
	if err != nil {
		if ours(w.codec) {
			return nil, err
		}
		return nil, encodeError(w.codec.Name(), err)
	}
	return append(append(make([]byte, 0, len(w.tag)+len(b)), w.tag...), b...), nil
}

// Decode sets what v points to from data, with the codec that the tag names. Where it fails, some of v may have been set.
func (t *Tagged) Decode(data []byte, v any) error {
	c, rest, err := split(t.writers, data)
	if err != nil {
		return err
	}
	if err = c.Decode(rest, v); err != nil && !ours(c) {
		return corrupt(c.Name(), err, "it cannot be decoded")
	}
	return err
}

// ours tells whether the errors of c have their prefix already, and hide values.
func ours(c Codec) bool {
	switch c.(type) {
	case *msgPack, *jsonCodec, *Tagged:
		return true
	}
	return false
}

package codec

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/larder-go/larder/store"
)

// The first byte of a value that Tagged wrote. None of them begins a JSON text, and none is a MessagePack map or list.
const (
	tagMsgPack = 'M'
	tagJSON    = 'J'
	tagCustom  = 'C' // one byte with the length of the codec's name, and the name, follow
)

const maxName = 32

// tagFor is what stands in front of what c wrote.
func tagFor(c Codec) ([]byte, error) {
	switch c.(type) {
	case *msgPack:
		return []byte{tagMsgPack}, nil
	case *jsonCodec:
		return []byte{tagJSON}, nil
	}
	name := c.Name()
	if !validName(name) {
		return nil, errors.New("the name of a codec must be 1 to 32 of a-z, 0-9, '-', '.' and '_'")
	}
	return append([]byte{tagCustom, byte(len(name))}, name...), nil
}

func validName(name string) bool {
	return name != "" && len(name) <= maxName && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-._") == ""
}

// writer is a codec with its tag.
type writer struct {
	codec Codec
	tag   []byte
}

// split finds among writers the one that wrote data, and what it wrote.
func split(writers []writer, data []byte) (Codec, []byte, error) {
	for _, w := range writers {
		if rest, ok := bytes.CutPrefix(data, w.tag); ok {
			return w.codec, rest, nil
		}
	}
	if len(data) > 1 && data[0] == tagCustom && int(data[1]) <= len(data)-2 {
		if name := string(data[2 : 2+int(data[1])]); validName(name) {
			return nil, nil, store.Wrap("codec", "decode", fmt.Errorf(
				"%w: the codec %q wrote this; give it to NewTyped or NewTagged among the others", ErrUnknownCodec, name))
		}
	}
	return nil, nil, &decodeError{codec: "tag", text: "the value has no tag of a codec: something else than Typed or Tagged wrote it",
		causes: []error{ErrUnknownCodec, store.ErrCorrupt}}
}

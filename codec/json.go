package codec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
)

// JSON is encoding/json, with two differences: what follows the value is an error, and whole numbers come back into an any as
// int64 (uint64 beyond it) and not as float64. See the package's comment for what JSON cannot keep.
var JSON Codec = new(jsonCodec)

const jsonName = "json"

// jsonCodec is the codec JSON. It remembers which types hold an any.
type jsonCodec struct {
	open sync.Map // reflect.Type → bool
}

func (*jsonCodec) Name() string { return jsonName }

func (*jsonCodec) Encode(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err == nil {
		return b, nil
	}
	var value *json.UnsupportedValueError // its text has the value in it
	if errors.As(err, &value) {
		return nil, encodeError(jsonName, fmt.Errorf("JSON has no way to write this %v (a NaN, an infinity or a cycle)", value.Value.Type()))
	}
	var method *json.MarshalerError // its text has the text of somebody else's
	if errors.As(err, &method) {
		return nil, encodeError(jsonName, &methodError{method.Type, method.Err})
	}
	return nil, encodeError(jsonName, err)
}

func (c *jsonCodec) Decode(data []byte, v any) error {
	to, err := target(jsonName, v)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(v); err != nil {
		return jsonFailure(err, data)
	}
	at := dec.InputOffset()
	if rest := bytes.TrimLeft(data[at:], " \t\r\n"); len(rest) > 0 {
		return corrupt(jsonName, nil, "at byte %d of %d: something follows the value", len(data)-len(rest), len(data))
	}
	if err := c.decoded(v, to); err != nil {
		return mismatch(jsonName, nil, "%v", err)
	}
	return nil
}

// jsonFailure says what the library's errors say without what they quote.
func jsonFailure(err error, data []byte) error {
	var syntax *json.SyntaxError
	var fit *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return corrupt(jsonName, nil, "after %d bytes: it ends in the middle of a value", len(data))
	case errors.As(err, &syntax):
		return corrupt(jsonName, nil, "near byte %d of %d: it is not JSON, or nested more than 10000 deep", syntax.Offset, len(data))
	case errors.As(err, &fit):
		what, _, _ := strings.Cut(fit.Value, " ")
		return mismatch(jsonName, nil, "near byte %d: a %s does not fit %v", fit.Offset, what, fit.Type)
	}
	return mismatch(jsonName, err, "the decoding method of a type failed")
}

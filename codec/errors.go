package codec

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/larder-go/larder/store"
)

var (
	// ErrMismatch says that data is sound but does not fit the Go type that was asked for: a number that overflows it, a
	// list where the type has a map. The type has changed since, or the key is somebody else's. It is also store.ErrCorrupt.
	ErrMismatch = errors.New("the data does not fit the type")

	// ErrUnknownCodec says that a value was written by a codec that [NewTyped] or [NewTagged] was not given. Where the value names the
	// codec, the text does too, and the error is not store.ErrCorrupt: nothing is wrong with the value. Where the value
	// carries no tag at all it is both: something else wrote it.
	ErrUnknownCodec = errors.New("unknown codec")
)

// decodeError is why data could not be decoded. Causes that come from other people's code are reachable through Unwrap but
// are not in the text: they like to quote what they choked on, and values may be secrets.
type decodeError struct {
	codec  string
	text   string
	causes []error
}

func (e *decodeError) Error() string   { return "codec: decode: " + e.codec + ": " + e.text }
func (e *decodeError) Unwrap() []error { return e.causes }

// corrupt makes the error for data that nobody can decode.
func corrupt(codec string, cause error, format string, args ...any) error {
	e := &decodeError{codec: codec, text: fmt.Sprintf(format, args...), causes: []error{store.ErrCorrupt}}
	if cause != nil {
		e.causes = append(e.causes, cause)
	}
	return e
}

// mismatch makes the error for data that another type could take.
func mismatch(codec string, cause error, format string, args ...any) error {
	return corrupt(codec, errors.Join(ErrMismatch, cause), format, args...)
}

// target is what Decode may write to: v, if it is a pointer that is not nil.
func target(codec string, v any) (reflect.Value, error) {
	p := reflect.ValueOf(v)
	if p.Kind() != reflect.Pointer || p.IsNil() {
		return p, fmt.Errorf("codec: decode: %s: the target is a %T, it must be a pointer that is not nil", codec, v)
	}
	return p.Elem(), nil
}

func encodeError(codec string, err error) error {
	return fmt.Errorf("codec: encode: %s: %w", codec, err)
}

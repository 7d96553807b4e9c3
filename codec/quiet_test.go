package codec_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/larder-go/larder/codec"
)

var errQuoted = errors.New("refused")

// quoting refuses every value, and says which.
type quoting string

func (q quoting) MarshalText() ([]byte, error) {
	return nil, fmt.Errorf("%w: %q", errQuoted, string(q))
}
func (q *quoting) UnmarshalText(b []byte) error { return fmt.Errorf("%w: %q", errQuoted, b) }

// Values may be secrets: what a method says of them is to be had from the error, but is not in its text.
func TestErrorsQuoteNoValue(t *testing.T) {
	for _, c := range []codec.Codec{codec.MsgPack, codec.JSON} {
		data, err := c.Encode("secret")
		if err != nil {
			t.Fatal(err)
		}
		_, encodeErr := c.Encode([]quoting{"secret"})
		decodeErr := c.Decode(data, new(quoting))
		for _, err := range []error{encodeErr, decodeErr} {
			if !errors.Is(err, errQuoted) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %v; the cause can be reached: %v", c.Name(), err, errors.Is(err, errQuoted))
			}
		}
	}
}

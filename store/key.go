package store

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxKeyLen is the largest length of a key, in bytes.
const MaxKeyLen = 1024

// CheckKey reports whether every store takes key: valid UTF-8, 1 to [MaxKeyLen] bytes, no NUL. The error wraps
// [ErrInvalidKey] and does not show the key.
func CheckKey(key string) error {
	switch {
	case key == "":
		return fmt.Errorf("%w: it is empty", ErrInvalidKey)
	case len(key) > MaxKeyLen:
		return fmt.Errorf("%w: %d bytes, the limit is %d", ErrInvalidKey, len(key), MaxKeyLen)
	case strings.IndexByte(key, 0) >= 0:
		return fmt.Errorf("%w: it contains a NUL byte", ErrInvalidKey)
	case !utf8.ValidString(key):
		return fmt.Errorf("%w: it is not valid UTF-8", ErrInvalidKey)
	}
	return nil
}

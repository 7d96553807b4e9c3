package memstore

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

const (
	maxName   = 250 // memcached's limit for a key, in bytes
	maxPrefix = 100 // of Options.KeyPrefix, so that the hash still fits behind it

	// hashMark begins the name of an entry whose key memcached does not take as it is. Keys that begin so themselves are hashed, too:
	// no key can reach the name of another.
	hashMark = "larder-sha256:"
)

// name is what memcached is given for key: the key itself where it takes that, or else its hash. The record holds the key in any case.
func (s *Store) name(key string) string {
	if len(s.prefix)+len(key) <= maxName && isPlain(key) && !strings.HasPrefix(key, hashMark) {
		if s.prefix == "" {
			return key
		}
		return s.prefix + key
	}
	sum := sha256.Sum256([]byte(key))
	return s.prefix + hashMark + hex.EncodeToString(sum[:])
}

// isPlain tells whether memcached takes text in a key: no space, no control character.
func isPlain(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] == 0x7f {
			return false
		}
	}
	return true
}

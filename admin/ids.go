package admin

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"unicode/utf8"
)

// The kinds of what an id holds.
const (
	idKey   = 'k' // a key
	idCount = 'n' // how many entries come before, of a store whose lists cannot be taken up again
)

// sealer makes ids of keys, and keys of ids. An id is the key under AES-GCM, and its nonce a MAC of the key, so that one key has one id for as long
// as the process lasts: a page can tell that a row is still the same. Refused: a table from random ids to keys, which would grow with
// everything that anybody ever looked at.
type sealer struct {
	aead cipher.AEAD
	mac  [32]byte
}

func newSealer() *sealer {
	var key [32]byte
	s := new(sealer)
	rand.Read(key[:])
	rand.Read(s.mac[:])
	block, err := aes.NewCipher(key[:])
	if err == nil {
		s.aead, err = cipher.NewGCM(block)
	}
	if err != nil {
		panic(err) // a key of 32 bytes fits
	}
	return s
}

var b64 = base64.RawURLEncoding

func (s *sealer) seal(kind byte, text string) string {
	plain := append([]byte{kind}, text...)
	mac := hmac.New(sha256.New, s.mac[:])
	mac.Write(plain)
	nonce := mac.Sum(nil)[:s.aead.NonceSize()]
	return b64.EncodeToString(s.aead.Seal(nonce, nonce, plain, nil))
}

func (s *sealer) open(id string) (kind byte, text string, ok bool) {
	sealed, err := b64.DecodeString(id)
	n := s.aead.NonceSize()
	if err != nil || len(sealed) < n {
		return 0, "", false
	}
	plain, err := s.aead.Open(nil, sealed[:n], sealed[n:], nil)
	if err != nil || len(plain) == 0 {
		return 0, "", false
	}
	return plain[0], string(plain[1:]), true
}

// maxShown is how much of a key is shown, in runes; and never more than half of it.
const maxShown = 6

// shown is the part of a key that is shown, as in larder ls.
func shown(key string) string {
	end := 0
	for range min(utf8.RuneCountInString(key)/2, maxShown) {
		_, size := utf8.DecodeRuneInString(key[end:])
		end += size
	}
	return key[:end]
}

// cut is how a key is shown: its beginning and its length in bytes.
func cut(key string) string { return fmt.Sprintf("%s…(%d)", shown(key), len(key)) }

package session

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	stdhash "hash"
	"sync"
	"sync/atomic"
)

// A token is what a client carries: its id, 256 random bits, and a MAC over it. The id alone cannot be guessed; the MAC is there so that
// what was made up, cut or altered on the way costs no call of the store. The store sees only the id's SHA-256, so nobody can log in with
// what he reads there.
//
//	base64url(id) "." base64url(HMAC-SHA-256(key, "larder session" NUL name NUL id))
//
// The name is that of the cookie or header: a token does not fit another manager with the same keys.
const (
	idSize    = 32
	macSize   = sha256.Size
	tokenSize = 43 + 1 + 43
	minKey    = 32
)

var b64 = base64.RawURLEncoding.Strict()

type id [idSize]byte

func newID() (i id) {
	rand.Read(i[:]) // never fails
	return i
}

func (i *id) hash() hash { return sha256.Sum256(i[:]) }

// ring holds the keys of the MAC: the first signs, all are accepted.
type ring struct {
	keys atomic.Pointer[[]*macKey]
	salt []byte // what stands before the id
}

type macKey struct {
	pool sync.Pool // of *macState
}

type macState struct {
	h   stdhash.Hash
	sum [macSize]byte
	buf [tokenSize]byte
}

var errKeys = errors.New("Keys: a key for the MAC of session ids must have at least 32 random bytes: openssl rand 32")

func newRing(keys [][]byte, name string) (*ring, error) {
	r := &ring{salt: []byte("larder session\x00" + name + "\x00")}
	list := make([]*macKey, len(keys))
	for i, key := range keys {
		if len(key) < minKey || allEqual(key) {
			return nil, errKeys
		}
		list[i] = newMacKey(key)
	}
	r.keys.Store(&list)
	return r, nil
}

func newMacKey(key []byte) *macKey {
	key = bytes.Clone(key)
	return &macKey{pool: sync.Pool{New: func() any { return &macState{h: hmac.New(sha256.New, key)} }}}
}

// prefer signs with a key from now on, and still accepts some of those from before.
func (r *ring) prefer(key []byte) {
	const most = 4
	list := append([]*macKey{newMacKey(key)}, *r.keys.Load()...)
	list = list[:min(len(list), most)]
	r.keys.Store(&list)
}

// allEqual finds the keys that somebody forgot to fill.
func allEqual(key []byte) bool {
	for _, b := range key {
		if b != key[0] {
			return false
		}
	}
	return true
}

// mac computes into st.sum.
func (r *ring) mac(st *macState, i *id) []byte {
	st.h.Reset()
	st.h.Write(r.salt)
	st.h.Write(append(st.buf[:0], i[:]...)) // by way of the heap that is there already
	return st.h.Sum(st.sum[:0])
}

// sign returns the token of i.
func (r *ring) sign(i *id) string {
	key := (*r.keys.Load())[0]
	st := key.pool.Get().(*macState)
	defer key.pool.Put(st)
	sum := r.mac(st, i)
	b := b64.AppendEncode(st.buf[:0], i[:])
	return string(b64.AppendEncode(append(b, '.'), sum))
}

// verify returns the id of a token that one of the keys has signed, and whether that was not the first one.
func (r *ring) verify(token string) (i id, old, ok bool) {
	if len(token) != tokenSize || token[43] != '.' {
		return id{}, false, false
	}
	var text [tokenSize]byte
	var theirs [macSize]byte
	copy(text[:], token)
	// The length is checked too, for base64 passes over line ends, and then an id had two spellings.
	if n, err := b64.Decode(i[:], text[:43]); err != nil || n != idSize {
		return id{}, false, false
	}
	if n, err := b64.Decode(theirs[:], text[44:]); err != nil || n != macSize {
		return id{}, false, false
	}
	for n, key := range *r.keys.Load() {
		st := key.pool.Get().(*macState)
		ok := hmac.Equal(r.mac(st, &i), theirs[:])
		key.pool.Put(st)
		if ok {
			return i, n > 0, true
		}
	}
	return id{}, false, false
}

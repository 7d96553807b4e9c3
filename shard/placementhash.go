package shard

import (
	"crypto/fips140"
	"crypto/md5"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/larder-go/larder/store"
)

// The hashes that other clients use. They take strings and copy no key to the heap: placing a key happens on every operation.

// keyHash is a hash of 32 bits, as the rings and the modulo rules of memcached's clients take it.
type keyHash func(key string) uint32

// withMD5 is for algorithms that use MD5, which the standard library refuses, in a panic, to a program that runs with GODEBUG=fips140=only.
func withMD5(build func(nodeSet) (Placement, error)) func(nodeSet) (Placement, error) {
	return func(s nodeSet) (Placement, error) {
		if fips140.Enforced() {
			return nil, fmt.Errorf("%w: %s uses MD5, which GODEBUG=fips140=only forbids; %s does not", errors.ErrUnsupported, s.algorithm, Rendezvous)
		}
		return build(s)
	}
}

// md5Of is the MD5 of a key. The standard library takes bytes only: a key of a length that a store takes is copied to the stack.
func md5Of(key string) [md5.Size]byte {
	if len(key) <= 64 {
		var buf [64]byte // most keys, and less to clear
		return md5.Sum(append(buf[:0], key...))
	}
	var buf [store.MaxKeyLen]byte
	return md5.Sum(append(buf[:0], key...))
}

// md5Word is the first of the four little-endian words of MD5.
func md5Word(key string) uint32 {
	sum := md5Of(key)
	return binary.LittleEndian.Uint32(sum[:])
}

// oneAtATime is Bob Jenkins' hash of that name, libmemcached's default. The C programs take bytes as signed, as amd64 does: a byte above
// 0x7f, so no byte of an ASCII key, is a negative number.
func oneAtATime(key string) uint32 {
	var h uint32
	for i := range len(key) {
		h += uint32(int8(key[i]))
		h += h << 10
		h ^= h >> 6
	}
	h += h << 3
	h ^= h >> 11
	h += h << 15
	return h
}

// fnv1a64 is what libmemcached and twemproxy call so: FNV-1a with the offset and the prime for 64 bits, both cut to 32. Bytes are signed here too.
func fnv1a64(key string) uint32 {
	h := uint32(0x84222325)
	for i := range len(key) {
		h = (h ^ uint32(int8(key[i]))) * 0x1b3
	}
	return h
}

// crc32Of is the checksum that zip uses. The standard library's function would be quicker, but lets its argument escape.
func crc32Of(key string) uint32 {
	crc := ^uint32(0)
	for i := range len(key) {
		crc = crc32.IEEETable[byte(crc)^key[i]] ^ crc>>8
	}
	return ^crc
}

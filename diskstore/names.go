package diskstore

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

const (
	shardCount = 256
	hexDigits  = "0123456789abcdef"

	// markerName is a file in the store's folder that says whose it is and which layout it has.
	markerName = "larder-store"
	marker     = "larder diskstore, layout 1\n"

	// A temporary file is named "tmp-" and 32 random digits: no entry, and nothing that anybody else would call a file.
	tempPrefix = "tmp-"
	tempDigits = 32
)

// place is where an entry belongs: one of the folders and a name in it.
type place struct {
	shard int
	name  string
}

func placeOf(key string) place {
	sum := sha256.Sum256([]byte(key))
	var name [2 * sha256.Size]byte
	hex.Encode(name[:], sum[:])
	return place{int(sum[0]), string(name[:])}
}

// shardName is the name of a folder.
func shardName(i int) string { return string([]byte{hexDigits[i>>4], hexDigits[i&15]}) }

// isEntry reports whether an entry in the folder i can have this name.
func isEntry(i int, name string) bool {
	return len(name) == 2*sha256.Size && isHex(name) && name[:2] == shardName(i)
}

func isTemp(name string) bool {
	digits, ok := strings.CutPrefix(name, tempPrefix)
	return ok && len(digits) == tempDigits && isHex(digits)
}

func newTemp() string {
	var b [tempDigits / 2]byte
	rand.Read(b[:])
	return tempPrefix + hex.EncodeToString(b[:])
}

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

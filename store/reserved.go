package store

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// ReservedPrefix begins the keys that Larder keeps for itself beside the entries of its users: the lease of a cleanup and the report that it
// leaves, how far a copy has come. The control character in front keeps them out of the way of keys that people and programs make.
const ReservedPrefix = "\x01larder:"

// reservedName stands before the name in a reserved key, and between the two is where a view puts its prefix.
const reservedName = "\x01"

// ReservedKey returns the reserved key of that name: the place for what belongs to the store as a whole. The name is valid UTF-8 without
// control characters, and short; 512 bytes always fit, also under a [Prefix].
func ReservedKey(name string) string { return ReservedPrefix + reservedName + name }

// Reserved reports whether key is one of Larder's own. [List] hides such an entry, no sweep takes it for being idle, and no
// Timeout makes it absent: only its own deadline does.
func Reserved(key string) bool { return strings.HasPrefix(key, ReservedPrefix) }

// reservedUnder returns the key of s under which the view of s by p keeps key, which is reserved. It is reserved in s, too, and
// another one for each p: p stands between what reserves it and the name. Views of views add up as their prefixes do. What would
// be too long for a key has a hash there.
func reservedUnder(p, key string) string {
	rest := key[len(ReservedPrefix):]
	full := ReservedPrefix + p + rest
	if len(full) <= MaxKeyLen {
		return full
	}
	at := max(strings.LastIndex(rest, reservedName), 0)
	sum := sha256.Sum256([]byte(p + rest[:at]))
	return ReservedPrefix + "\x02" + hex.EncodeToString(sum[:]) + rest[at:]
}

// mayReserve reports whether a reserved key can begin with prefix.
func mayReserve(prefix string) bool {
	return strings.HasPrefix(ReservedPrefix, prefix) || strings.HasPrefix(prefix, ReservedPrefix)
}

// For returns the Expiry that holds for key: e itself, and for a [Reserved] key one without a Timeout.
func (e Expiry) For(key string) Expiry {
	if !Reserved(key) {
		return e
	}
	slack := e.Slack()
	if slack == 0 {
		slack = -1
	}
	return Expiry{TouchAfter: slack}
}

package session

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/larder-go/larder/codec"
)

// Merger puts together what two requests have made of one field at the same time. [MergeFunc] and [Sum] return one. Of a field without a
// Merger, the value that is written last stays.
type Merger struct {
	// merge gets the field as this request found it, as this request left it and as another one has stored it meanwhile; nil is absent.
	merge func(c codec.Codec, base, mine, theirs []byte) ([]byte, error)
}

// MergeFunc returns a Merger that calls f with the field as this request found it (base), as this request leaves it (mine), and as another
// request has stored it meanwhile (theirs). f returns what the field should be after both. If the field is absent, f gets the zero value of
// T. f is not called if this request deletes the field: then it is deleted. f may be called several times and must have no side effects.
// If f returns an error, the save fails.
//
//	Merge: map[string]session.Merger{"cart": session.MergeFunc(func(base, mine, theirs Cart) (Cart, error) { … })}
func MergeFunc[T any](f func(base, mine, theirs T) (T, error)) Merger {
	return Merger{func(c codec.Codec, base, mine, theirs []byte) ([]byte, error) {
		var values [3]T
		for i, raw := range [][]byte{base, mine, theirs} {
			if raw == nil {
				continue
			}
			if err := c.Decode(raw, &values[i]); err != nil {
				return nil, err
			}
		}
		merged, err := f(values[0], values[1], values[2])
		if err != nil {
			return nil, err
		}
		return c.Encode(merged)
	}}
}

// Sum returns a Merger for counters: the field becomes what it was, plus what each request has added to it.
func Sum[T ~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64]() Merger {
	return MergeFunc(func(base, mine, theirs T) (T, error) { return theirs + mine - base, nil })
}

// mergeFlashes keeps what either adds and drops what either has taken: messages are added at the end, and all taken at once.
var mergeFlashes = MergeFunc(func(base, mine, theirs []string) ([]string, error) {
	if kept := common(base, mine); kept == len(base) {
		return newest(slices.Concat(theirs, mine[kept:])), nil
	}
	return newest(slices.Concat(theirs[common(base, theirs):], mine)), nil
})

// common is how many elements a and b begin with alike.
func common(a, b []string) (n int) {
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// merged is what to store over theirs: my changes, each as its Merger says where both sides have changed the field since it was loaded.
func (s *Session) merged(theirs fields) (fields, error) {
	if s.cleared {
		return fields(nil).with(s.changes), nil
	}
	var merged map[string][]byte
	for name, mine := range s.changes {
		merger, ok := s.m.o.Merge[name]
		if name == flashField {
			merger, ok = mergeFlashes, true
		} else if mine == nil {
			continue
		}
		base, _ := s.base.get(name)
		other, _ := theirs.get(name)
		if !ok || bytes.Equal(base, other) && (base == nil) == (other == nil) {
			continue
		}
		value, err := merger.merge(s.m.codec, base, mine, other)
		if err != nil {
			return nil, fmt.Errorf("merge: %w", err)
		}
		if len(merged) == 0 {
			merged = maps.Clone(s.changes) // mine must stay as it is: there may be a next round
		}
		merged[name] = value
	}
	if merged == nil {
		merged = s.changes
	}
	return theirs.with(merged), nil
}

package session

import (
	"bytes"
	"iter"
	"slices"
	"unicode/utf8"
)

// fields are the fields of a session as they are stored: length, name, length, value, one after the other, sorted by name. They stay
// encoded: to look one up is a walk over lengths, and a request pays only for what it asks for.
type fields []byte

// hidden begins the names that are the manager's own.
const hidden = "\x00"

const flashField = hidden + "flash"

const maxName = 255

// validName reports whether users may call a field so.
func validName(name string) bool {
	return name != "" && len(name) <= maxName && name[:1] != hidden && utf8.ValidString(name)
}

// valid reports whether f is whole, sorted, and has no name twice.
func (f fields) valid() bool {
	in := reader{rest: f}
	var last []byte
	for first := true; len(in.rest) > 0; first = false {
		name := in.text()
		in.text()
		if in.bad || len(name) == 0 || len(name) > maxName || !utf8.Valid(name) || !first && bytes.Compare(last, name) >= 0 {
			return false
		}
		last = name
	}
	return !in.bad
}

// all yields names and values, in order.
func (f fields) all() iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for in := (reader{rest: f}); len(in.rest) > 0; {
			name := in.text()
			if !yield(name, in.text()) {
				return
			}
		}
	}
}

func (f fields) get(name string) ([]byte, bool) {
	for in := (reader{rest: f}); len(in.rest) > 0; {
		at := in.text()
		value := in.text()
		if string(at) == name {
			return value, true
		}
	}
	return nil, false
}

// appendField adds a field behind those before it in order.
func (f fields) appendField(name string, value []byte) fields {
	return appendText(appendText(f, name), value)
}

// with returns f with changes made: a nil value removes.
func (f fields) with(changes map[string][]byte) fields {
	names := make([]string, 0, len(changes))
	size := len(f)
	for name, value := range changes {
		names = append(names, name)
		size += len(name) + len(value) + 8
	}
	slices.Sort(names)
	out := make(fields, 0, size)
	add := func(name string) {
		if value := changes[name]; value != nil {
			out = out.appendField(name, value)
		}
	}
	for name, value := range f.all() {
		for len(names) > 0 && names[0] < string(name) {
			add(names[0])
			names = names[1:]
		}
		if len(names) > 0 && names[0] == string(name) {
			add(names[0])
			names = names[1:]
			continue
		}
		out = appendText(appendText(out, name), value)
	}
	for _, name := range names {
		add(name)
	}
	return out
}

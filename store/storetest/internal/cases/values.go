package cases

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/larder-go/larder/store"
)

func valueCases() []Case {
	const anyBytes = "Values: A value is any bytes."
	return []Case{
		{Name: "values/empty", Rule: "Values: An empty value is there, and is not absent.", Run: valuesEmpty},
		{Name: "values/bytes", Rule: anyBytes, Run: valuesBytes},
		{Name: "values/sizes", Rule: anyBytes + " What was set is what is got, whatever stood there before.", Run: valuesSizes},
		{Name: "values/largest", Rule: "Values: Every store takes at least 1,000,000 bytes.", Run: valuesLargest},
		{Name: "values/too-large", Rule: "Values: Over a store's limit Set and Swap return ErrTooLarge and the old value stays.", Run: valuesTooLarge},
		{Name: "values/overwrite", Rule: "Values: Set puts value under key, whether or not something stood there; a write that returns nil has happened.",
			Run: valuesOverwrite},
	}
}

func valuesEmpty(e *Env) {
	s := e.forever()
	for name, value := range map[string][]byte{"nil": nil, "empty": {}} {
		if err := s.Set(e.ctx, name, value); err != nil {
			e.Fatalf("Set of a %s value: %v", name, err)
		}
		e.want(s, name, "")
		e.set(s, name, "something")
		if err := s.Set(e.ctx, name, value); err != nil {
			e.Fatalf("Set of a %s value over another: %v", name, err)
		}
		e.want(s, name, "")
		if e.lacks(Swap) {
			continue
		}
		e.swap(s, name, store.AnyVersion, &store.Item{Value: value})
		e.want(s, name, "")
		e.swap(s, "created from "+name, "", &store.Item{Value: value})
		e.want(s, "created from "+name, "")
	}
}

func valuesBytes(e *Env) {
	s := e.forever()
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
		e.set(s, fmt.Sprintf("byte %d", i), string([]byte{byte(i)}))
	}
	for i := range every {
		e.want(s, fmt.Sprintf("byte %d", i), string([]byte{byte(i)}))
	}
	for i, value := range []string{
		string(every), "\r\n", "END\r\n", "\r\nEND\r\n", "flush_all\r\n", "set a 0 0 1\r\nx\r\n", "\x00", "a\x00", "\x00\x00\x00", "\xff\xfe", "\xef\xbb\xbftext",
		"\xc3\x28", " ", " a ", "\n", "a\n", "\\x61", "\\", "'", "null", "\"\"", "{}", "0", "\x80", "\x1f\x8b\x08", "\x28\xb5\x2f\xfd", "LRDR", "LRDF",
		strings.Repeat("\x00", 4096), strings.Repeat("\xff", 4097), strings.Repeat("\r\n", 1000),
	} {
		key := fmt.Sprintf("value %d", i)
		e.set(s, key, value)
		e.want(s, key, value)
	}
}

// noise is n bytes that no compression and no accident reproduces.
func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), byte(n >> 16)})
	r.Read(b)
	return b
}

// valuesSizes goes up and down through the sizes around which pages, blocks and buffers end.
func valuesSizes(e *Env) {
	s := e.forever()
	var sizes []int
	for _, n := range []int{1, 16, 64, 255, 512, 1024, 4096, 8192, 16384, 65536, 131072} {
		sizes = append(sizes, n-1, n, n+1, 3, 0)
	}
	for _, n := range sizes {
		if n > e.MaxValue {
			continue
		}
		value := noise(n)
		e.set(s, "grows and shrinks", string(value))
		if got, err := s.Get(e.ctx, "grows and shrinks"); err != nil || !bytes.Equal(got, value) {
			e.Errorf("of %d bytes that were set, Get returns %d, %v: not the same", n, len(got), err)
		}
	}
}

func valuesLargest(e *Env) {
	s := e.forever()
	value := noise(e.MaxValue)
	for range 2 {
		if err := s.Set(e.ctx, "large", value); err != nil {
			e.Fatalf("Set of %d bytes: %v", len(value), err)
		}
		if got, err := s.Get(e.ctx, "large"); err != nil || !bytes.Equal(got, value) {
			e.Fatalf("Get of %d bytes: %d bytes, %v: not the same", len(value), len(got), err)
		}
	}
	if e.lacks(Swap) {
		return
	}
	value[0]++
	v := e.swap(s, "large", e.peek(s, "large").Version, &store.Item{Value: value})
	if item := e.peek(s, "large"); item.Version != v || !bytes.Equal(item.Value, value) {
		e.Errorf("Peek after a Swap of %d bytes: %d bytes, not the same", len(value), len(item.Value))
	}
	longest := strings.Repeat("k", e.MaxKey)
	if err := s.Set(e.ctx, longest, value); err != nil {
		e.Errorf("Set of %d bytes under a key of %d: %v", len(value), len(longest), err)
	} else if got, err := s.Get(e.ctx, longest); err != nil || !bytes.Equal(got, value) {
		e.Errorf("Get of %d bytes under a key of %d: %d bytes, %v: not the same", len(value), len(longest), len(got), err)
	}
}

func valuesTooLarge(e *Env) {
	sizes := []int{e.MaxValue + 1, e.MaxValue + e.MaxValue/2}
	if !e.Limited { // where the limit is, if there is one, is the store's business
		sizes = []int{e.MaxValue + 1, e.n(16<<20, 2<<20)}
	}
	s := e.forever()
	for _, n := range sizes {
		value := noise(n)
		e.set(s, "key", "old")
		e.tooLarge(s, "Set", value, s.Set(e.ctx, "key", value))
		if e.lacks(Swap) {
			continue
		}
		e.set(s, "key", "old")
		old := e.peek(s, "key").Version
		_, err := store.Swap(e.ctx, s, "key", old, &store.Item{Value: value})
		e.tooLarge(s, "Swap", value, err)
		if _, err = store.Swap(e.ctx, s, "new", "", &store.Item{Value: value}); err != nil && e.contains(s, "new") {
			e.Errorf("Swap from \"\" of %d bytes failed, and something is there", n)
		}
		e.delete(s, "new")
	}
}

func (e *Env) tooLarge(s store.Store, op string, value []byte, err error) {
	e.Helper()
	switch {
	case err == nil && e.Limited:
		e.Errorf("%s of %d bytes: nil; the limit is %d", op, len(value), e.MaxValue)
	case err == nil:
		if got, err := s.Get(e.ctx, "key"); err != nil || !bytes.Equal(got, value) {
			e.Errorf("%s of %d bytes: nil, and Get returns %d bytes, %v: not the same", op, len(value), len(got), err)
		}
	case !errors.Is(err, store.ErrTooLarge):
		e.Errorf("%s of %d bytes: %v; want ErrTooLarge", op, len(value), err)
	default:
		e.want(s, "key", "old")
	}
}

func valuesOverwrite(e *Env) {
	s := e.forever()
	for i := range e.n(200, 50) {
		key, value := fmt.Sprintf("key %d", i%7), fmt.Sprintf("value %d", i)
		e.set(s, key, value)
		if got, err := s.Get(e.ctx, key); err != nil || string(got) != value {
			e.Fatalf("after Set(%q, %q) Get returns %s, %v", key, value, show(got), err)
		}
	}
	for i := range 7 {
		e.delete(s, fmt.Sprintf("key %d", i))
		e.gone(s, fmt.Sprintf("key %d", i))
	}
}

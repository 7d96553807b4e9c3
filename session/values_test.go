package session

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/codec"
	"github.com/larder-go/larder/store"
)

type cart struct {
	Items map[string]int
	Note  string
	Any   any
}

type speaker interface{ Speak() string }

// TestValues: what was set comes back in the next request, in its own type and, where it has one, in another that fits.
func TestValues(t *testing.T) {
	when := time.Date(2026, 11, 22, 9, 0, 0, 5, time.UTC)
	values := map[string]any{"int": 42, "negative": int64(-1), "big": uint64(1) << 63, "float": 1.5, "bool": true, "text": "ünï", "bytes": []byte{0, 255},
		"empty": "", "none": []string{}, "time": when, "duration": time.Second, "cart": cart{map[string]int{"tea": 2}, "x", int64(1)}, "nil": nil,
		"pointer": &cart{Note: "p"}, "map": map[string]any{"a": int64(1)}, "list": []any{"a", int64(2)}}
	for _, c := range []codec.Codec{nil, codec.JSON} {
		b := newSite(t, newLedger(), Options{Codec: c}).browser()
		b.do(func(s *Session) {
			for name, v := range values {
				ok(t, s.Set(name, v))
			}
		})
		b.do(func(s *Session) {
			same(t, "fields", len(s.Keys()), len(values))
			for name, want := range values {
				if want == nil {
					continue
				}
				got := reflect.New(reflect.TypeOf(want))
				if err := s.Decode(name, got.Interface()); err != nil || !reflect.DeepEqual(got.Elem().Interface(), want) {
					t.Errorf("%s: %#v, %v, want %#v", name, got.Elem().Interface(), err, want)
				}
			}
			n, found := Get[int8](s, "int")
			must(t, found && n == 42, "42 as an int8: %v, %v", n, found)
			f, found := Get[float64](s, "int")
			must(t, found && f == 42, "42 as a float64: %v, %v", f, found)
			v, found := Get[any](s, "text")
			must(t, found && v == "ünï", "text as any: %v, %v", v, found)
			p, found := Get[*cart](s, "nil")
			must(t, found && p == nil, "nil as a pointer: %v, %v", p, found)
		})
	}
}

// TestWrongTypes: what does not fit is not there, and the log names the field and shows nothing of it.
func TestWrongTypes(t *testing.T) {
	site := newSite(t, newLedger(), Options{})
	b := site.browser()
	b.do(func(s *Session) {
		ok(t, s.Set("text", "secret words"))
		ok(t, s.Set("int", 300))
		ok(t, s.Set("float", 1.5))
	})
	b.do(func(s *Session) {
		for name, found := range map[string]bool{"text as int": second(Get[int](s, "text")), "int as int8": second(Get[int8](s, "int")),
			"float as int": second(Get[int](s, "float")), "int as text": second(Get[string](s, "int")), "text as cart": second(Get[cart](s, "text")),
			"text as an interface": second(Get[speaker](s, "text")), "text as a func": second(Get[func()](s, "text")),
			"text as a list": second(Pop[[]string](s, "text"))} {
			must(t, !found, "%s was found", name)
		}
		log := site.log.take()
		must(t, strings.Count(log, "a field cannot be read") == 8 && strings.Contains(log, "field=text") && !strings.Contains(log, "secret"), "the log says %q", log)
		err := s.Decode("text", new(int))
		must(t, errors.Is(err, codec.ErrMismatch), "Decode of another type: %v", err)
		if err := s.Decode("nothing", new(int)); err != store.ErrNotFound {
			t.Errorf("Decode of nothing: %v", err)
		}
		for _, v := range []any{nil, 5, (*int)(nil)} {
			if err := s.Decode("int", v); err == nil || errors.Is(err, store.ErrNotFound) {
				t.Errorf("Decode into %T: %v", v, err)
			}
		}
		same(t, "status of the session", s.Err(), nil)
	})
	same(t, "status", b.last.StatusCode, 200)
}

func second[T any](_ T, ok bool) bool { return ok }

// TestRefusedValues: what could not be read back is refused when it is set, the field keeps what it had, and the request goes on.
func TestRefusedValues(t *testing.T) {
	site := newSite(t, newLedger(), Options{})
	b := site.browser()
	b.set(t, "x", "before")
	loop := map[string]any{}
	loop["loop"] = loop
	for _, v := range []any{func() {}, make(chan int), loop, complex(1, 2), map[string]any{"f": func() {}}, map[any]any{[2]int{1, 2}: 1}} {
		b.do(func(s *Session) {
			err := s.Set("x", v)
			if err == nil || !strings.HasPrefix(err.Error(), "session: set: ") {
				t.Errorf("Set of a %T: %v", v, err)
			}
		})
		same(t, "status", b.last.StatusCode, 200)
		same(t, "x", b.get("x"), "before")
		must(t, strings.Contains(site.log.take(), "a field cannot be stored"), "it is not in the log")
	}
}

// TestOtherCodec: a deployment changes its codec, forth and back, and nobody is logged out.
func TestOtherCodec(t *testing.T) {
	l := newLedger()
	old, next := newSite(t, l, Options{Codec: codec.JSON}), newSite(t, l, Options{Codec: codec.MsgPack})
	b := old.browser()
	b.do(func(s *Session) {
		ok(t, s.SetSubject("ann"))
		ok(t, s.Set("a", "json"))
		ok(t, s.Set("b", "json"))
		ok(t, s.Flash("one"))
	})
	b.site = next
	b.do(func(s *Session) { ok(t, s.Set("b", "msgpack")); ok(t, s.Flash("two")) })
	b.site = old
	b.do(func(s *Session) {
		same(t, "subject", s.Subject(), "ann")
		a, _ := Get[string](s, "a")
		both, _ := Get[string](s, "b")
		same(t, "fields", a+" "+both, "json msgpack")
		same(t, "messages", strings.Join(s.Flashes(), " "), "one two")
	})
}

type third struct{ codec.Codec }

func (third) Name() string { return "third" }

// TestUnknownCodec: a field of a codec that is not there is lost on the reader, not the session.
func TestUnknownCodec(t *testing.T) {
	l := newLedger()
	b := newSite(t, l, Options{Codec: third{codec.JSON}}).browser()
	b.set(t, "x", "hello")
	b.site = newSite(t, l, Options{})
	b.do(func(s *Session) {
		must(t, errors.Is(s.Decode("x", new(string)), codec.ErrUnknownCodec), "Decode: %v", s.Decode("x", new(string)))
		ok(t, s.Set("y", "there"))
	})
	b.site = newSite(t, l, Options{Codecs: []codec.Codec{third{codec.JSON}}})
	same(t, "x", b.get("x"), "hello")
	same(t, "y", b.get("y"), "there")
}

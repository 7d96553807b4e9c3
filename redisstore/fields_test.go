package redisstore

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

func TestFields(t *testing.T) {
	onBoth(t, testFields)
	t.Run("RESP3", func(t *testing.T) { // what a client speaks that nobody told otherwise
		c := redis.NewClient(&redis.Options{Addr: testserver.Redis(t).Addr})
		defer c.Close()
		t.Run("", func(t *testing.T) { testFields(t, c) })
	})
}

func testFields(t *testing.T, c redis.UniversalClient) {
	f, ctx := openFields(t, c, FieldsOptions{}), t.Context()
	f.wants(t, "k", nil)
	if err := f.Delete(ctx, "k", "a"); err != nil {
		t.Error(err)
	}
	if err := f.Touch(ctx, "k"); err != store.ErrNotFound {
		t.Errorf("Touch of an absent entry: %v", err)
	}
	f.wants(t, "k", nil) // neither of them creates

	f.mustSet(t, "k", "a", "1")
	f.mustSet(t, "k", "b", "")
	f.mustSet(t, "k", "a", "2")
	f.wants(t, "k", map[string]string{"a": "2", "b": ""})
	if _, err := f.Get(ctx, "k", "c"); err != store.ErrNotFound {
		t.Errorf("Get of another field: %v", err)
	}
	for _, field := range []string{"a", "b", "c"} {
		if err := f.Delete(ctx, "k", field); err != nil {
			t.Error(err)
		}
	}
	f.wants(t, "k", map[string]string{}) // without fields, and there
	if _, err := f.Create(ctx, "k", nil); !errors.Is(err, store.ErrConflict) {
		t.Errorf("Create of what is there: %v", err)
	}

	for range 2 { // also where there is nothing left to remove
		if err := f.Remove(ctx, "k"); err != nil {
			t.Fatal(err)
		}
	}
	f.wants(t, "k", nil)
	if err := f.Set(ctx, "k", "a", nil); !errors.Is(err, store.ErrConflict) {
		t.Errorf("Set after Remove: %v", err)
	}
	if err := f.Delete(ctx, "k", "a"); err != nil {
		t.Error(err)
	}
	if _, err := f.Get(ctx, "k", "a"); err != store.ErrNotFound {
		t.Errorf("Get after Remove: %v", err)
	}
	if err := f.Touch(ctx, "k"); err != store.ErrNotFound {
		t.Errorf("Touch after Remove: %v", err)
	}
	f.wants(t, "k", nil)
	if _, err := f.Create(ctx, "k", map[string][]byte{"x": []byte("y"), "z": nil}); err != nil {
		t.Fatal(err)
	}
	f.wants(t, "k", map[string]string{"x": "y", "z": ""})
}

func TestFieldsSave(t *testing.T) {
	onBoth(t, func(t *testing.T, c redis.UniversalClient) {
		f, ctx := openFields(t, c, FieldsOptions{Tombstone: -1}), t.Context()
		one := map[string][]byte{"new": []byte("1")}
		born, err := f.Create(ctx, "k", map[string][]byte{"a": []byte("1"), "b": []byte("2")})
		if err != nil {
			t.Fatal(err)
		}
		f.mustSet(t, "k", "c", "3") // no conflict
		if err := f.Save(ctx, "k", born, map[string][]byte{"a": []byte("9"), "d": nil}, "b", "none"); err != nil {
			t.Fatal(err)
		}
		f.wants(t, "k", map[string]string{"a": "9", "c": "3", "d": ""})
		if _, again, err := f.Load(ctx, "k"); err != nil || again != born {
			t.Errorf("Load: life %v, %v; want %v", again, err, born)
		}

		if err := f.Remove(ctx, "k"); err != nil {
			t.Fatal(err)
		}
		refused := func(when string, born store.Version) {
			t.Helper()
			if err := f.Save(ctx, "k", born, one); !errors.Is(err, store.ErrConflict) {
				t.Errorf("Save %s: %v", when, err)
			}
		}
		refused("without a tombstone", born)
		f.wants(t, "k", nil)
		f.mustSet(t, "k", "a", "next") // nothing but the life keeps this out
		refused("to the next entry", born)
		refused("without a version", "")
		refused("with a version that is none", store.AnyVersion)
		f.wants(t, "k", map[string]string{"a": "next"})
		_, born, err = f.Load(ctx, "k")
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Save(ctx, "k", born, one, "new"); !errors.Is(err, store.ErrInvalidKey) {
			t.Errorf("Save of a field to set and to delete: %v", err)
		}
		if _, again, err := f.Load(ctx, "none"); err != store.ErrNotFound || again != "" {
			t.Errorf("Load of an absent entry: %v, %v", again, err)
		}
	})
}

func TestFieldsLimits(t *testing.T) {
	onBoth(t, func(t *testing.T, c redis.UniversalClient) {
		f, ctx := openFields(t, c, FieldsOptions{MaxValue: 3, MaxFields: 2}), t.Context()
		born, err := f.Create(ctx, "k", map[string][]byte{"a": []byte("123")})
		if err != nil {
			t.Fatal(err)
		}
		tooLarge := func(what string, err error) {
			t.Helper()
			if !errors.Is(err, store.ErrTooLarge) {
				t.Errorf("%s: %v", what, err)
			}
		}
		tooLarge("Set", f.Set(ctx, "k", "a", []byte("1234")))
		tooLarge("Save", f.Save(ctx, "k", born, map[string][]byte{"a": []byte("1234")}))
		f.mustSet(t, "k", "b", "")
		tooLarge("Set of a third field", f.Set(ctx, "k", "c", nil))
		tooLarge("Save of a third field", f.Save(ctx, "k", born, map[string][]byte{"c": nil, "a": nil}))
		tooLarge("Save of a third field, with one to delete that is not there", f.Save(ctx, "k", born, map[string][]byte{"c": nil}, "d"))
		_, err = f.Create(ctx, "l", map[string][]byte{"a": nil, "b": nil, "c": nil})
		tooLarge("Create", err)
		f.wants(t, "k", map[string]string{"a": "123", "b": ""})
		f.wants(t, "l", nil)
		if err := f.Save(ctx, "k", born, map[string][]byte{"c": nil}, "a"); err != nil {
			t.Error(err)
		}
		f.mustSet(t, "k", "b", "9")
		f.wants(t, "k", map[string]string{"b": "9", "c": ""})
	})
}

func TestFieldsNamesAndValues(t *testing.T) {
	hostile := []string{"a", "A", "a ", " ", "ä", "a\u0308", "..", "*", "a*", "a?", "[a]", `\`, "{a}", "{a}b", "{}", "}{", "a\r\nSET x y", "\x01", "F1", "T1",
		"'", `"`, "]]", "--", "return", "${x}", "%s", "\u202e", strings.Repeat("k", store.MaxKeyLen)}
	onBoth(t, func(t *testing.T, c redis.UniversalClient) {
		f, ctx := openFields(t, c, FieldsOptions{}), t.Context()
		fields := make(map[string]string)
		for _, field := range hostile {
			fields[field] = "of " + field
			f.mustSet(t, "k", field, "of "+field)
		}
		f.wants(t, "k", fields)
		for _, key := range hostile {
			f.mustSet(t, key, key, key)
		}
		for _, key := range hostile {
			f.wants(t, key, map[string]string{key: key})
		}
		large := bytes.Repeat([]byte("\x00\xff\r\n"), 250_000)
		f.mustSet(t, "large", "f", string(large))
		f.wants(t, "large", map[string]string{"f": string(large)})

		for _, name := range []string{"", "\x00", "a\x00", "\xff", strings.Repeat("k", store.MaxKeyLen+1)} {
			_, get := f.Get(ctx, "k", name)
			_, getOf := f.Get(ctx, name, "a")
			_, all := f.All(ctx, name)
			_, contains := f.Contains(ctx, name)
			_, create := f.Create(ctx, name, nil)
			_, createOf := f.Create(ctx, "new", map[string][]byte{name: nil})
			for i, err := range []error{get, getOf, all, contains, create, createOf, f.Set(ctx, "k", name, nil), f.Set(ctx, name, "a", nil),
				f.Delete(ctx, "k", name), f.Delete(ctx, name, "a"), f.Remove(ctx, name), f.Touch(ctx, name), f.Save(ctx, name, "", nil),
				f.Save(ctx, "k", "", map[string][]byte{name: nil}), f.Save(ctx, "k", "", nil, name)} {
				if !errors.Is(err, store.ErrInvalidKey) {
					t.Errorf("call %d with the name %q: %v", i, name, err)
				}
			}
		}
		f.wants(t, "new", nil)
	})
}

// The caller owns both slices.
func TestFieldsAliasing(t *testing.T) {
	onBoth(t, func(t *testing.T, c redis.UniversalClient) {
		f := openFields(t, c, FieldsOptions{})
		value := []byte("value")
		if err := f.Set(t.Context(), "k", "f", value); err != nil {
			t.Fatal(err)
		}
		value[0] = 'X'
		got, err := f.Get(t.Context(), "k", "f")
		if err != nil || string(got) != "value" {
			t.Fatal(got, err)
		}
		_ = append(got, "more"...)
		got[0] = 'Y'
		f.wants(t, "k", map[string]string{"f": "value"})
	})
}

func TestNewFields(t *testing.T) {
	c := redis.NewClient(&redis.Options{})
	defer c.Close()
	for name, o := range map[string]*FieldsOptions{
		"no options":        nil,
		"no Timeout":        {Prefix: "x"},
		"a negative one":    {Expiry: store.Expiry{Timeout: -1}},
		"too many fields":   {Expiry: store.Expiry{Timeout: 1}, MaxFields: 100_001},
		"a negative number": {Expiry: store.Expiry{Timeout: 1}, MaxFields: -1},
		"a negative size":   {Expiry: store.Expiry{Timeout: 1}, MaxValue: -1},
	} {
		if _, err := NewFields(c, o); err == nil || !strings.HasPrefix(err.Error(), "redisstore: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	o := &FieldsOptions{Expiry: store.Expiry{Timeout: time.Second}}
	if _, err := NewFields(nil, o); err == nil {
		t.Error("no client: no error")
	}
	if f, err := NewFields(c, o); err != nil || f.prefix != defaultFieldsPrefix || f.lifetime != 1050 || f.tombstone != 60_000 {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestFieldsClosed(t *testing.T) {
	onBoth(t, func(t *testing.T, c redis.UniversalClient) {
		f, err := NewFields(c, &FieldsOptions{Expiry: store.Expiry{Timeout: time.Hour}})
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		for _, call := range everyCall(f) {
			if err := call.do(t.Context()); !errors.Is(err, os.ErrClosed) {
				t.Errorf("%s: %v", call.name, err)
			}
		}
	})
}

// everyCall returns every method, called for one entry; Remove is the last.
func everyCall(f *Fields) []fieldsCall {
	return []fieldsCall{
		{"get", func(ctx context.Context) error { _, err := f.Get(ctx, "k", "f"); return err }},
		{"all", func(ctx context.Context) error { _, err := f.All(ctx, "k"); return err }},
		{"load", func(ctx context.Context) error { _, _, err := f.Load(ctx, "k"); return err }},
		{"contains", func(ctx context.Context) error { _, err := f.Contains(ctx, "k"); return err }},
		{"touch", func(ctx context.Context) error { return f.Touch(ctx, "k") }},
		{"create", func(ctx context.Context) error { _, err := f.Create(ctx, "k", nil); return err }},
		{"set", func(ctx context.Context) error { return f.Set(ctx, "k", "f", nil) }},
		{"delete", func(ctx context.Context) error { return f.Delete(ctx, "k", "f") }},
		{"save", func(ctx context.Context) error { return f.Save(ctx, "k", store.NewVersion(), nil) }},
		{"remove", func(ctx context.Context) error { return f.Remove(ctx, "k") }},
	}
}

type fieldsCall struct {
	name string
	do   func(ctx context.Context) error
}

func TestMilliseconds(t *testing.T) {
	for d, want := range map[time.Duration]int64{0: 0, 1: 1, time.Millisecond: 1, time.Millisecond + 1: 2, math.MaxInt64: math.MaxInt64/1_000_000 + 1} {
		if got := milliseconds(d); got != want {
			t.Errorf("%v: %d ms, want %d", d, got, want)
		}
	}
}

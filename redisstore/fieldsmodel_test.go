package redisstore

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/larder-go/larder/store"
)

// fieldsModel is what Fields must be: a map of maps, and the keys that have a tombstone.
type fieldsModel struct {
	f       *Fields
	entries map[string]*modelEntry
	removed map[string]bool
	lives   map[string]store.Version // of each key, one that somebody has seen, perhaps long ago
}

type modelEntry struct {
	fields map[string]string
	born   store.Version // "": not seen yet
}

var (
	modelKeys   = rapid.SampledFrom([]string{"a", "b", "{a}"})
	modelFields = rapid.SampledFrom([]string{"f", "F", "ä", "*", "F1", strings.Repeat("f", store.MaxKeyLen)})
	modelValue  = rapid.SliceOfN(rapid.Byte(), 0, 5)
	modelMap    = rapid.MapOfN(modelFields, modelValue, 0, 3)
)

const modelMaxFields = 4

// TestFieldsModel compares random calls with the model. Redis' own forgetting is played by DEL.
func TestFieldsModel(t *testing.T) {
	onBoth(t, func(t *testing.T, c redis.UniversalClient) {
		f := openFields(t, c, FieldsOptions{MaxFields: modelMaxFields})
		rapid.Check(t, func(rt *rapid.T) {
			m := &fieldsModel{f: f, entries: make(map[string]*modelEntry), removed: make(map[string]bool), lives: make(map[string]store.Version)}
			for _, key := range []string{"a", "b", "{a}"} {
				if err := c.Del(t.Context(), f.prefix+key).Err(); err != nil {
					rt.Fatal(err)
				}
			}
			rt.Repeat(map[string]func(*rapid.T){
				"": m.check, "get": m.get, "set": m.set, "delete": m.delete, "create": m.create, "save": m.save,
				"remove": m.remove, "touch": m.touch, "contains": m.contains, "expire": m.expire,
			})
		})
	})
}

func modelWants(t *rapid.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) || want == store.ErrNotFound && err != want {
		t.Fatalf("%s: %v, want %v", what, err, want)
	}
}

func (m *fieldsModel) get(t *rapid.T) {
	key, field := modelKeys.Draw(t, "key"), modelFields.Draw(t, "field")
	got, err := m.f.Get(t.Context(), key, field)
	if e := m.entries[key]; e != nil {
		if want, ok := e.fields[field]; ok {
			modelWants(t, "Get", err, nil)
			if string(got) != want {
				t.Fatalf("Get: %q, want %q", got, want)
			}
			return
		}
	}
	modelWants(t, "Get of nothing", err, store.ErrNotFound)
}

func (m *fieldsModel) set(t *rapid.T) {
	key, field, value := modelKeys.Draw(t, "key"), modelFields.Draw(t, "field"), modelValue.Draw(t, "value")
	err := m.f.Set(t.Context(), key, field, value)
	e := m.entries[key]
	switch {
	case m.removed[key]:
		modelWants(t, "Set after Remove", err, store.ErrConflict)
		return
	case e == nil:
		e = &modelEntry{fields: make(map[string]string)}
		m.entries[key] = e
	}
	if _, there := e.fields[field]; !there && len(e.fields) == modelMaxFields {
		modelWants(t, "Set of too many", err, store.ErrTooLarge)
		return
	}
	modelWants(t, "Set", err, nil)
	e.fields[field] = string(value)
}

func (m *fieldsModel) delete(t *rapid.T) {
	key, field := modelKeys.Draw(t, "key"), modelFields.Draw(t, "field")
	modelWants(t, "Delete", m.f.Delete(t.Context(), key, field), nil)
	if e := m.entries[key]; e != nil {
		delete(e.fields, field)
	}
}

func (m *fieldsModel) create(t *rapid.T) {
	key, fields := modelKeys.Draw(t, "key"), modelMap.Draw(t, "fields")
	born, err := m.f.Create(t.Context(), key, fields)
	if m.entries[key] != nil {
		modelWants(t, "Create of what is there", err, store.ErrConflict)
		return
	}
	modelWants(t, "Create", err, nil)
	e := &modelEntry{fields: make(map[string]string), born: born}
	for field, value := range fields {
		e.fields[field] = string(value)
	}
	m.entries[key], m.lives[key] = e, born
	delete(m.removed, key)
}

func (m *fieldsModel) save(t *rapid.T) {
	key, set, born := modelKeys.Draw(t, "key"), modelMap.Draw(t, "set"), store.NewVersion()
	if m.lives[key] != "" {
		born = m.lives[key]
	}
	var remove []string
	for _, field := range rapid.SliceOfNDistinct(modelFields, 0, 3, rapid.ID).Draw(t, "remove") {
		if _, both := set[field]; !both {
			remove = append(remove, field)
		}
	}
	err := m.f.Save(t.Context(), key, born, set, remove...)
	e := m.entries[key]
	if e == nil || e.born != born {
		modelWants(t, "Save to another life", err, store.ErrConflict)
		return
	}
	after := maps.Clone(e.fields)
	for _, field := range remove {
		delete(after, field)
	}
	for field, value := range set {
		after[field] = string(value)
	}
	if len(after) > modelMaxFields {
		modelWants(t, "Save of too many", err, store.ErrTooLarge)
		return
	}
	modelWants(t, "Save", err, nil)
	e.fields = after
}

func (m *fieldsModel) remove(t *rapid.T) {
	key := modelKeys.Draw(t, "key")
	modelWants(t, "Remove", m.f.Remove(t.Context(), key), nil)
	delete(m.entries, key)
	m.removed[key] = true
}

func (m *fieldsModel) touch(t *rapid.T) {
	key := modelKeys.Draw(t, "key")
	err := m.f.Touch(t.Context(), key)
	if m.entries[key] == nil {
		modelWants(t, "Touch", err, store.ErrNotFound)
	} else {
		modelWants(t, "Touch", err, nil)
	}
}

func (m *fieldsModel) contains(t *rapid.T) {
	key := modelKeys.Draw(t, "key")
	if found, err := m.f.Contains(t.Context(), key); found != (m.entries[key] != nil) || err != nil {
		t.Fatalf("Contains: %v, %v", found, err)
	}
}

func (m *fieldsModel) expire(t *rapid.T) {
	key := modelKeys.Draw(t, "key")
	if err := m.f.link.client.Del(t.Context(), m.f.prefix+key).Err(); err != nil {
		t.Fatal(err)
	}
	delete(m.entries, key)
	delete(m.removed, key)
}

// check compares everything, and learns the life of an entry that Set has created.
func (m *fieldsModel) check(t *rapid.T) {
	for _, key := range []string{"a", "b", "{a}"} {
		all, born, err := m.f.Load(t.Context(), key)
		e := m.entries[key]
		if e == nil {
			modelWants(t, "Load", err, store.ErrNotFound)
			continue
		}
		modelWants(t, "Load", err, nil)
		if e.born == "" {
			e.born = born
			m.lives[key] = born
		}
		if born != e.born || len(all) != len(e.fields) {
			t.Fatalf("Load: life %v with %d fields, want %v with %d", born, len(all), e.born, len(e.fields))
		}
		for _, field := range slices.Sorted(maps.Keys(e.fields)) {
			if value, ok := all[field]; !ok || string(value) != e.fields[field] {
				t.Fatalf("Load: %q, %v; want %q", value, ok, e.fields[field])
			}
		}
	}
}

// FuzzFieldsOpened: what Redis hands us is refused or is what was sealed for that key and field.
func FuzzFieldsOpened(f *testing.F) {
	f.Add("k", "f", []byte("value"), []byte(nil))
	f.Add("k", markerName, []byte(markerLive+"0123456789abcdef"), []byte("F1"))
	f.Fuzz(func(t *testing.T, key, field string, value, stored []byte) {
		if len(key) > store.MaxKeyLen || len(field) > store.MaxKeyLen {
			t.Skip()
		}
		good := sealed(key, field, value)
		if got, err := opened(key, field, good); err != nil || string(got) != string(value) {
			t.Fatalf("%q, %v", got, err)
		}
		if _, err := opened(key, field+"x", good); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("another field's value: %v", err)
		}
		if got, err := opened(key, field, stored); err == nil && string(sealed(key, field, got)) != string(stored) {
			t.Errorf("%q was taken for %q", stored, got)
		} else if err != nil && !errors.Is(err, store.ErrCorrupt) {
			t.Error(err)
		}
		if _, _, err := life(key, string(stored)); err != nil && !errors.Is(err, store.ErrCorrupt) {
			t.Error(err)
		}
	})
}

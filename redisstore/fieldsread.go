package redisstore

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/store"
)

// Get returns the value of a field, or [store.ErrNotFound] where there is no such entry or it has no such field.
func (f *Fields) Get(ctx context.Context, key, field string) ([]byte, error) {
	return readTwice(ctx, f, "get field", key, func(id string) ([]byte, error) {
		if err := checkField(field); err != nil {
			return nil, err
		}
		r, err := read(ctx, f, id, func(p redis.Pipeliner) func() ([]byte, error) { return p.HGet(ctx, id, field).Bytes })
		switch {
		case err != nil:
			return nil, err
		case r.nil && r.left == nothing:
			return nil, store.ErrNotFound
		case r.nil: // an entry without the field, a tombstone, or what is not ours: the script tells
			if err := f.use(ctx, id); err != nil {
				return nil, err
			}
			return nil, store.ErrNotFound
		}
		value, err := opened(key, field, r.value)
		if err != nil {
			return nil, err
		}
		return value, f.refresh(ctx, id, r.left)
	})
}

// All returns all fields of an entry and their values, or [store.ErrNotFound]. An entry without fields is an empty map.
func (f *Fields) All(ctx context.Context, key string) (map[string][]byte, error) {
	e, err := f.load(ctx, "get all fields", key)
	return e.fields, err
}

// Load is All, and returns besides which life of the entry that was, for [Fields.Save].
func (f *Fields) Load(ctx context.Context, key string) (map[string][]byte, store.Version, error) {
	e, err := f.load(ctx, "load fields", key)
	if err != nil {
		return nil, "", err
	}
	return e.fields, e.born.Text(), nil
}

type fieldsEntry struct {
	fields map[string][]byte
	born   record.Version
}

func (f *Fields) load(ctx context.Context, op, key string) (fieldsEntry, error) {
	return readTwice(ctx, f, op, key, func(id string) (e fieldsEntry, err error) {
		r, err := read(ctx, f, id, func(p redis.Pipeliner) func() (map[string]string, error) { return p.HGetAll(ctx, id).Result })
		if err != nil {
			return e, err
		}
		if len(r.value) == 0 {
			return e, store.ErrNotFound
		}
		var live bool
		if e.born, live, err = life(key, r.value[markerName]); err != nil {
			return e, err
		}
		if !live {
			return e, store.ErrNotFound
		}
		e.fields = make(map[string][]byte, len(r.value)-1)
		for field, stored := range r.value {
			if field == markerName {
				continue
			}
			if e.fields[field], err = opened(key, field, []byte(stored)); err != nil {
				return e, err
			}
		}
		return e, f.refresh(ctx, id, r.left)
	})
}

// Contains reports whether there is an entry. It is not a use.
func (f *Fields) Contains(ctx context.Context, key string) (bool, error) {
	return readTwice(ctx, f, "look for entry", key, func(id string) (bool, error) {
		r, err := read(ctx, f, id, func(p redis.Pipeliner) func() (string, error) { return p.HGet(ctx, id, markerName).Result })
		if err != nil || r.nil && r.left == nothing {
			return false, err
		}
		if r.nil {
			return false, errFieldsForeign
		}
		_, live, err := life(key, r.value)
		return live, err
	})
}

// Touch is a use of the entry and nothing else, or [store.ErrNotFound].
func (f *Fields) Touch(ctx context.Context, key string) error {
	_, err := perform(ctx, f, "touch entry", key, func(id string) (none struct{}, err error) { return none, f.use(ctx, id) })
	return err
}

package redisstore

import (
	"context"
	"fmt"

	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/store"
)

// Set writes one field. Where there is no entry it creates one, unless one was removed there less than a Tombstone ago: then it is
// [store.ErrConflict].
func (f *Fields) Set(ctx context.Context, key, field string, value []byte) error {
	return f.write(ctx, "set field", fieldsSet, key, func() ([]any, error) {
		args := []any{f.lifetime, marker(key, markerLive, record.NewVersion()), f.maxFields}
		return f.appendField(args, key, field, value)
	})
}

// Delete deletes one field of a live entry. It never creates one, and nothing to delete is no error.
func (f *Fields) Delete(ctx context.Context, key, field string) error {
	return f.write(ctx, "delete field", fieldsDelete, key, func() ([]any, error) {
		return []any{f.lifetime, field}, checkField(field)
	})
}

// Create makes a new entry of these fields, which may be none, and returns its life for [Fields.Save]. Where a live one stands it is
// [store.ErrConflict]; a tombstone is replaced.
func (f *Fields) Create(ctx context.Context, key string, fields map[string][]byte) (store.Version, error) {
	born := record.NewVersion()
	err := f.write(ctx, "create entry", fieldsCreate, key, func() ([]any, error) {
		if len(fields) > f.maxFields {
			return nil, f.meaning(fieldsFull)
		}
		args := append(make([]any, 0, 2+2*len(fields)), f.lifetime, marker(key, markerLive, born))
		return f.appendFields(args, key, fields)
	})
	if err != nil {
		return "", err
	}
	return born.Text(), nil
}

// Save sets the fields in set and deletes those in remove, all or none, if the entry still has the life that Create or Load returned.
// Otherwise it is [store.ErrConflict]: the entry has expired or was removed, and what has its key now is another. Other changes of
// the same entry are no conflict.
func (f *Fields) Save(ctx context.Context, key string, born store.Version, set map[string][]byte, remove ...string) error {
	return f.write(ctx, "save fields", fieldsSave, key, func() ([]any, error) {
		v, valid := parseVersion(born)
		args := append(make([]any, 0, 4+2*len(set)+len(remove)), f.lifetime, marker(key, markerLive, v), f.maxFields, len(set))
		args, err := f.appendFields(args, key, set)
		if err != nil {
			return nil, err
		}
		seen := make(map[string]bool, len(remove))
		for _, field := range remove {
			if err := checkField(field); err != nil {
				return nil, err
			}
			if _, both := set[field]; both || seen[field] {
				return nil, fmt.Errorf("%w: a field to delete is named twice, or is among those to set", store.ErrInvalidKey)
			}
			seen[field] = true
			args = append(args, field)
		}
		if !valid {
			return nil, store.ErrConflict
		}
		return args, nil
	})
}

// Remove removes the entry with all its fields, or whatever else stands under its key, and leaves a tombstone, which keeps a [Fields.Set]
// in flight from bringing back a part of it. Where there is none, it leaves a tombstone too.
func (f *Fields) Remove(ctx context.Context, key string) error {
	return f.write(ctx, "remove entry", fieldsRemove, key, func() ([]any, error) {
		return []any{f.tombstone, marker(key, markerGone, record.NewVersion())}, nil
	})
}

// write runs a script with the arguments that args returns for a key that is valid.
func (f *Fields) write(ctx context.Context, op string, s *script, key string, args func() ([]any, error)) error {
	_, err := perform(ctx, f, op, key, func(id string) (none struct{}, err error) {
		all, err := args()
		if err == nil {
			err = f.run(ctx, s, id, all...)
		}
		return none, err
	})
	return err
}

// appendFields appends names and values in turn.
func (f *Fields) appendFields(args []any, key string, fields map[string][]byte) (_ []any, err error) {
	for field, value := range fields {
		if args, err = f.appendField(args, key, field, value); err != nil {
			return nil, err
		}
	}
	return args, nil
}

func (f *Fields) appendField(args []any, key, field string, value []byte) ([]any, error) {
	if err := checkField(field); err != nil {
		return nil, err
	}
	if len(value) > f.maxValue {
		return nil, fmt.Errorf("%w: a field of %d bytes, the limit is %d", store.ErrTooLarge, len(value), f.maxValue)
	}
	return append(args, field, sealed(key, field, value)), nil
}

package shard

import (
	"context"
	"fmt"

	"github.com/larder-go/larder/store"
)

// FieldStore keeps entries whose fields are read and written one by one, as redisstore.Fields does in a Redis hash per key. That type says what each method
// promises.
type FieldStore interface {
	All(ctx context.Context, key string) (map[string][]byte, error)
	Contains(ctx context.Context, key string) (bool, error)
	Create(ctx context.Context, key string, fields map[string][]byte) (store.Version, error)
	Delete(ctx context.Context, key, field string) error
	Get(ctx context.Context, key, field string) ([]byte, error)
	Load(ctx context.Context, key string) (map[string][]byte, store.Version, error)
	Remove(ctx context.Context, key string) error
	Save(ctx context.Context, key string, born store.Version, set map[string][]byte, remove ...string) error
	Set(ctx context.Context, key, field string, value []byte) error
	Touch(ctx context.Context, key string) error
}

var _ FieldStore = (*Fields[FieldStore])(nil)

// Fields keeps an entry's fields on the node that a [Placement] gives its key, all on the same: a session in a Redis hash on one of several servers. Its
// methods do what the node's do, and ask no other node. The error of a node is a [NodeError].
type Fields[F FieldStore] struct {
	place Placement
	names []string // as place numbers them
	nodes []F
}

// NewFields returns Fields over nodes, which p places keys on. Each node of p must have its Fields, with the same options as the others. They stay the
// caller's.
func NewFields[F FieldStore](nodes map[string]F, p Placement) (*Fields[F], error) {
	if p == nil {
		return nil, fmt.Errorf("shard: new: %w: there is no placement", ErrNoNodes)
	}
	f := &Fields[F]{place: p}
	for _, n := range p.Nodes() {
		under, ok := nodes[n.Name]
		if !ok {
			return nil, fmt.Errorf("shard: new: %w: node %q has no Fields", ErrInvalidNode, n.Name)
		}
		f.names, f.nodes = append(f.names, n.Name), append(f.nodes, under)
	}
	if len(f.nodes) == 0 {
		return nil, fmt.Errorf("shard: new: %w", ErrNoNodes)
	}
	return f, nil
}

// Where is the name of the node that has key, or would have it.
func (f *Fields[F]) Where(key string) string { return f.names[f.place.Place(key)] }

// at is the node of a key, and what to do with its errors.
func (f *Fields[F]) at(op, key string) (under F, name string, err error) {
	if err := store.CheckKey(key); err != nil {
		return under, "", store.Wrap("shard", op, err)
	}
	i := f.place.Place(key)
	return f.nodes[i], f.names[i], nil
}

// All returns all fields of an entry and their values, or [store.ErrNotFound].
func (f *Fields[F]) All(ctx context.Context, key string) (map[string][]byte, error) {
	under, name, err := f.at("all", key)
	if err != nil {
		return nil, err
	}
	all, err := under.All(ctx, key)
	return all, nodeError(name, err)
}

// Contains reports whether there is an entry. It is not a use.
func (f *Fields[F]) Contains(ctx context.Context, key string) (bool, error) {
	under, name, err := f.at("contains", key)
	if err != nil {
		return false, err
	}
	found, err := under.Contains(ctx, key)
	return found, nodeError(name, err)
}

// Create makes a new entry of these fields, and returns its life for Save. Where a live one stands it is [store.ErrConflict].
func (f *Fields[F]) Create(ctx context.Context, key string, fields map[string][]byte) (store.Version, error) {
	under, name, err := f.at("create", key)
	if err != nil {
		return "", err
	}
	born, err := under.Create(ctx, key, fields)
	return born, nodeError(name, err)
}

// Delete deletes one field of a live entry.
func (f *Fields[F]) Delete(ctx context.Context, key, field string) error {
	under, name, err := f.at("delete", key)
	if err != nil {
		return err
	}
	return nodeError(name, under.Delete(ctx, key, field))
}

// Get returns the value of a field, or [store.ErrNotFound] where there is no such entry or it has no such field.
func (f *Fields[F]) Get(ctx context.Context, key, field string) ([]byte, error) {
	under, name, err := f.at("get", key)
	if err != nil {
		return nil, err
	}
	value, err := under.Get(ctx, key, field)
	return value, nodeError(name, err)
}

// Load is All, and returns besides which life of the entry that was, for Save.
func (f *Fields[F]) Load(ctx context.Context, key string) (map[string][]byte, store.Version, error) {
	under, name, err := f.at("load", key)
	if err != nil {
		return nil, "", err
	}
	all, born, err := under.Load(ctx, key)
	return all, born, nodeError(name, err)
}

// Remove removes the entry with all its fields.
func (f *Fields[F]) Remove(ctx context.Context, key string) error {
	under, name, err := f.at("remove", key)
	if err != nil {
		return err
	}
	return nodeError(name, under.Remove(ctx, key))
}

// Save sets the fields in set and deletes those in remove, all or none, if the entry still has the life that Create or Load returned. Otherwise it is
// [store.ErrConflict].
func (f *Fields[F]) Save(ctx context.Context, key string, born store.Version, set map[string][]byte, remove ...string) error {
	under, name, err := f.at("save", key)
	if err != nil {
		return err
	}
	return nodeError(name, under.Save(ctx, key, born, set, remove...))
}

// Set writes one field. Where there is no entry it creates one, unless one was removed there a moment ago: then it is [store.ErrConflict].
func (f *Fields[F]) Set(ctx context.Context, key, field string, value []byte) error {
	under, name, err := f.at("set", key)
	if err != nil {
		return err
	}
	return nodeError(name, under.Set(ctx, key, field, value))
}

// Touch is a use of the entry and nothing else, or [store.ErrNotFound].
func (f *Fields[F]) Touch(ctx context.Context, key string) error {
	under, name, err := f.at("touch", key)
	if err != nil {
		return err
	}
	return nodeError(name, under.Touch(ctx, key))
}

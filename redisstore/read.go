package redisstore

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/store"
)

// Contains is [store.Store]'s.
func (s *Store) Contains(ctx context.Context, key string) (bool, error) {
	_, err := s.read(ctx, "contains", key, false)
	if err == store.ErrNotFound {
		return false, nil
	}
	return err == nil, err
}

// Get is [store.Store]'s.
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	e, err := s.read(ctx, "get", key, true)
	if err != nil {
		return nil, err
	}
	return e.Value, nil
}

// Load is [store.Swapper]'s.
func (s *Store) Load(ctx context.Context, key string) (*store.Item, error) {
	e, err := s.read(ctx, "load", key, true)
	if err != nil {
		return nil, err
	}
	return e.item(), nil
}

// Peek is [store.Swapper]'s.
func (s *Store) Peek(ctx context.Context, key string) (*store.Item, error) {
	e, err := s.read(ctx, "peek", key, false)
	if err != nil {
		return nil, err
	}
	return e.item(), nil
}

// Touch is [store.Toucher]'s.
func (s *Store) Touch(ctx context.Context, key string) error {
	name, err := s.begin(ctx, "touch", key)
	if err != nil {
		return err
	}
	a, err := s.run(ctx, useScript, true, name, "", s.limitOf(key), s.slack, len(s.prefix))
	if err == nil {
		err = a.state.found()
	}
	return store.Wrap("redisstore", "touch", err)
}

// found is what the state means for somebody who looks for a live entry.
func (st state) found() error {
	switch st {
	case stateLive, stateOther:
		return nil
	case stateAbsent:
		return store.ErrNotFound
	}
	return errDamaged
}

// rereads is how often a read begins anew because the entry became another between its look and the record of its use.
const rereads = 3

// read returns the live entry under key, and records the use if that is asked for and due. The first answer is the server's own to a plain
// GET, which knows nothing that has expired. Where the entry's atime or deadline, held against the estimate of the server's clock, asks for
// more, a script decides.
func (s *Store) read(ctx context.Context, op, key string, use bool) (entry, error) {
	name, err := s.begin(ctx, op, key)
	if err != nil {
		return entry{}, err
	}
	var e entry
	for range rereads {
		e, err = s.fetch(ctx, name, key)
		if err != nil || !s.doubtful(ctx, name, &e, use) {
			return e, store.Wrap("redisstore", op, err)
		}
		slack := int64(-1)
		if use {
			slack = s.slack
		}
		a, err := s.run(ctx, useScript, true, name, e.Version[:], s.limitOf(key), slack, len(s.prefix))
		if err == nil && a.state != stateOther {
			err = a.state.found()
		}
		if slack >= 0 && a.now-e.atime > slack {
			e.atime = a.now // as recorded by now: who swaps what Load returned must not take the use back
		}
		if err != nil || a.state != stateOther {
			return e, store.Wrap("redisstore", op, err)
		}
	}
	return e, nil // written again and again, and each time it was live: the writers have recorded a use
}

// doubtful tells whether the server must be asked more about an entry that it returned: whether the entry may be absent all the same, or the
// use of it must perhaps be recorded. Without an estimate of the server's clock everything that goes by time is in doubt.
func (s *Store) doubtful(ctx context.Context, name string, e *entry, use bool) bool {
	limit := s.limitOf(e.Key)
	if !use && limit == 0 && e.deadline == 0 {
		return false
	}
	_, high, ok := s.clockFor(ctx, name).bounds(s.now())
	switch {
	case !ok:
		return true
	case use && high-e.atime > s.slack:
		return true
	}
	return e.deadline != 0 && high >= e.deadline || limit > 0 && high-e.atime > limit
}

// fetch reads the entry. One that belongs to another key may be the answer to somebody else's question, if client and server ever came
// out of step; then it is read again over another connection, one of those for pipelines, before it is called corrupt.
func (s *Store) fetch(ctx context.Context, name, key string) (entry, error) {
	stored, err := s.getString(ctx, name)
	if err != nil {
		return entry{}, err
	}
	e, err := parse(stored, key)
	if err == nil || len(stored) < headSize {
		return e, err
	}
	if _, other := record.Decode(stored[headSize:], ""); other != nil {
		return e, err
	}
	stored, again := s.getApart(ctx, name)
	if again != nil {
		return entry{}, again
	}
	return parse(stored, key)
}

// getString returns the string under name, in memory that nobody else has: the client makes it for each answer. Errors are in the words of
// package store.
func (l *link) getString(ctx context.Context, name string) ([]byte, error) {
	cmd := redis.NewStringCmd(ctx, "get", name)
	err := l.send(ctx, onceString{cmd})
	if err != nil && l.repeatable(ctx, err) {
		cmd = redis.NewStringCmd(ctx, "get", name)
		err = l.send(ctx, onceString{cmd})
	}
	switch err {
	case nil:
		return cmd.Bytes()
	case redis.Nil: // bare: a Sentinel that knows no master is another error with a Nil inside
		return nil, store.ErrNotFound
	}
	return nil, l.failed(ctx, err)
}

// getApart is getString over another connection.
func (l *link) getApart(ctx context.Context, name string) ([]byte, error) {
	stored, err := within(ctx, func() ([]byte, error) {
		pipe := l.client.Pipeline()
		cmd := pipe.Get(ctx, name)
		pipe.Exec(ctx)
		return cmd.Bytes()
	})
	switch err {
	case nil:
		return stored, nil
	case redis.Nil:
		return nil, store.ErrNotFound
	}
	return nil, l.failed(ctx, err)
}

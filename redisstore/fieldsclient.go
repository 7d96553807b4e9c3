package redisstore

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/store"
)

// perform runs an operation on a key. Where there is an error, there is no value.
func perform[T any](ctx context.Context, f *Fields, op, key string, fn func(id string) (T, error)) (v T, err error) {
	if err := store.CheckKey(key); err != nil {
		return v, store.Wrap("redisstore", op, err)
	}
	if err := f.link.ready(ctx, op); err != nil {
		return v, err
	}
	if v, err = fn(f.prefix + key); err != nil {
		var none T
		return none, store.Wrap("redisstore", op, err)
	}
	return v, nil
}

// readTwice is perform for what changes nothing. An answer that does not fit the question may be the fault of the connection, so what
// looks corrupt is read once more.
func readTwice[T any](ctx context.Context, f *Fields, op, key string, fn func(id string) (T, error)) (T, error) {
	return perform(ctx, f, op, key, func(id string) (T, error) {
		v, err := fn(id)
		if errors.Is(err, store.ErrCorrupt) && ctx.Err() == nil {
			v, err = fn(id)
		}
		return v, err
	})
}

// nothing is what PTTL says of a key that is not there.
const nothing = -2

// reply is what Redis says of a hash.
type reply[T any] struct {
	value T
	nil   bool  // it has no such field
	left  int64 // milliseconds until it expires; nothing
}

// read sends a question about a hash together with PTTL, and again if the connection broke, as one does that stood idle while the server
// restarted. Redis answers the two one after the other, which is enough: an entry that expires between them was there, and one that is used
// meanwhile need not be refreshed.
func read[T any](ctx context.Context, f *Fields, id string, ask func(p redis.Pipeliner) (answer func() (T, error))) (reply[T], error) {
	once := func() (r reply[T], err error) {
		p := f.link.client.Pipeline()
		answer, pttl := ask(p), p.PTTL(ctx, id)
		if _, err := p.Exec(ctx); err != nil && pttl.Err() != nil {
			return r, pttl.Err()
		} else if err != nil && !isAnswer(err) { // some releases of the client tell only the pipeline that there was no connection
			return r, err
		}
		if r.left = int64(pttl.Val()); r.left > 0 { // go-redis passes -1 and -2 on as they are
			r.left = pttl.Val().Milliseconds()
		}
		if r.value, err = answer(); err == redis.Nil { // bare: a Sentinel that knows no master is another error with a Nil inside
			r.nil, err = true, nil
		}
		return r, err
	}
	r, err := within(ctx, once)
	if f.link.repeatable(ctx, err) {
		r, err = within(ctx, once)
	}
	if err != nil {
		return r, f.link.failed(ctx, err)
	}
	return r, nil
}

// run runs a script on a hash, once, for most are writes.
func (f *Fields) run(ctx context.Context, s *script, id string, args ...any) error {
	return f.runUpTo(ctx, 1, s, id, args...)
}

// runUpTo runs a script on a hash, up to so many times if the connection breaks.
func (f *Fields) runUpTo(ctx context.Context, times int, s *script, id string, args ...any) error {
	all := make([]any, 0, 4+len(args))
	all = append(append(all, "evalsha", s.hash, 1, id), args...)
	values, err := f.link.eval(ctx, s, all)
	for ; times > 1 && f.link.repeatable(ctx, err); times-- {
		values, err = f.link.eval(ctx, s, all)
	}
	if err != nil {
		return f.link.failed(ctx, err)
	}
	if len(values) != 1 {
		return errAnswer
	}
	return f.meaning(values[0])
}

// refresh records a use, if the last one that is recorded is older than the slack. An entry that has gone since it was read is absent.
func (f *Fields) refresh(ctx context.Context, id string, left int64) error {
	if left == nothing || left >= 0 && f.lifetime-left <= f.slack {
		return nil
	}
	return f.use(ctx, id)
}

// use records a use, which may happen twice.
func (f *Fields) use(ctx context.Context, id string) error {
	return f.runUpTo(ctx, 2, fieldsUse, id, f.lifetime, f.slack)
}

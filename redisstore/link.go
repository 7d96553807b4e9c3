package redisstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/store"
)

// link is a client and what every use of it shares: the estimates of the servers' clocks, the way to wait, and to close.
type link struct {
	client redis.UniversalClient
	single *clock      // of the only server; nil with a Cluster
	nodes  *nodeClocks // of a Cluster's servers
	owned  bool        // close closes the client
	closed atomic.Bool
	late   late
	now    func() time.Time // time.Now, except in tests
}

func newLink(client redis.UniversalClient) (*link, error) {
	l := &link{client: client, now: time.Now}
	switch c := client.(type) {
	case nil:
		return nil, errNoClient
	case *redis.Client:
		if c == nil {
			return nil, errNoClient
		}
		l.single = &clock{}
	case *redis.Ring:
		return nil, errors.New("a Ring takes servers in and out with all that they hold; give each server a store of its own and join them by package shard")
	case *redis.ClusterClient:
		if c == nil {
			return nil, errNoClient
		}
		l.nodes = &nodeClocks{client: c}
	default:
		l.single = &clock{}
	}
	return l, nil
}

func (l *link) close() error {
	if l.closed.Swap(true) || !l.owned {
		return nil
	}
	if err := l.client.Close(); err != nil && !errors.Is(err, redis.ErrClosed) {
		return said("the connections did not close in order", err)
	}
	return nil
}

// ready tells whether op may begin: the store is open and ctx has not ended.
func (l *link) ready(ctx context.Context, op string) error {
	return store.Wrap("redisstore", op, l.open(ctx))
}

func (l *link) open(ctx context.Context) error {
	if l.closed.Load() {
		return os.ErrClosed
	}
	return ctx.Err()
}

// within waits for f no longer than ctx allows. The client heeds a context only before it sends: while it waits for an answer, nothing
// but a time-out ends the wait. So where ctx can end, f is a goroutine's, which may outlive the call until the answer comes or the client's
// own time-out; it holds a connection of the pool as long, so there are never more of them than connections. To close the connection instead
// would have every impatient caller dial anew when the server is slowest.
func within[T any](ctx context.Context, f func() (T, error)) (T, error) {
	if ctx.Done() == nil {
		return f()
	}
	type answer struct {
		value T
		err   error
	}
	done := make(chan answer, 1)
	go func() {
		value, err := f()
		done <- answer{value, err}
	}()
	select {
	case a := <-done:
		return a.value, a.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// once makes a command one that the client does not send again by itself.
type (
	onceString struct{ *redis.StringCmd }
	onceStatus struct{ *redis.StatusCmd }
	onceInt    struct{ *redis.IntCmd }
	onceSlice  struct{ *redis.SliceCmd }
)

func (onceString) NoRetry() bool { return true }
func (onceStatus) NoRetry() bool { return true }
func (onceInt) NoRetry() bool    { return true }
func (onceSlice) NoRetry() bool  { return true }

// send sends a command that changes nothing and waits for the answer, once. A nil answer is redis.Nil. Errors are the client's: see cause.
func (l *link) send(ctx context.Context, cmd redis.Cmder) error {
	if ctx.Done() == nil {
		return l.client.Process(ctx, cmd)
	}
	_, err := within(ctx, func() (struct{}, error) { return struct{}{}, l.client.Process(ctx, cmd) })
	return err
}

// repeatable tells whether a call that failed may be tried again at once: its connection broke, and nobody has ended it. What answers then may be
// another server, so what is known about their clocks is forgotten.
func (l *link) repeatable(ctx context.Context, err error) bool {
	if err == nil || !broken(err) || ctx.Err() != nil || l.closed.Load() {
		return false
	}
	l.forget(ctx)
	return true
}

// twice calls f again where that may help. f must be something that may happen twice.
func (l *link) twice(ctx context.Context, f func() error) error {
	err := f()
	if l.repeatable(ctx, err) {
		err = f()
	}
	return err
}

// failed settles what an error of the client means for the caller, who has no answer: in the words of package store. It also lets go of what
// is known about the servers, since after a failover another one answers.
func (l *link) failed(ctx context.Context, err error) error {
	if l.closed.Load() {
		return fmt.Errorf("%w: %w", os.ErrClosed, cause(err))
	}
	var answer redis.Error
	answered := errors.As(err, &answer)
	if ended := ctx.Err(); ended != nil && !answered {
		return ended
	}
	if !answered || answerWord(answer.Error()) == "READONLY" {
		l.forget(ctx)
	}
	return cause(err)
}

func (l *link) forget(ctx context.Context) {
	if l.single != nil {
		l.single.forget()
		return
	}
	l.nodes.forget()
	l.nodes.client.ReloadState(ctx)
}

package redisstore

import (
	"context"
	"net"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
)

// hook stands between the store and the client's own work. around gets each command and sends it by next.
type hook struct {
	around func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error
}

func (h hook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (h hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (h hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { return h.around(ctx, cmd, next) }
}

// counting counts the commands of one name.
func counting(t *testing.T, client redis.UniversalClient, name string) *atomic.Int64 {
	t.Helper()
	n := new(atomic.Int64)
	client.AddHook(hook{func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		if cmd.Name() == name {
			n.Add(1)
		}
		return next(ctx, cmd)
	}})
	return n
}

// beforeNext does something once, right before the next command of that name is sent.
func beforeNext(client redis.UniversalClient, name string, do func()) {
	var done atomic.Bool
	client.AddHook(hook{func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		if cmd.Name() == name && !done.Swap(true) {
			do()
		}
		return next(ctx, cmd)
	}})
}

// loseNext lets the next command of that name happen and then breaks its connection, as far as the store can tell.
func loseNext(client redis.UniversalClient, name string, broken error) *atomic.Int64 {
	sent := new(atomic.Int64)
	client.AddHook(hook{func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		if cmd.Name() != name {
			return next(ctx, cmd)
		}
		if sent.Add(1) > 1 {
			return next(ctx, cmd)
		}
		if err := next(ctx, cmd); err != nil && err != redis.Nil {
			return err
		}
		cmd.SetErr(broken)
		return broken
	}})
	return sent
}

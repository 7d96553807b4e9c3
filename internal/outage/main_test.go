package outage

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/larder-go/larder/internal/testserver"
)

func TestMain(m *testing.M) {
	redis.SetLogger(silence{}) // it tells of each connection that it cannot make
	goleak.VerifyTestMain(testserver.With(m))
}

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

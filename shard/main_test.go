package shard

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/larder-go/larder/internal/testserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testserver.With(m)) }

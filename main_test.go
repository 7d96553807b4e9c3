package larder_test

import (
	"testing"

	"github.com/larder-go/larder/internal/testserver"
)

// withServers runs the tests; TestMain is where this binary may become another program.
func withServers(m *testing.M) int { return testserver.With(m).Run() }

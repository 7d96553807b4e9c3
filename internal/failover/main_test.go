package failover

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

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

func soaking() bool { return os.Getenv("LARDER_SOAK") != "" }

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// eventually waits for a condition, which says what it lacks.
func eventually(t testing.TB, what string, within time.Duration, do func() (string, bool)) {
	t.Helper()
	for giveUp := time.Now().Add(within); ; {
		lacks, ok := do()
		if ok {
			return
		}
		if time.Now().After(giveUp) {
			t.Fatalf("not %s after %v: %s", what, within, lacks)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// clock tells the time since a round began, to all who write records.
type clock struct{ epoch time.Time }

func (c clock) now() time.Duration { return time.Since(c.epoch) }

// faults gathers what is wrong, from many goroutines.
type faults chan string

func newFaults() faults { return make(faults, 20) }

// say keeps the first ones: more say nothing new.
func (f faults) say(format string, args ...any) {
	select {
	case f <- fmt.Sprintf(format, args...):
	default:
	}
}

func (f faults) report(t *testing.T) {
	t.Helper()
	for {
		select {
		case fault := <-f:
			t.Error(fault)
		default:
			return
		}
	}
}

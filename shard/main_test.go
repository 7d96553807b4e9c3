package shard

import (
	"flag"
	"testing"

	"go.uber.org/goleak"

	"github.com/larder-go/larder/internal/testserver"
)

// atATime is how many tests run beside each other, unless -parallel says so: most of them wait for memcached's clock, which has seconds, or for a server that
// hangs, and two cores with two tests have nothing to do.
const atATime = "6"

func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", atATime); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(testserver.With(m))
}

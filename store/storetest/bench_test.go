package storetest_test

import (
	"testing"

	"github.com/larder-go/larder/store/storetest"
)

func BenchmarkMap(b *testing.B) { storetest.Bench(b, storetest.Config{New: newMap}) }

func BenchmarkCustom(b *testing.B) {
	storetest.Bench(b, storetest.Config{New: newCustom, Lacks: customLacks})
}

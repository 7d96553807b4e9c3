package cli

import (
	"context"
	"fmt"
	"io"
	"iter"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/store"
)

// endlessEntries would be more than twice the memory that TestListKeepsNothing allows, if they were kept: of each its key alone has forty bytes.
const endlessEntries = 60_000

// endless is a store with very many entries, which watches the memory of whoever lists it.
type endless struct {
	*store.Map
	most uint64 // live bytes on the heap
}

func (*endless) Close() error { return nil }

func (s *endless) List(context.Context, string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		for i := range endlessEntries {
			if i%(endlessEntries/10) == 0 {
				var m runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&m)
				s.most = max(s.most, m.HeapAlloc)
			}
			if !yield(store.Info{Key: fmt.Sprintf("session:%032d", i), Size: int64(i), Atime: time.Now()}, nil) {
				return
			}
		}
	}
}

// TestListKeepsNothing: ls and stat of a store of any size take the same memory.
func TestListKeepsNothing(t *testing.T) {
	for _, args := range [][]string{{"ls", "--full"}, {"ls", "--json"}, {"stat"}} {
		s := &endless{Map: store.NewMap(nil)}
		var before runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		env := func(name string) string { return map[string]string{envStore: "test:"}[name] }
		if code := newApp(strings.NewReader(""), io.Discard, io.Discard, env, opens(s)).run(t.Context(), args); code != exitDone {
			t.Fatalf("%q: exit code %d", args, code)
		}
		if grown := int64(s.most) - int64(before.HeapAlloc); grown > 2<<20 {
			t.Errorf("%q keeps %d bytes while it lists %d entries", args, grown, endlessEntries)
		}
	}
}

package store_test

import (
	"context"
	"iter"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/larder-go/larder/store"
)

// endless lists n entries that it makes up, and takes whatever it is given without keeping it.
type endless struct {
	store.Store
	n, size int
}

func (e endless) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	return e.ListAfter(ctx, prefix, "")
}

func (e endless) ListAfter(ctx context.Context, _, after string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		for i := range e.n {
			if err := ctx.Err(); err != nil {
				yield(store.Info{}, err)
				return
			}
			if key := copyKey(i); key > after && !yield(store.Info{Key: key, Size: int64(e.size)}, nil) {
				return
			}
		}
	}
}

func (e endless) Load(ctx context.Context, key string) (*store.Item, error) { return e.Peek(ctx, key) }

func (e endless) Peek(ctx context.Context, key string) (*store.Item, error) {
	if err := store.CheckKey(key); err != nil {
		return nil, err
	}
	if store.Reserved(key) {
		return nil, store.ErrNotFound
	}
	return &store.Item{Value: make([]byte, e.size), Atime: time.Now(), Version: "v"}, ctx.Err()
}

func (e endless) Swap(_ context.Context, key string, _ store.Version, _ *store.Item) (store.Version, error) {
	return "v", store.CheckKey(key)
}

func (endless) Contains(context.Context, string) (bool, error) { return false, nil }
func (endless) Delete(context.Context, string) error           { return nil }

// TestCopyMemory: what a copy, a verification and a list of items have in memory does not depend on how much there is.
func TestCopyMemory(t *testing.T) {
	n := 30_000
	if os.Getenv("LARDER_SOAK") != "" {
		n = 1_000_000
	}
	for _, test := range []struct{ n, size, megabytes int }{{n, 600, 32}, {60, 8 << 20, 300}} {
		src, dst := endless{n: test.n, size: test.size}, endless{size: test.size}
		runtime.GC()
		var most uint64
		look := func() {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapInuse)
		}
		o := &store.CopyOptions{Checkpoint: "c", Verify: true, Progress: func(store.CopyReport) { look() }}
		r, err := store.Copy(t.Context(), src, dst, o)
		if err != nil || r.Copied != test.n || r.Verify.Same != test.n {
			t.Fatalf("%+v, %v", r, err)
		}
		count := 0
		for _, err := range store.Items(t.Context(), src, "", "") {
			if count++; err != nil {
				t.Fatal(err)
			}
			if count%1000 == 0 {
				look()
			}
		}
		t.Logf("%d entries of %d bytes: %d MiB at most", test.n, test.size, most>>20)
		if most > uint64(test.megabytes)<<20 {
			t.Errorf("%d entries of %d bytes took %d MiB", test.n, test.size, most>>20)
		}
	}
}

package store_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/store"
)

// faulty is a map whose calls fail as its hooks say; nil: they do not.
type faulty struct {
	*store.Map
	peek, swap func(key string) error
	list       func(n int) error // n entries were listed in this call
}

func (f *faulty) Peek(ctx context.Context, key string) (*store.Item, error) {
	if f.peek != nil {
		if err := f.peek(key); err != nil {
			return nil, err
		}
	}
	return f.Map.Peek(ctx, key)
}

func (f *faulty) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	if f.swap != nil {
		if err := f.swap(key); err != nil {
			return "", err
		}
	}
	return f.Map.Swap(ctx, key, old, item)
}

func (f *faulty) ListAfter(ctx context.Context, prefix, after string) iter.Seq2[store.Info, error] {
	return f.broken(f.Map.ListAfter(ctx, prefix, after))
}

func (f *faulty) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	return f.broken(f.Map.List(ctx, prefix))
}

func (f *faulty) broken(list iter.Seq2[store.Info, error]) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		n := 0
		for info, err := range list {
			if f.list != nil && err == nil {
				err = f.list(n)
				n++
			}
			if err != nil {
				info = store.Info{}
			}
			if !yield(info, err) || err != nil && !errors.Is(err, store.ErrCorrupt) {
				return
			}
		}
	}
}

var errDown = store.Wrap("faulty", "op", store.ErrUnavailable)

// outage fails for a while from the n-th call on.
func outage(n int64, d time.Duration) func(string) error {
	var calls atomic.Int64
	var since atomic.Pointer[time.Time]
	return func(key string) error {
		if store.Reserved(key) || calls.Add(1) < n {
			return nil
		}
		now := time.Now()
		since.CompareAndSwap(nil, &now)
		if now.Sub(*since.Load()) < d {
			return errDown
		}
		return nil
	}
}

// TestCopyOutage: an outage of either side is waited out, for as long as was said.
func TestCopyOutage(t *testing.T) {
	for _, test := range []struct {
		name     string
		lasts    time.Duration
		patience time.Duration
		through  bool
	}{{"short", 20 * time.Second, 0, true}, {"long", time.Hour, 0, false}, {"impatient", time.Millisecond, -1, false}, {"patient", 30 * time.Minute, time.Hour, true}} {
		for side := range 3 {
			t.Run(fmt.Sprint(test.name, side), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					src, dst := &faulty{Map: filled(t, 500, nil)}, &faulty{Map: store.NewMap(nil)}
					fails := outage(300, test.lasts)
					switch side {
					case 0:
						src.peek = fails
					case 1:
						dst.swap = fails
					case 2:
						src.list = func(int) error { return fails("") }
					}
					begun := time.Now()
					r, err := store.Copy(t.Context(), src, dst, &store.CopyOptions{Checkpoint: "c", Patience: test.patience})
					took := time.Since(begun)
					if test.through {
						if err != nil || r.Copied != 500 || took < test.lasts || took > test.lasts+5*time.Second {
							t.Errorf("%+v, %v, after %v", r, err, took)
						}
						mustEqual(t, src.Map, dst.Map)
						return
					}
					if !errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrPartial) || took > 40*time.Second {
						t.Errorf("%+v, %v, after %v", r, err, took)
					}
					// The next one goes on from there.
					src.peek, dst.swap, src.list = nil, nil, nil
					r, err = store.Copy(t.Context(), src, dst, &store.CopyOptions{Checkpoint: "c"})
					if err != nil || r.Copied+r.Kept != 500 || r.Kept > 230 || r.Resumed < 50 { // out of order by a window at most, and a checkpoint behind
						t.Errorf("again: %+v, %v", r, err)
					}
					mustEqual(t, src.Map, dst.Map)
				})
			})
		}
	}
}

// TestCopyPartial: what is wrong with one entry is its own affair.
func TestCopyPartial(t *testing.T) {
	src := &faulty{Map: filled(t, 1000, nil)}
	dst := &faulty{Map: store.NewMap(&store.MapOptions{MaxValue: 8})} // values from 100 on have 9 bytes
	src.peek = func(key string) error {
		switch key {
		case copyKey(3):
			return store.Wrap("faulty", "peek", store.ErrCorrupt)
		case copyKey(4):
			return store.ErrNotFound
		}
		return nil
	}
	var problems []store.CopyProblem
	o := &store.CopyOptions{Checkpoint: "c", Problem: func(p store.CopyProblem) { problems = append(problems, p) }}
	for range 2 {
		problems = nil
		r, err := store.Copy(t.Context(), src, dst, o)
		if !errors.Is(err, store.ErrPartial) || r.Copied+r.Kept != 98 || r.Failed != 900 || r.Corrupt != 1 || r.Gone != 1 || r.Resumed != 0 || len(problems) != 901 {
			t.Errorf("%+v, %v, %d problems", r, err, len(problems))
		}
		if err != nil && strings.Contains(err.Error(), "key 0") {
			t.Errorf("the error shows a key: %v", err)
		}
	}
	for _, p := range problems {
		want := store.ErrTooLarge
		if p.Key == copyKey(3) {
			want = store.ErrCorrupt
		}
		if !errors.Is(p.Err, want) || p.N < 1 || p.N > 1000 {
			t.Fatalf("%+v, want %v", p, want)
		}
	}
}

// TestCopyKeepsFailures: a copy that goes on from a checkpoint does not forget what has failed before it.
func TestCopyKeepsFailures(t *testing.T) {
	src, dst := &faulty{Map: filled(t, 1000, nil)}, &faulty{Map: store.NewMap(nil)}
	var keys []string
	for info := range store.ListAfter(t.Context(), src, "", "") {
		keys = append(keys, info.Key)
	}
	dst.swap = func(key string) error {
		switch {
		case key == keys[10]:
			return store.Wrap("faulty", "swap", store.ErrTooLarge)
		case key == keys[900]:
			return store.Wrap("faulty", "swap", os.ErrPermission) // not its own
		}
		return nil
	}
	r, err := store.Copy(t.Context(), src, dst, &store.CopyOptions{Checkpoint: "c"})
	if !errors.Is(err, os.ErrPermission) || r.Copied < 890 {
		t.Fatalf("%+v, %v", r, err)
	}
	dst.swap = nil
	if r, err = store.Copy(t.Context(), src, dst, &store.CopyOptions{Checkpoint: "c"}); !errors.Is(err, store.ErrPartial) || r.Failed != 1 || r.Done() != 1000 || r.Resumed != 900 {
		t.Fatalf("%+v, %v", r, err)
	}
	if r, err = store.Copy(t.Context(), src, dst, &store.CopyOptions{Checkpoint: "c"}); err != nil || r.Copied != 1 || r.Kept != 999 {
		t.Fatalf("%+v, %v", r, err)
	}
}

// TestCopyCheckpoint: a copy that was called off goes on, unless something else is asked for or the target was emptied.
func TestCopyCheckpoint(t *testing.T) {
	for _, test := range []struct {
		name    string
		change  func(o *store.CopyOptions, dst store.Store)
		resumes bool
	}{
		{"same", func(*store.CopyOptions, store.Store) {}, true},
		{"name", func(o *store.CopyOptions, _ store.Store) { o.Checkpoint = "other" }, false},
		{"prefix", func(o *store.CopyOptions, _ store.Store) { o.Prefix = "key 0" }, false},
		{"overwrite", func(o *store.CopyOptions, _ store.Store) { o.Overwrite = store.OverwriteAlways }, false},
		{"emptied", func(_ *store.CopyOptions, dst store.Store) {
			for info := range store.List(context.Background(), dst, "") {
				dst.Delete(context.Background(), info.Key)
			}
		}, false},
		{"garbage", func(_ *store.CopyOptions, dst store.Store) {
			dst.Set(context.Background(), store.ReservedKey("copy:c"), []byte("?"))
		}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			src, dst := filled(t, 3000, nil), store.NewMap(nil)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			o := &store.CopyOptions{Checkpoint: "c"}
			var calls atomic.Int64
			slow := &faulty{Map: dst, swap: func(key string) error {
				if calls.Add(1) == 1500 {
					cancel()
				}
				return nil
			}}
			o.Workers = 1
			r, err := store.Copy(ctx, src, slow, o)
			if !errors.Is(err, context.Canceled) || r.Copied < 1400 {
				t.Fatalf("%+v, %v", r, err)
			}
			test.change(o, dst)
			r, err = store.Copy(t.Context(), src, dst, o)
			if err != nil || r.Done() != 3000 || test.resumes != (r.Resumed > 1400) {
				t.Errorf("%+v, %v", r, err)
			}
			mustEqual(t, src, dst)
			if has, err := dst.Contains(t.Context(), store.ReservedKey("copy:"+o.Checkpoint)); has || err != nil {
				t.Errorf("the checkpoint of a copy that is through is there: %t, %v", has, err)
			}
		})
	}
}

// TestCopyCheckpointGoes: it does not outlive its seven days.
func TestCopyCheckpointGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, dst := filled(t, 500, nil), &faulty{Map: store.NewMap(nil)}
		dst.swap = outage(300, time.Hour)
		if _, err := store.Copy(t.Context(), src, dst, &store.CopyOptions{Checkpoint: "c"}); !errors.Is(err, store.ErrUnavailable) {
			t.Fatal(err)
		}
		item, err := dst.Map.Peek(t.Context(), store.ReservedKey("copy:c"))
		if err != nil || time.Until(item.Expires) > 7*24*time.Hour || item.Expires.IsZero() {
			t.Errorf("%+v, %v", item, err)
		}
		for info := range store.List(t.Context(), dst.Map, "") {
			if store.Reserved(info.Key) {
				t.Error("the list shows it")
			}
		}
	})
}

// TestCopyCanceled: a copy ends with its context, and nothing of it is left.
func TestCopyCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which fails where a goroutine is left
		src, dst := &faulty{Map: filled(t, 2000, nil)}, store.NewMap(nil)
		src.peek = func(string) error { time.Sleep(10 * time.Millisecond); return nil }
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		begun := time.Now()
		r, err := store.Copy(ctx, src, dst, &store.CopyOptions{Rate: 1000})
		if took := time.Since(begun); !errors.Is(err, context.DeadlineExceeded) || took > 550*time.Millisecond {
			t.Errorf("%v, after %v", err, took)
		}
		if n := len(contents(t, dst)); r.Copied != n || n == 0 {
			t.Errorf("%d reported, %d there", r.Copied, n)
		}
		for range store.Items(t.Context(), src, "", "") {
			break
		}
	})
}

// TestCopyCanceledAnywhere: whenever a copy is called off, the next one brings all that it has left out.
func TestCopyCanceledAnywhere(t *testing.T) {
	src := filled(t, 400, nil)
	for n := int64(1); n < 400; n += 13 {
		ctx, cancel := context.WithCancel(t.Context())
		dst := &faulty{Map: store.NewMap(nil)}
		var calls atomic.Int64
		dst.swap = func(string) error {
			if calls.Add(1) == n {
				cancel()
			}
			return nil
		}
		if _, err := store.Copy(ctx, src, dst, &store.CopyOptions{Checkpoint: "c"}); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		r, err := store.Copy(t.Context(), src, dst, &store.CopyOptions{Checkpoint: "c"})
		if err != nil || r.Done() != 400 {
			t.Fatalf("called off at %d: %+v, %v", n, r, err)
		}
		mustEqual(t, src, dst.Map)
	}
}

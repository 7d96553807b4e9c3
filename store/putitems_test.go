package store_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"

	"github.com/larder-go/larder/store"
)

// manyItems yields entries of that name, and ends with an error at the cut, if there is one.
func manyItems(name string, n, cut int) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		for i := range n {
			if i == cut {
				yield(store.Entry{}, context.Canceled)
				return
			}
			if !yield(store.Entry{Key: fmt.Sprint(name, i), Item: store.Item{Value: []byte("v")}}, nil) {
				return
			}
		}
	}
}

// once can be ranged over once only, as what is read from a pipe.
func once(items iter.Seq2[store.Entry, error]) iter.Seq2[store.Entry, error] {
	next, _ := iter.Pull2(items)
	return func(yield func(store.Entry, error) bool) {
		for {
			e, err, ok := next()
			if !ok || !yield(e, err) {
				return
			}
		}
	}
}

// TestPutItemsOther: a checkpoint is for the items that it was written for, and other ones begin anew, whole.
func TestPutItemsOther(t *testing.T) {
	for name, test := range map[string]struct {
		items   iter.Seq2[store.Entry, error]
		prefix  string
		n       int
		resumes bool
		errs    int // so many runs end with an error before one is through
	}{
		"same":            {manyItems("first", 1000, -1), "first", 1000, true, 0},
		"other":           {manyItems("second", 1000, -1), "second", 1000, false, 0},
		"shorter":         {manyItems("first", 100, -1), "first", 100, false, 0},
		"other, once":     {once(manyItems("second", 1000, -1)), "second", 1000, false, 1},
		"shorter, once":   {once(manyItems("first", 100, -1)), "first", 100, false, 1},
		"same, once":      {once(manyItems("first", 1000, -1)), "first", 1000, true, 0},
		"the first fails": {manyItems("first", 1000, 10), "first", 0, false, 2},
	} {
		t.Run(name, func(t *testing.T) {
			dst := store.NewMap(nil)
			o := &store.CopyOptions{Checkpoint: "c"}
			if r, err := store.PutItems(t.Context(), dst, manyItems("first", 1000, 500), o); !errors.Is(err, context.Canceled) || r.Copied < 400 {
				t.Fatalf("%+v, %v", r, err)
			}
			r, err := store.PutItems(t.Context(), dst, test.items, o)
			if test.errs > 0 {
				if err == nil {
					t.Fatalf("no error: %+v", r)
				}
				if test.errs > 1 {
					return
				}
				r, err = store.PutItems(t.Context(), dst, manyItems(test.prefix, test.n, -1), o)
			}
			if err != nil || r.Done() != test.n || test.resumes != (r.Resumed > 400) {
				t.Errorf("%+v, %v", r, err)
			}
			for i := range test.n {
				if has, _ := dst.Contains(t.Context(), fmt.Sprint(test.prefix, i)); !has {
					t.Fatalf("entry %d is missing", i)
				}
			}
		})
	}
}

// TestPutItemsReserved: nobody puts Larder's own entries in place.
func TestPutItemsReserved(t *testing.T) {
	key := store.ReservedKey("lease")
	for _, dry := range []bool{false, true} {
		dst := store.NewMap(nil)
		var problem store.CopyProblem
		r, err := store.PutItems(t.Context(), dst, func(yield func(store.Entry, error) bool) {
			_ = yield(store.Entry{Key: key}, nil) && yield(store.Entry{Key: "k"}, nil)
		}, &store.CopyOptions{DryRun: dry, Problem: func(p store.CopyProblem) { problem = p }})
		if !errors.Is(err, store.ErrPartial) || !errors.Is(problem.Err, store.ErrInvalidKey) || r.Failed != 1 || r.Copied != 1 {
			t.Errorf("%+v, %v, %+v", r, err, problem)
		}
		if has, _ := dst.Contains(t.Context(), key); has {
			t.Error("it is there")
		}
	}
}

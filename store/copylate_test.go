package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/store"
)

// callOff begins a copy with the checkpoint c and calls it off at its n-th writing.
func callOff(t *testing.T, src store.Store, dst *store.Map, n int64, o store.CopyOptions) store.CopyReport {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var calls atomic.Int64
	slow := &faulty{Map: dst, swap: func(key string) error {
		if !store.Reserved(key) && calls.Add(1) == n {
			cancel()
		}
		return nil
	}}
	r, err := store.Copy(ctx, src, slow, &o)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("%+v, %v", r, err)
	}
	return r
}

// TestCopyLate: what came to the source behind a copy that was called off is not left out by the next one, nor is it by the one after that if that
// is called off too; and what has changed is replaced as Overwrite says, or found by Verify.
func TestCopyLate(t *testing.T) {
	for _, overwrite := range []store.Overwrite{store.OverwriteNever, store.OverwriteOlder, store.OverwriteAlways} {
		t.Run(overwrite.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src, dst := store.NewMap(nil), store.NewMap(nil)
				for i := range 1000 {
					put(t, src, copyKey(i), "v", time.Now().Add(-24*time.Hour))
				}
				o := store.CopyOptions{Checkpoint: "c", Workers: 1, Overwrite: overwrite, Verify: true}
				first := time.Now()
				callOff(t, src, dst, 500, o)
				time.Sleep(24 * time.Hour)
				for i := range 100 {
					src.Set(t.Context(), fmt.Sprintf("a %d", i), []byte("made since"))
					src.Set(t.Context(), copyKey(i), []byte("changed since"))
				}
				time.Sleep(time.Hour)
				second := callOff(t, src, dst, 575, o) // amid those: the list is in the order of hashes
				if second.Late == 0 {
					t.Fatalf("%+v", second)
				}
				time.Sleep(time.Hour)
				different, most := 0, 1200 // with what was copied twice, as it had changed
				if overwrite == store.OverwriteNever {
					most = 1100
				}
				r, err := store.Copy(t.Context(), src, dst, &o)
				if overwrite == store.OverwriteNever {
					different = r.Verify.Different // of those that have changed, the first run had copied some
				}
				if r.Late <= second.Late || r.Done() < 1100 || r.Done() > most || r.Resumed == 0 || !r.Since.Equal(first) || r.Verify.Same != 1100-different || r.Verify.Changed != 0 {
					t.Errorf("%+v, after %+v", r, second)
				}
				if errors.Is(err, store.ErrDiffers) != (different > 0) || err != nil && different == 0 || (different > 0) == (r.Verify.SourceSum == r.Verify.TargetSum) {
					t.Errorf("%v, %+v", err, r.Verify)
				}
				for i := range 100 {
					if has, _ := dst.Contains(t.Context(), fmt.Sprintf("a %d", i)); !has {
						t.Fatalf("entry %d of those made since is missing", i)
					}
				}
			})
		})
	}
}

// TestCopyLateBorder: the place where an earlier run has stopped is found also where the entries about it are gone, and what stands behind it is not
// copied twice.
func TestCopyLateBorder(t *testing.T) {
	src, dst := store.NewMap(nil), store.NewMap(nil)
	for i := range 1000 {
		put(t, src, copyKey(i), "v", time.Now())
	}
	o := store.CopyOptions{Checkpoint: "c", Workers: 1}
	callOff(t, src, dst, 500, o)
	var keys []string
	for info := range store.ListAfter(t.Context(), src, "", "") {
		keys = append(keys, info.Key)
	}
	for _, key := range keys[450:550] {
		if err := src.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	peeks := 0
	slow := &faulty{Map: src, peek: func(string) error { peeks++; return nil }}
	r, err := store.Copy(t.Context(), slow, dst, &o)
	if err != nil || r.Late != 0 || r.Done() < 940 || r.Done() > 1000 || peeks > 510 {
		t.Errorf("%+v, %v, %d readings", r, err, peeks)
	}
}

// TestCopyOldCheckpoint: one that does not tell since when it is begins anew.
func TestCopyOldCheckpoint(t *testing.T) {
	src, dst := filled(t, 500, nil), store.NewMap(nil)
	old := `{"format":1,"prefix":"","overwrite":"never","after":"` + copyKey(400) + `","witness":"","copied":400}`
	if err := dst.Set(t.Context(), store.ReservedKey("copy:c"), []byte(old)); err != nil {
		t.Fatal(err)
	}
	if r, err := store.Copy(t.Context(), src, dst, &store.CopyOptions{Checkpoint: "c"}); err != nil || r.Copied != 500 || r.Resumed != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestCopyVerifyChanged: an entry counts as changed where this run has copied it and it was written since. What a kept entry differs in does not.
func TestCopyVerifyChanged(t *testing.T) {
	src, dst := &faulty{Map: filled(t, 300, nil)}, store.NewMap(nil)
	put(t, src.Map, "kept", "new", time.Now())
	put(t, dst, "kept", "old", time.Now().Add(-time.Hour))
	lists := 0
	src.list = func(n int) error {
		if n == 0 {
			if lists++; lists == 2 { // it verifies
				src.Map.Set(t.Context(), copyKey(7), []byte("new"))
				src.Map.Set(t.Context(), "made since", []byte("new"))
			}
		}
		return nil
	}
	r, err := store.Copy(t.Context(), src, dst, &store.CopyOptions{Verify: true})
	v := r.Verify
	if !errors.Is(err, store.ErrDiffers) || v.Changed != 1 || v.Missing > 1 || v.Different != 1 || v.Same != 299 || v.SourceSum == v.TargetSum {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestCopyMissingSum: what is missing is in the sum of the source.
func TestCopyMissingSum(t *testing.T) {
	src, dst := store.NewMap(nil), store.NewMap(nil)
	put(t, src, "k", "v", time.Now())
	r, err := store.Copy(t.Context(), src, dst, &store.CopyOptions{DryRun: true, Verify: true})
	if !errors.Is(err, store.ErrDiffers) || r.Verify.Missing != 1 || r.Verify.SourceSum == r.Verify.TargetSum {
		t.Errorf("%+v, %v", r, err)
	}
}

// unordered lists in no order.
type unordered struct{ *faulty }

func (u unordered) ListAfter(context.Context, string, string) (none func(func(store.Info, error) bool)) {
	return store.ListAfter(context.Background(), struct{ store.Store }{u.faulty}, "", "")
}

// TestCopyListOutage: an outage amid the list of a source that cannot take it up again is waited out too, by beginning anew; without end it is not.
func TestCopyListOutage(t *testing.T) {
	for _, overwrite := range []store.Overwrite{store.OverwriteNever, store.OverwriteAlways} {
		synctest.Test(t, func(t *testing.T) {
			src, dst := unordered{&faulty{Map: filled(t, 500, nil)}}, store.NewMap(nil)
			down := outage(300, 20*time.Second)
			src.list = func(int) error { return down("") }
			r, err := store.Copy(t.Context(), src, dst, &store.CopyOptions{Overwrite: overwrite})
			if again := r.Done() - 500; err != nil || again < 200 || again > 299 {
				t.Errorf("%v: %+v, %v", overwrite, r, err)
			}
			mustEqual(t, src.Map, dst)
			down = outage(300, 20*time.Second)
			v, err := store.Copy(t.Context(), src, dst, &store.CopyOptions{DryRun: true, Verify: true})
			if err != nil || v.Verify.Same != 500 || v.Verify.SourceSum != v.Verify.TargetSum {
				t.Errorf("verify: %+v, %v", v, err)
			}
			src.list = func(n int) error {
				if n == 300 {
					return errDown
				}
				return nil
			}
			begun := time.Now()
			_, err = store.Copy(t.Context(), src, dst, &store.CopyOptions{Overwrite: overwrite})
			if took := time.Since(begun); !errors.Is(err, store.ErrUnavailable) || took > 40*time.Second {
				t.Errorf("%v, after %v", err, took)
			}
		})
	}
}

package store_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/store"
)

// TestCopyVerify: each way in which two sides can differ is told by its name.
func TestCopyVerify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := time.Now().Add(-time.Hour)
		src, dst := &faulty{Map: filled(t, 100, nil)}, store.NewMap(nil)
		dry := &store.CopyOptions{DryRun: true, Verify: true}
		for key, entries := range map[string][2]*store.Item{
			"same":      {{Value: []byte("v"), Atime: old}, {Value: []byte("v"), Atime: old}},
			"used":      {{Value: []byte("v"), Atime: old}, {Value: []byte("v")}}, // equal all the same
			"missing":   {{Value: []byte("v"), Atime: old}, nil},
			"different": {{Value: []byte("v"), Atime: old}, {Value: []byte("w"), Atime: old}},
			"behind":    {{Value: []byte("v"), Atime: old}, {Value: []byte("w"), Atime: old.Add(-time.Hour)}},
			"deadline":  {{Value: []byte("v"), Atime: old, Expires: old.Add(24 * time.Hour)}, {Value: []byte("v"), Atime: old, Expires: old.Add(25 * time.Hour)}},
			"forever":   {{Value: []byte("v"), Atime: old, Expires: old.Add(24 * time.Hour)}, {Value: []byte("v"), Atime: old}},
			"newer":     {{Value: []byte("v"), Atime: old}, {Value: []byte("w"), Atime: old.Add(time.Minute)}},
			"changed":   {{Value: []byte("v"), Atime: old}, {Value: []byte("w"), Atime: old}},
			"created":   {{Value: []byte("v"), Atime: old}, nil},
			"corrupt":   {{Value: []byte("v"), Atime: old}, {Value: []byte("v"), Atime: old}},
		} {
			for i, s := range []store.Store{src.Map, dst} {
				if entries[i] == nil {
					continue
				}
				if _, err := store.Swap(t.Context(), s, key, "", entries[i]); err != nil {
					t.Fatal(err)
				}
			}
		}
		src.peek = func(key string) error {
			if key == "corrupt" {
				return store.Wrap("faulty", "peek", store.ErrCorrupt)
			}
			return nil
		}
		src.list = func(n int) error { // it has begun
			time.Sleep(time.Millisecond)
			if n == 0 {
				src.Map.Set(t.Context(), "changed", []byte("v2"))
				src.Map.Set(t.Context(), "created", []byte("v2"))
			}
			return nil
		}
		found := make(map[string]error)
		dry.Problem = func(p store.CopyProblem) { found[p.Key] = p.Err }
		r, err := store.Copy(t.Context(), src, dst, dry)
		v := r.Verify
		if !errors.Is(err, store.ErrDiffers) || v.SourceSum == v.TargetSum {
			t.Errorf("%+v, %v", r, err)
		}
		v.SourceSum, v.TargetSum = "", ""
		if want := (store.VerifyReport{Same: 2, Newer: 1, Missing: 102, Different: 5, Corrupt: 1}); v != want {
			t.Errorf("%+v, want %+v", v, want)
		}
		for _, key := range []string{"created", "changed", "missing", "different", "behind", "deadline", "forever", "corrupt"} {
			if found[key] == nil {
				t.Errorf("%s is not named", key)
			}
		}
		if len(found) != 108 {
			t.Errorf("%d problems are named", len(found))
		}
	})
}

// TestCopyVerifyRace: what is written in the source while the sides are compared is not taken for a fault.
func TestCopyVerifyRace(t *testing.T) {
	src, dst := &faulty{Map: filled(t, 300, nil)}, store.NewMap(nil)
	if _, err := store.Copy(t.Context(), src, dst, nil); err != nil {
		t.Fatal(err)
	}
	writing := false // by one worker
	src.peek = func(key string) error {
		if !writing {
			writing = true
			defer func() { writing = false }()
			item, err := src.Map.Peek(t.Context(), key)
			if err != nil {
				return err
			}
			item.Value = []byte("new")
			_, err = src.Map.Swap(t.Context(), key, store.AnyVersion, item) // with the atime that it had
			return err
		}
		return nil
	}
	r, err := store.Copy(t.Context(), src, dst, &store.CopyOptions{DryRun: true, Verify: true, Workers: 1})
	if err != nil || r.Verify.Changed != 300 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestCopyVerifyRecent: what was used just before it was copied, and is wrong in the target, is not taken for changed.
func TestCopyVerifyRecent(t *testing.T) {
	src, lossy := store.NewMap(nil), &faulty{Map: store.NewMap(nil)}
	for i := range 100 {
		put(t, src, copyKey(i), "v", time.Now())
	}
	lossy.swap = func(key string) error {
		if key == copyKey(7) {
			return store.Wrap("faulty", "swap", store.ErrConflict) // which Copy takes for: it is there
		}
		return nil
	}
	r, err := store.Copy(t.Context(), src, lossy, &store.CopyOptions{Verify: true})
	if !errors.Is(err, store.ErrDiffers) || r.Verify.Missing != 1 || r.Verify.Same != 99 {
		t.Errorf("%+v, %v", r, err)
	}
}

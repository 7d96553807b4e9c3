package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larder-go/larder/store"
)

// filled returns a map with n entries, some with deadlines, none used since a while ago.
func filled(t testing.TB, n int, o *store.MapOptions) *store.Map {
	t.Helper()
	m := store.NewMap(o)
	for i := range n {
		putEntry(t, m, i)
	}
	return m
}

func copyKey(i int) string { return fmt.Sprintf("key %06d", i) }

func putEntry(t testing.TB, s store.Store, i int) {
	t.Helper()
	item := &store.Item{Value: fmt.Appendf(nil, "value %d", i), Atime: time.Now().Add(-time.Duration(i%1000) * time.Minute)}
	if i%3 == 0 {
		item.Expires = time.Now().Add(time.Duration(i+1) * time.Hour)
	}
	if _, err := store.Swap(t.Context(), s, copyKey(i), "", item); err != nil {
		t.Fatal(err)
	}
}

// contents is all that a store holds, without versions.
func contents(t testing.TB, s store.Store) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for info, err := range store.List(t.Context(), s, "") {
		if err != nil {
			t.Fatal(err)
		}
		item, err := store.Peek(t.Context(), s, info.Key)
		if err != nil {
			t.Fatal(err)
		}
		all[info.Key] = fmt.Sprintf("%s %v %v", item.Value, item.Atime.UnixNano(), item.Expires.UnixNano())
	}
	return all
}

func mustEqual(t *testing.T, src, dst store.Store) {
	t.Helper()
	if want, got := contents(t, src), contents(t, dst); !maps.Equal(want, got) {
		t.Errorf("%d entries are not the %d of the source", len(got), len(want))
	}
}

func TestCopy(t *testing.T) {
	src, dst := filled(t, 3000, nil), store.NewMap(nil)
	var last store.CopyReport
	r, err := store.Copy(t.Context(), src, dst, &store.CopyOptions{Verify: true, Progress: func(r store.CopyReport) { last = r }})
	if err != nil || r.Copied != 3000 || r.Done() != 3000 || r.Verify.Same != 3000 || r.Verify.SourceSum != r.Verify.TargetSum || last != r {
		t.Fatalf("%+v, %v, told %+v", r, err, last)
	}
	mustEqual(t, src, dst)
	if r, err = store.Copy(t.Context(), src, dst, nil); err != nil || r.Kept != 3000 || r.Done() != 3000 {
		t.Errorf("again: %+v, %v", r, err)
	}
}

func TestCopyPrefix(t *testing.T) {
	src, dst := filled(t, 1200, nil), store.NewMap(nil)
	r, err := store.Copy(t.Context(), src, dst, &store.CopyOptions{Prefix: "key 0010"})
	if err != nil || r.Copied != 100 || len(contents(t, dst)) != 100 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestCopyOverwrite(t *testing.T) {
	now := time.Now()
	for _, test := range []struct {
		overwrite store.Overwrite
		want      string // of: used before, at the same time, later, in the target
		copied    int
	}{{store.OverwriteNever, "ttt", 1}, {store.OverwriteOlder, "stt", 2}, {store.OverwriteAlways, "sss", 4}} {
		src, dst := store.NewMap(nil), store.NewMap(nil)
		for i, offset := range []time.Duration{-time.Hour, 0, time.Hour} {
			at := now.Add(-2 * time.Hour)
			put(t, src, copyKey(i), "s", at)
			put(t, dst, copyKey(i), "t", at.Add(offset))
		}
		put(t, src, "new", "s", now)
		for _, dry := range []bool{true, false} {
			r, err := store.Copy(t.Context(), src, dst, &store.CopyOptions{Overwrite: test.overwrite, DryRun: dry})
			if err != nil || r.Copied != test.copied || r.Kept != 4-test.copied {
				t.Errorf("%v, dry run %t: %+v, %v", test.overwrite, dry, r, err)
			}
			if has, _ := dst.Contains(t.Context(), "new"); has == dry {
				t.Errorf("%v, dry run %t: the new entry is there: %t", test.overwrite, dry, has)
			}
		}
		got := ""
		for i := range 3 {
			value, err := dst.Get(t.Context(), copyKey(i))
			if err != nil {
				t.Fatal(err)
			}
			got += string(value)
		}
		if got != test.want {
			t.Errorf("%v: %s, want %s", test.overwrite, got, test.want)
		}
	}
}

func put(t testing.TB, s store.Store, key, value string, atime time.Time) {
	t.Helper()
	if _, err := store.Swap(t.Context(), s, key, store.AnyVersion, &store.Item{Value: []byte(value), Atime: atime}); err != nil {
		t.Fatal(err)
	}
}

// TestCopyHot: what a program writes in the target meanwhile is its own.
func TestCopyHot(t *testing.T) {
	for _, overwrite := range []store.Overwrite{store.OverwriteNever, store.OverwriteOlder} {
		src, dst := filled(t, 500, nil), filled(t, 0, &store.MapOptions{Expiry: store.Expiry{TouchAfter: -1}})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		written := make(map[string][]byte)
		go func() {
			defer close(done)
			for n := 0; ctx.Err() == nil; n++ {
				key, value := copyKey(rand.N(500)), fmt.Appendf(nil, "hot %d", n)
				if dst.Set(context.Background(), key, value) == nil {
					written[key] = value
				}
			}
		}()
		for range 20 {
			if _, err := store.Copy(t.Context(), src, dst, &store.CopyOptions{Overwrite: overwrite}); err != nil {
				t.Fatal(err)
			}
		}
		cancel()
		<-done
		for key, value := range written {
			if got, err := dst.Get(t.Context(), key); err != nil || !bytes.Equal(got, value) {
				t.Errorf("%v: %s is %q, %v; %q was written", overwrite, key, got, err, value)
			}
		}
	}
}

// TestCopyTooOld: what the target would take for absent is not written.
func TestCopyTooOld(t *testing.T) {
	src, dst := store.NewMap(nil), store.NewMap(&store.MapOptions{Expiry: store.Expiry{Timeout: time.Hour}})
	put(t, src, "old", "v", time.Now().Add(-2*time.Hour))
	put(t, src, "young", "v", time.Now().Add(-30*time.Minute))
	r, err := store.Copy(t.Context(), src, dst, &store.CopyOptions{Verify: true})
	if err != nil || r.Copied != 1 || r.Gone != 1 || r.Verify.Done() != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestCopyRefuses(t *testing.T) {
	m := filled(t, 10, nil)
	if _, err := store.Copy(t.Context(), m, m, nil); !errors.Is(err, store.ErrSameStore) {
		t.Errorf("onto itself: %v", err)
	}
	if _, err := store.Copy(t.Context(), store.Prefix(m, "a:"), store.Prefix(m, "b:"), nil); err != nil {
		t.Errorf("from one view to another: %v", err)
	}
	if _, err := store.Copy(t.Context(), struct{ store.Store }{m}, store.NewMap(nil), nil); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("from a store that does not list: %v", err)
	}
	if _, err := store.Copy(t.Context(), m, struct{ store.Store }{m}, &store.CopyOptions{Overwrite: store.OverwriteOlder}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("older without Swap: %v", err)
	}
	if _, err := store.Copy(t.Context(), m, store.NewMap(nil), &store.CopyOptions{Overwrite: 7}); err == nil {
		t.Error("there is no such Overwrite")
	}
}

// TestCopyPlain copies into a store with the five methods and no more.
func TestCopyPlain(t *testing.T) {
	src, inside := filled(t, 30, nil), store.NewMap(nil)
	var problems []store.CopyProblem
	o := &store.CopyOptions{Problem: func(p store.CopyProblem) { problems = append(problems, p) }}
	r, err := store.Copy(t.Context(), src, struct{ store.Store }{inside}, o)
	if !errors.Is(err, store.ErrPartial) || !errors.Is(err, store.ErrDeadlineLost) || r.Copied != 20 || r.Failed != 10 || len(problems) != 10 {
		t.Errorf("%+v, %v, %d problems", r, err, len(problems))
	}
	for _, p := range problems {
		if has, _ := inside.Contains(t.Context(), p.Key); has || !errors.Is(p.Err, store.ErrDeadlineLost) {
			t.Errorf("%+v, there: %t", p, has)
		}
	}
}

// lister lists and gets, and cannot peek.
type lister struct {
	store.Store
	m *store.Map
}

func (l lister) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	return l.m.List(ctx, prefix)
}

func TestCopyFromPlain(t *testing.T) {
	m, dst := filled(t, 30, nil), store.NewMap(nil)
	want := contents(t, m)
	if r, err := store.Copy(t.Context(), lister{m, m}, dst, &store.CopyOptions{Checkpoint: "none"}); err != nil || r.Copied != 30 {
		t.Errorf("%+v, %v", r, err)
	}
	if !maps.Equal(want, contents(t, dst)) {
		t.Error("atime or deadline of the list are lost")
	}
}

func TestCopyRate(t *testing.T) {
	src := filled(t, 100, nil)
	var told atomic.Int64
	begun := time.Now()
	if _, err := store.Copy(t.Context(), src, store.NewMap(nil), &store.CopyOptions{Rate: 200, Progress: func(store.CopyReport) { told.Add(1) }}); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took < 400*time.Millisecond {
		t.Errorf("100 entries at 200 a second took %v", took)
	}
	if told.Load() < 3 {
		t.Errorf("progress was told %d times", told.Load())
	}
}

func TestItems(t *testing.T) {
	src, dst := filled(t, 1000, nil), store.NewMap(nil)
	var keys []string
	for e, err := range store.Items(t.Context(), src, "", "") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, e.Key)
	}
	if len(keys) != 1000 {
		t.Fatalf("%d items", len(keys))
	}
	var rest []string
	for e, err := range store.Items(t.Context(), src, "", keys[299]) {
		if err != nil {
			t.Fatal(err)
		}
		if rest = append(rest, e.Key); len(rest) == 500 {
			break
		}
	}
	if !slices.Equal(rest, keys[300:800]) {
		t.Error("items do not go on behind a key, in the same order")
	}
	r, err := store.PutItems(t.Context(), dst, store.Items(t.Context(), src, "", ""), nil)
	if err != nil || r.Copied != 1000 {
		t.Errorf("%+v, %v", r, err)
	}
	mustEqual(t, src, dst)
}

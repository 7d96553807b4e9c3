package crashtest

import (
	"errors"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/larder-go/larder/store"
)

// A process that is killed between its last write and the fsync after it leaves what the next process sees and a cut takes away. Who
// sees an entry gone, and therefore acknowledges its removal, must make it durable first.
func TestRemovalThatIsSeenAndNotDurable(t *testing.T) {
	needCuts(t)
	im, err := newImage(scratch(t), "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := im.close(); err != nil {
			t.Error(err)
		}
	}()
	dir := filepath.Join(im.mount, "store")
	with := func(o *bbolt.Options, do func(Opened) error) {
		t.Helper()
		s, err := openBolt(o)(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(do(s), s.Close()); err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	with(nil, func(s Opened) error { return s.Set(ctx, "key", []byte("value")) })
	// What a kill before the last fsync leaves.
	with(&bbolt.Options{NoSync: true}, func(s Opened) error { return s.Delete(ctx, "key") })
	with(nil, func(s Opened) error { return s.Delete(ctx, "key") })
	if err := errors.Join(im.cut(), im.remount()); err != nil {
		t.Fatal(err)
	}
	with(nil, func(s Opened) error {
		if _, err := s.Peek(ctx, "key"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("after a Delete that was acknowledged: %v", err)
		}
		return nil
	})
}

package cleanup_test

import (
	"context"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/store"
)

// full is a store whose disk has no room for anything new.
type full struct{ *store.Map }

func (full) Swap(context.Context, string, store.Version, *store.Item) (store.Version, error) {
	return "", store.Wrap("full", "swap", syscall.ENOSPC)
}

// A sweep is what makes room: it must not wait for a lease that finds none.
func TestLeaseOnAFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := full{filled(t, 10)}
		r, err := cleanup.Run(t.Context(), s, &cleanup.Options{Idle: time.Hour, Lease: cleanup.DefaultLease})
		if err != nil || r.Removed != 10 || r.Reason != cleanup.Done {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

package storetest_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest"
)

// TestHandover: two maps keep the contract as one does, in both steps and when all has moved; with the entries in the old one at first, in the last case.
func TestHandover(t *testing.T) {
	for _, o := range []store.HandoverOptions{{Prepare: true}, {}} {
		t.Run(fmt.Sprintf("prepare=%v", o.Prepare), func(t *testing.T) {
			storetest.Run(t, storetest.Config{
				Bubble: true,
				New: func(t *testing.T, e store.Expiry) store.Store {
					return store.Handover(newMap(t, e), newMap(t, e), &o)
				},
			})
		})
	}
	// Two programs in different steps at once, each way round.
	for _, o := range []store.HandoverOptions{{Prepare: true}, {}} {
		t.Run(fmt.Sprintf("beside prepare=%v", o.Prepare), func(t *testing.T) {
			sides := sync.Map{} // the stores behind each handle
			open := func(old, new store.Store, o store.HandoverOptions) store.Store {
				h := store.Handover(old, new, &o)
				sides.Store(h, [2]store.Store{old, new})
				return h
			}
			storetest.Run(t, storetest.Config{
				New: func(t *testing.T, e store.Expiry) store.Store { return open(newMap(t, e), newMap(t, e), o) },
				Reopen: func(t *testing.T, s store.Store) store.Store {
					both, _ := sides.Load(s)
					return open(both.([2]store.Store)[0], both.([2]store.Store)[1], store.HandoverOptions{Prepare: !o.Prepare})
				},
			})
		})
	}
	t.Run("drained", func(t *testing.T) {
		storetest.Run(t, storetest.Config{
			New: func(t *testing.T, e store.Expiry) store.Store {
				h := store.Handover(newMap(t, e), newMap(t, e), &store.HandoverOptions{Recheck: time.Nanosecond})
				if r, err := h.Drain(t.Context(), nil); err != nil || !r.Drained {
					t.Fatalf("%+v, %v", r, err)
				}
				return h
			},
		})
	})
}

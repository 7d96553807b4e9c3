package modelcheck

import (
	"errors"
	"testing"
	"time"

	"github.com/larder-go/larder/store"
)

// A report says since when the first of what was removed should have been gone, by its deadline or by its atime.
func TestDue(t *testing.T) {
	ago := func(d time.Duration) time.Time { return time.Now().Add(-d) }
	onEach(t, func(t *testing.T, s store.Store) {
		for _, test := range []struct {
			name string
			o    store.SweepOptions
			item store.Item
			want time.Duration // ago
		}{
			{"idle", store.SweepOptions{Idle: 10 * time.Minute}, store.Item{Atime: ago(30 * time.Minute)}, 19 * time.Minute},
			{"idle, with a deadline to come", store.SweepOptions{Idle: 10 * time.Minute},
				store.Item{Atime: ago(30 * time.Minute), Expires: time.Now().Add(time.Hour)}, 19 * time.Minute},
			{"by the Timeout", store.SweepOptions{}, store.Item{Atime: ago(2 * time.Hour)}, 59 * time.Minute},
			{"by its deadline", store.SweepOptions{}, store.Item{Atime: ago(30 * time.Minute), Expires: ago(20 * time.Minute)}, 20 * time.Minute},
			{"by its deadline, then idle", store.SweepOptions{Idle: 10 * time.Minute},
				store.Item{Atime: ago(30 * time.Minute), Expires: ago(25 * time.Minute)}, 25 * time.Minute},
			{"idle, then by its deadline", store.SweepOptions{Idle: 10 * time.Minute},
				store.Item{Atime: ago(30 * time.Minute), Expires: ago(5 * time.Minute)}, 19 * time.Minute},
		} {
			t.Run(test.name, func(t *testing.T) {
				put(t, s, "dead", test.item)
				later := test.item
				later.Atime = later.Atime.Add(3 * time.Second)
				if !later.Expires.IsZero() {
					later.Expires = later.Expires.Add(3 * time.Second)
				}
				put(t, s, "later", later)
				test.o.DryRun = true
				dry, err := store.Sweep(t.Context(), s, test.o)
				test.o.DryRun = false
				r, err2 := store.Sweep(t.Context(), s, test.o)
				if errors.Is(err, errors.ErrUnsupported) || errors.Is(err2, errors.ErrUnsupported) {
					t.Skip("it cannot sweep")
				}
				if err != nil || err2 != nil || dry.Removed != r.Removed || dry.Due.Sub(r.Due).Abs() > time.Second {
					t.Errorf("dry %+v, %v; then %+v, %v", dry, err, r, err2)
				}
				if r.Removed == 0 && r.Due.IsZero() {
					t.Skip("the server has removed them by itself")
				}
				if off := time.Since(r.Due) - test.want; off.Abs() > 2*time.Second {
					t.Errorf("due %v ago, want %v", time.Since(r.Due), test.want)
				}
				if n, err := store.Sweep(t.Context(), s, test.o); n.Removed != 0 || !n.Due.IsZero() || err != nil {
					t.Errorf("a sweep with nothing to do: %+v, %v", n, err)
				}
			})
		}
	})
}

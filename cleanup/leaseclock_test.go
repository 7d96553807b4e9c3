package cleanup

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/store"
)

// skewed is a clock that is off by d.
func skewed(d time.Duration) func() time.Time {
	return func() time.Time { return time.Now().Add(d) }
}

func skews() []time.Duration { return []time.Duration{-30 * time.Second, 0, 30 * time.Second} }

// eachSkew runs test for every clock of a holder and every clock of who would take its lease.
func eachSkew(t *testing.T, test func(t *testing.T, holder, taker func() time.Time)) {
	for _, holder := range skews() {
		for _, taker := range skews() {
			t.Run(fmt.Sprintf("holder%v,taker%v", holder, taker), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { test(t, skewed(holder), skewed(taker)) })
			})
		}
	}
}

// A holder that lives keeps its lease, however its clock differs from others'.
func TestLivingHolderKeepsItsLease(t *testing.T) {
	for _, ttl := range []time.Duration{MinLease, DefaultLease, time.Hour} {
		eachSkew(t, func(t *testing.T, holder, taker func() time.Time) {
			m := store.NewMap(nil)
			l, err := take(t.Context(), m, ttl, holder)
			if err != nil {
				t.Fatal(err)
			}
			stop := l.keepUp(t.Context())
			for range 500 {
				time.Sleep(ttl / 50)
				if _, err := take(t.Context(), m, ttl, taker); !errors.Is(err, ErrLeased) {
					t.Fatalf("a lease of %v that is renewed was taken after %v: %v", ttl, time.Since(l.since), err)
				}
			}
			stop()
			if err := l.release(t.Context(), LastRun{}, true); err != nil || l.why() == nil {
				t.Errorf("release: %v", err)
			}
			if _, err := take(t.Context(), m, ttl, taker); err != nil {
				t.Errorf("after its release: %v", err)
			}
		})
	}
}

// A holder that died keeps others out for its lease, and no longer than the margins say.
func TestDeadHoldersLeaseEnds(t *testing.T) {
	const step = time.Second
	eachSkew(t, func(t *testing.T, holder, taker func() time.Time) {
		m := store.NewMap(nil)
		start := time.Now()
		if _, err := take(t.Context(), m, DefaultLease, holder); err != nil {
			t.Fatal(err)
		}
		for {
			time.Sleep(step)
			_, err := take(t.Context(), m, DefaultLease, taker)
			if err == nil {
				break
			}
			if !errors.Is(err, ErrLeased) {
				t.Fatal(err)
			}
			if time.Since(start) > time.Hour {
				t.Fatal("it never ends")
			}
		}
		took := time.Since(start)
		skew := holder().Sub(taker())
		if want := DefaultLease + leaseMargin + skew; took < DefaultLease || took < want-step || took > want+step {
			t.Errorf("free after %v, want %v, and not before %v", took, want, DefaultLease)
		}
	})
}

// A clock that is wrong by more than clocks may be wrong locks nobody out for long.
func TestLeaseOfWrongClock(t *testing.T) {
	for _, off := range []time.Duration{-10 * 365 * 24 * time.Hour, -time.Hour, time.Hour, 10 * 365 * 24 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			m := store.NewMap(nil)
			if _, err := take(t.Context(), m, DefaultLease, skewed(off)); err != nil {
				t.Fatal(err)
			}
			if _, err := take(t.Context(), m, DefaultLease, time.Now); err != nil {
				t.Errorf("a clock that is off by %v: %v", off, err)
			}
		})
	}
}

// A clock that is set while a lease is held neither frees nor loses it.
func TestClockSetDuringLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := store.NewMap(nil)
		begin, off := time.Now(), time.Duration(0)
		clock := func() time.Time { return time.Now().Add(off) }
		l, err := take(t.Context(), m, DefaultLease, clock)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for _, off = range []time.Duration{10 * time.Second, -10 * time.Second, 0} {
			for range 20 {
				time.Sleep(DefaultLease / 4)
				if err := l.renew(ctx); err != nil {
					t.Fatalf("after %v: %v", time.Since(begin), err)
				}
				if _, err := take(ctx, m, DefaultLease, time.Now); !errors.Is(err, ErrLeased) {
					t.Fatalf("after %v: %v", time.Since(begin), err)
				}
			}
		}
	})
}

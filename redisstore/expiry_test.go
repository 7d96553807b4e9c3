package redisstore

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// left returns how long the server keeps what stands under key; 0: for ever.
func left(t *testing.T, s *Store, key string) time.Duration {
	t.Helper()
	d, err := s.client.PTTL(t.Context(), s.prefix+key).Result()
	if err != nil || d == -2 {
		t.Fatalf("PTTL = %v, %v", d, err)
	}
	return max(d, 0)
}

// near fails unless got lies in the second before want, or hardly after it.
func near(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if got > want && got-want > 20*time.Millisecond || got < want-time.Second || (want == 0) != (got == 0) {
		t.Errorf("%s the native expiry is %v; want %v", what, got, want)
	}
}

func TestNativeExpiry(t *testing.T) {
	client := newClient(t, testserver.Redis(t).Addr)
	const hour = time.Hour
	for _, c := range []struct {
		timeout, touchAfter, want time.Duration
	}{
		{0, 0, 0},
		{hour, 0, hour + time.Minute},
		{hour, -1, hour},
		{hour, 10 * time.Minute, 70 * time.Minute},
		{24 * 31 * hour, hour, 24*31*hour + hour}, // more milliseconds than 32 bits hold
		{time.Microsecond, -1, time.Millisecond},  // never 0 by rounding, which the server refuses
		{1, -1, time.Millisecond},
		{100 * 365 * 24 * hour, hour, 100*365*24*hour + hour},
		{math.MaxInt64 - 1, 0, 0}, // longer than a Duration can say, with the slack: for ever
		{math.MaxInt64, hour, 0},
	} {
		s := open(t, client, store.Expiry{Timeout: c.timeout, TouchAfter: c.touchAfter})
		what := fmt.Sprintf("with a Timeout of %v and a TouchAfter of %v", c.timeout, c.touchAfter)
		mustSet(t, s, "set", "value")
		if c.want > time.Second || c.want == 0 {
			near(t, what+", after Set", left(t, s, "set"), c.want)
		}
		if _, err := s.Swap(t.Context(), "swap", "", &store.Item{Value: []byte("value")}); err != nil {
			t.Errorf("%s: Swap: %v", what, err)
		}
		if c.want > time.Second || c.want == 0 {
			near(t, what+", after Swap", left(t, s, "swap"), c.want)
		}
	}
}

func TestNativeExpiryIsWhicheverIsFirst(t *testing.T) {
	client := newClient(t, testserver.Redis(t).Addr)
	s := open(t, client, store.Expiry{Timeout: time.Hour, TouchAfter: time.Minute})
	for name, c := range map[string]struct {
		expires, atime, want time.Duration // from now; 0: none
	}{
		"deadline first":         {expires: 10 * time.Minute, want: 10 * time.Minute},
		"idle first":             {expires: 3 * time.Hour, want: 61 * time.Minute},
		"no deadline":            {want: 61 * time.Minute},
		"old atime":              {atime: -30 * time.Minute, want: 31 * time.Minute},
		"old atime and deadline": {atime: -30 * time.Minute, expires: 40 * time.Minute, want: 31 * time.Minute},
		"far deadline":           {expires: 200 * 365 * 24 * time.Hour, want: 61 * time.Minute},
	} {
		item := &store.Item{}
		if c.expires != 0 {
			item.Expires = time.Now().Add(c.expires)
		}
		if c.atime != 0 {
			item.Atime = time.Now().Add(c.atime)
		}
		if _, err := s.Swap(t.Context(), name, "", item); err != nil {
			t.Fatal(err)
		}
		near(t, name+":", left(t, s, name), c.want)
		// A use moves the idle time, and no deadline.
		if _, err := s.Get(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if c.atime != 0 {
			c.want = 61 * time.Minute
			if c.expires != 0 {
				c.want = min(c.want, c.expires)
			}
		}
		near(t, name+", after a use:", left(t, s, name), c.want)
	}
}

// Entries that were written when no Timeout was set, or a longer one, have no native expiry that fits. Their atime decides.
func TestTimeoutIntroducedLater(t *testing.T) {
	onBoth(t, func(t *testing.T, client redis.UniversalClient) {
		for name, before := range map[string]store.Expiry{"none": {}, "longer": {Timeout: 100 * time.Hour}} {
			old := open(t, client, before)
			now := open(t, client, store.Expiry{Timeout: time.Hour}, func(o *Options) { o.Prefix = old.prefix })
			for key, age := range map[string]time.Duration{"dead": 2 * time.Hour, "live": 30 * time.Minute} {
				if _, err := old.Swap(t.Context(), key, "", &store.Item{Value: []byte(key), Atime: time.Now().Add(-age)}); err != nil {
					t.Fatal(err)
				}
			}
			v, err := store.Peek(t.Context(), old, "dead")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := now.Get(t.Context(), "dead"); err != store.ErrNotFound {
				t.Errorf("%s: Get of an entry that is idle for too long: %v", name, err)
			}
			if ok, err := now.Contains(t.Context(), "dead"); ok || err != nil {
				t.Errorf("%s: Contains = %v, %v", name, ok, err)
			}
			if err := now.Touch(t.Context(), "dead"); err != store.ErrNotFound {
				t.Errorf("%s: Touch: %v", name, err)
			}
			if _, err := now.Swap(t.Context(), "dead", v.Version, &store.Item{}); err == nil {
				t.Errorf("%s: Swap of an absent entry succeeds", name)
			}
			for info, err := range now.List(t.Context(), "") {
				if info.Key != "live" || err != nil {
					t.Errorf("%s: List yields %+v, %v", name, info, err)
				}
			}
			wantValue(t, now, "live", "live")
			near(t, name+": after a use", left(t, now, "live"), time.Hour+time.Minute)
			if _, err := now.Swap(t.Context(), "dead", "", &store.Item{Value: []byte("new")}); err != nil {
				t.Errorf("%s: Swap from absent: %v", name, err)
			}
		}
	})
}

// Deadlines and time-outs of some milliseconds, many at once: the server's rounding makes none early and none later than it says.
func TestNeverEarly(t *testing.T) {
	client := newClient(t, testserver.Redis(t).Addr)
	s := open(t, client, store.Expiry{Timeout: 20500 * time.Microsecond, TouchAfter: -1})
	forever := open(t, client, store.Expiry{})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for round := range 12 {
				key := fmt.Sprintf("%d %d", i, round)
				before := time.Now()
				if err := s.Set(t.Context(), key, nil); err != nil {
					t.Error(err)
				}
				goes(t, s, key, before.Add(s.expiry.Timeout), time.Now().Add(s.expiry.Timeout+lateness))
				expires := time.Now().Add(20*time.Millisecond + time.Duration(round)*77*time.Microsecond)
				if _, err := forever.Swap(t.Context(), key, "", &store.Item{Expires: expires}); err != nil {
					t.Error(err)
				}
				goes(t, forever, key, expires, expires.Add(lateness))
			}
		})
	}
	wg.Wait()
}

// goes watches an entry that must be there before the one moment and gone after the other.
func goes(t *testing.T, s *Store, key string, from, until time.Time) {
	t.Helper()
	for {
		begin := time.Now()
		ok, err := s.Contains(t.Context(), key)
		switch end := time.Now(); {
		case err != nil:
			t.Errorf("Contains: %v", err)
			return
		case !ok && end.Before(from):
			t.Errorf("gone %v early", from.Sub(end))
			return
		case ok && begin.After(until):
			t.Errorf("there %v too long", begin.Sub(until))
			return
		case !ok || begin.After(until):
			return
		}
		time.Sleep(200 * time.Microsecond)
	}
}

// An entry that was written under a longer Timeout is absent when this one is over, though its native expiry is far less than that away.
func TestTimeoutShortened(t *testing.T) {
	onBoth(t, func(t *testing.T, client redis.UniversalClient) {
		old := open(t, client, store.Expiry{Timeout: 100 * time.Minute, TouchAfter: -1})
		now := open(t, client, store.Expiry{Timeout: time.Hour, TouchAfter: -1}, func(o *Options) { o.Prefix = old.prefix })
		version, err := old.Swap(t.Context(), "key", "", &store.Item{Atime: time.Now().Add(-70 * time.Minute)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := now.Peek(t.Context(), "key"); err != store.ErrNotFound {
			t.Errorf("Peek: %v", err)
		}
		if err := now.Touch(t.Context(), "key"); err != store.ErrNotFound {
			t.Errorf("Touch: %v", err)
		}
		if _, err := now.Get(t.Context(), "key"); err != store.ErrNotFound {
			t.Errorf("Get: %v", err)
		}
		if _, err := now.Swap(t.Context(), "key", version, &store.Item{}); !errors.Is(err, store.ErrConflict) {
			t.Errorf("Swap: %v", err)
		}
	})
}

// An entry that is used when no Timeout is set any more stays: the native expiry that it still has goes.
func TestTimeoutDropped(t *testing.T) {
	onBoth(t, func(t *testing.T, client redis.UniversalClient) {
		old := open(t, client, store.Expiry{Timeout: 100 * time.Minute, TouchAfter: -1})
		now := open(t, client, store.Expiry{TouchAfter: -1}, func(o *Options) { o.Prefix = old.prefix })
		deadline := time.Now().Add(80 * time.Minute)
		for key, item := range map[string]*store.Item{"key": {}, "deadline": {Expires: deadline}} {
			item.Atime = time.Now().Add(-50 * time.Minute)
			if _, err := old.Swap(t.Context(), key, "", item); err != nil {
				t.Fatal(err)
			}
			if err := now.Touch(t.Context(), key); err != nil {
				t.Error(err)
			}
		}
		near(t, "without a Timeout", left(t, now, "key"), 0)
		near(t, "without a Timeout, with a deadline", left(t, now, "deadline"), time.Until(deadline))
	})
}

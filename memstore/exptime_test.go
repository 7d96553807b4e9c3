package memstore

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

const day = 24 * time.Hour

func TestIdleSeconds(t *testing.T) {
	for _, c := range []struct {
		timeout, slack time.Duration
		want           int64
	}{
		{0, time.Minute, 0},
		{1, 0, 2},
		{time.Millisecond, 50 * time.Microsecond, 2},
		{999 * time.Millisecond, 0, 2},
		{time.Second, 0, 3}, // 2 could end at once, when the server's clock skips a second
		{time.Second, 50 * time.Millisecond, 3},
		{1500 * time.Millisecond, 75 * time.Millisecond, 3},
		{time.Hour, time.Minute, 3661},
		{time.Hour + 1, time.Minute, 3662},
		{math.MaxInt64, time.Minute, 9223372036 + 60 + 1 + 1},
		{math.MaxInt64, math.MaxInt64, 2*9223372036 + 3},
	} {
		got := idleSeconds(c.timeout, c.slack)
		if got != c.want {
			t.Errorf("%v and %v are %d seconds; want %d", c.timeout, c.slack, got, c.want)
		}
	}
	// Between what the clock may take away and what the contract allows, for every fraction.
	for ms := int64(1); ms < 5000; ms += 7 {
		for _, slackMS := range []int64{0, 1, ms / 20, 999, 1000, 1001} {
			timeout, slack := time.Duration(ms)*time.Millisecond, time.Duration(slackMS)*time.Millisecond
			n := time.Duration(idleSeconds(timeout, slack)) * time.Second
			if n-time.Second < timeout || n > timeout+slack+2*time.Second {
				t.Fatalf("%v and %v are %v", timeout, slack, n)
			}
		}
	}
}

func TestExptime(t *testing.T) {
	now := time.Unix(1_795_000_000, 0)
	late := time.Unix(math.MaxInt32-1000, 0)
	for _, c := range []struct {
		now     time.Time
		seconds int64
		want    int32
	}{
		{now, 0, 0},
		{now, 1, 1},
		{now, maxRelative, maxRelative},
		{now, maxRelative + 1, 1_795_000_000 + maxRelative + 1},
		{now, math.MaxInt32 - 1_795_000_000, math.MaxInt32},
		{now, math.MaxInt32, math.MaxInt32},
		{now, 2 * 9223372036, math.MaxInt32},
		{late, maxRelative, maxRelative},
		{late, maxRelative + 1, maxRelative}, // not a moment that is over
		{late.Add(10 * 365 * day), 90 * 24 * 3600, maxRelative},
	} {
		if got := exptime(c.seconds, c.now); got != c.want {
			t.Errorf("%d seconds from %v are %d; want %d", c.seconds, c.now.Unix(), got, c.want)
		}
	}
}

// The fake sees what each method tells the server.
func TestExptimeSent(t *testing.T) {
	f := newFake(t)
	ctx := context.Background()
	for _, timeout := range []time.Duration{0, 1, time.Millisecond, time.Second, time.Hour, 30*day - 2*time.Minute, 30*day - time.Minute, 30 * day, 31 * day, 400 * day,
		100 * 365 * day, math.MaxInt64} {
		s := fresh(t, Options{Expiry: store.Expiry{Timeout: timeout}}, f.addr)
		begin := time.Now().Unix()
		set(t, s, "key", "value")
		v, err := s.Swap(ctx, "other", "", &store.Item{})
		if err != nil {
			t.Fatal(err)
		}
		s.Swap(ctx, "other", v, &store.Item{})
		s.Get(ctx, "key")
		s.Touch(ctx, "key")
		s.Load(ctx, "key")
		if err := s.Set(ctx, "large", make([]byte, large)); err != nil {
			t.Fatal(err)
		}
		end := time.Now().Unix()
		n := 0
		for _, c := range f.seen() {
			if c.verb == "gets" {
				if timeout > 0 && c.key == s.name("key") {
					t.Errorf("with a Timeout of %v a use reads without a touch", timeout)
				}
				continue
			}
			n++
			told := c.exptime
			low, high := s.idle, s.idle
			if told > maxRelative {
				low, high = min(s.idle+begin, math.MaxInt32), min(s.idle+end, math.MaxInt32)
			}
			if told < low || told > high || told > math.MaxInt32 {
				t.Errorf("with a Timeout of %v, %s tells %d, not %d to %d", timeout, c.verb, told, low, high)
			}
		}
		if n < 5 {
			t.Errorf("only %d commands", n)
		}
	}
}

// What deadlines and atimes given to Swap make of it.
func TestExptimeOfItems(t *testing.T) {
	f := newFake(t)
	ctx := context.Background()
	now := time.Now()
	for _, c := range []struct {
		what      string
		timeout   time.Duration
		item      store.Item
		low, high int64
	}{
		{"a near deadline", 0, store.Item{Expires: now.Add(10 * time.Second)}, 11, 12},
		{"a deadline after the timeout", time.Hour, store.Item{Expires: now.Add(2 * time.Hour)}, 3661, 3661},
		{"a deadline before it", time.Hour, store.Item{Expires: now.Add(time.Minute)}, 61, 62},
		{"a far deadline", 0, store.Item{Expires: now.Add(60 * day)}, now.Unix() + 60*86400, now.Unix() + 60*86400 + 60},
		{"a deadline after all times", 0, store.Item{Expires: now.Add(200 * 365 * day)}, math.MaxInt32, math.MaxInt32},
		{"a deadline that has passed", 0, store.Item{Expires: now.Add(-time.Second)}, gone, gone},
		{"a use long ago", time.Hour, store.Item{Atime: now.Add(-2 * time.Hour)}, gone, gone},
		{"a use a while ago", time.Hour, store.Item{Atime: now.Add(-30 * time.Minute)}, 1800 + 60, 1800 + 61},
		{"a use in the future", time.Hour, store.Item{Atime: now.Add(30 * day)}, 3661, 3661},
		{"a use long ago, for ever", 0, store.Item{Atime: now.Add(-2000 * day)}, 0, 0},
	} {
		s := fresh(t, Options{Expiry: store.Expiry{Timeout: c.timeout}}, f.addr)
		for _, old := range []store.Version{"", store.AnyVersion} {
			if _, err := s.Swap(ctx, "key", old, &c.item); err != nil {
				t.Fatal(err)
			}
			for _, sent := range f.seen() {
				if sent.exptime < c.low || sent.exptime > c.high {
					t.Errorf("%s: %s tells %d; want %d to %d", c.what, sent.verb, sent.exptime, c.low, c.high)
				}
			}
			s.Delete(ctx, "key")
			f.seen()
		}
	}
}

// On the real server entries with all these times are there, and those with short ones go when they must.
func TestExptimeReal(t *testing.T) {
	t.Parallel()
	addr := testserver.Memcached(t).Addr
	for _, timeout := range []time.Duration{time.Hour, 30*day - 2*time.Minute, 30*day - time.Minute, 30 * day, 31 * day, 4000 * day, 100 * 365 * day, math.MaxInt64} {
		s := fresh(t, Options{Expiry: store.Expiry{Timeout: timeout}}, addr)
		set(t, s, "key", "value")
		want(t, s, "key", "value") // a use, which tells the time again
		want(t, s, "key", "value")
		if _, err := s.Swap(context.Background(), "key", store.AnyVersion, &store.Item{Expires: time.Now().Add(timeout)}); err != nil {
			t.Fatal(err)
		}
		want(t, s, "key", "")
	}
	s := fresh(t, Options{Expiry: store.Expiry{Timeout: 200 * time.Millisecond}}, addr)
	begin := time.Now()
	set(t, s, "key", "value")
	if ok, err := s.Contains(context.Background(), "key"); time.Since(begin) < 200*time.Millisecond && (!ok || err != nil) {
		t.Errorf("absent before its Timeout: %v, %v", ok, err)
	}
	eventually(t, "an entry with a Timeout of 200 ms goes", func() bool {
		ok, err := s.Contains(context.Background(), "key")
		return !ok && err == nil
	})
	if lived := time.Since(begin); lived > 3*time.Second { // 200 ms, two seconds, and a slow machine
		t.Errorf("it lived %v", lived)
	}
}

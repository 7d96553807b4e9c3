package session

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/store"
)

// slowFive is a store of five methods whose Set is slow, so that others come between.
type slowFive struct {
	*five
	set func(key string)
}

func (s *slowFive) Set(ctx context.Context, key string, value []byte) error {
	if s.set != nil {
		s.set(key)
	}
	return s.five.Set(ctx, key, value)
}

func (s *slowFive) Expiry() (store.Expiry, error) { return store.Expiry{Timeout: 48 * time.Hour}, nil }

// TestPlainRevoke: within one manager not even a store of five methods brings back what RevokeAll has ended.
func TestPlainRevoke(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowFive{five: newFive()}
		site := newSite(t, s, Options{Devices: true, Idle: time.Hour})
		first, second := site.browser(), site.browser()
		first.login(t, "ann")
		s.set = func(key string) {
			if strings.HasPrefix(key, "session:u:") {
				time.Sleep(time.Second)
			}
		}
		done := make(chan int)
		go func() { done <- second.do(func(s *Session) { s.SetSubject("ann") }) }()
		time.Sleep(time.Second / 2) // the login writes the subject's entry now
		ok(t, site.RevokeAll(t.Context(), "ann"))
		<-done
		same(t, "subject of the session from before", first.subject(), "")
	})
}

// TestPlainWaits: who waits for a write that hangs gives up with his context.
func TestPlainWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowFive{five: newFive(), set: func(string) { time.Sleep(time.Hour) }}
		p := newPlain(s)
		go p.Swap(t.Context(), "k", "", &store.Item{Value: []byte("v")})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := p.Delete(ctx, "k")
		must(t, errors.Is(err, context.DeadlineExceeded) && errors.Is(err, store.ErrUnavailable), "Delete behind a Set that hangs: %v", err)
		time.Sleep(time.Hour)
	})
}

// TestPlainExpiry: a store of five methods that tells its time-out is asked for it too.
func TestPlainExpiry(t *testing.T) {
	site := newSite(t, &slowFive{five: newFive()}, Options{})
	site.browser().do(func(s *Session) { must(t, s.Remember(0) != nil, "30 days in a store that forgets after 48 hours") })
}

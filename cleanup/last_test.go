package cleanup_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/store"
)

func TestLastTellsOfTheLastRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := filled(t, 10)
		if _, err := cleanup.Last(t.Context(), m); err != store.ErrNotFound {
			t.Errorf("before any run: %v", err)
		}
		host, _ := os.Hostname()
		start := time.Now()
		o := cleanup.Options{Idle: time.Hour, Prefix: "old:", Limit: 4, Batch: 1, Pause: time.Second, Lease: time.Minute}
		r, err := cleanup.Run(t.Context(), m, &o)
		if err != nil {
			t.Fatal(err)
		}
		last, err := cleanup.Last(t.Context(), m)
		if err != nil || !last.Start.Equal(start) || !last.Success.Equal(time.Now()) || last.End().Sub(start) != r.Duration || last.Host != host || last.PID != os.Getpid() ||
			last.Idle != o.Idle || last.Prefix != o.Prefix {
			t.Errorf("%+v, %v", last, err)
		}
		if !last.Oldest.Equal(r.Oldest) {
			t.Errorf("Oldest is %v, was %v", last.Oldest, r.Oldest)
		}
		if last.Oldest = r.Oldest; last.Report != r {
			t.Errorf("the report was\n%+v, and reads\n%+v", r, last.Report)
		}
		if r.Reason != cleanup.Limit || r.Removed != 4 || r.Backlog != 6 || r.Lag != time.Hour-time.Minute {
			t.Errorf("%+v", r)
		}

		// A run that fails leaves a report, and the time of the last that did not.
		time.Sleep(time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		o.Progress = func(cleanup.Report) { cancel() }
		if _, err := cleanup.Run(ctx, m, &o); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		success := last.Success
		if last, err = cleanup.Last(t.Context(), m); err != nil || last.Reason != cleanup.Canceled || last.Removed != 1 || !last.Success.Equal(success) || !last.BacklogAtLeast {
			t.Errorf("%+v, %v", last, err)
		}

		// Nothing sees the entry, and nothing takes it.
		if n := count(t, m); n != 11-5 {
			t.Errorf("%d entries are listed", n)
		}
		time.Sleep(365 * 24 * time.Hour)
		if r, err := cleanup.Run(t.Context(), m, &cleanup.Options{Idle: time.Hour}); err != nil || r.Removed != 6 {
			t.Errorf("%+v, %v", r, err)
		}
		if last, err := cleanup.Last(t.Context(), m); err != nil || last.Removed != 1 {
			t.Errorf("%+v, %v", last, err)
		}
	})
}

// A view has a lease and a report of its own.
func TestLeaseOfAView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := filled(t, 10)
		o := slowly()
		ended := make(chan error)
		go func() {
			_, err := cleanup.Run(t.Context(), m, &o)
			ended <- err
		}()
		synctest.Wait()
		view := store.Prefix(m, "old:")
		if r, err := cleanup.Run(t.Context(), view, &cleanup.Options{Idle: time.Hour, Limit: 1, Lease: time.Minute}); err != nil || r.Removed != 1 {
			t.Errorf("%+v, %v", r, err)
		}
		if last, err := cleanup.Last(t.Context(), view); err != nil || last.Removed != 1 {
			t.Errorf("%+v, %v", last, err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if last, err := cleanup.Last(t.Context(), m); err != nil || last.Removed != 9 {
			t.Errorf("%+v, %v", last, err)
		}
	})
}

// What is broken is told by name and without what it says, and is in nobody's way.
func TestBrokenReport(t *testing.T) {
	for _, value := range []string{"", "sekret", `{"holder":"sekret","ttl_ns":"sekret"}`, `{"until":"sekret"}`, `[]`, strings.Repeat(" ", 1<<20)} {
		m := store.NewMap(nil)
		if err := m.Set(t.Context(), store.ReservedKey("cleanup"), []byte(value)); err != nil {
			t.Fatal(err)
		}
		if _, err := cleanup.Last(t.Context(), m); !errors.Is(err, cleanup.ErrBrokenReport) || strings.Contains(err.Error(), "sekret") {
			t.Errorf("%.20q: %v", value, err)
		}
		if _, err := cleanup.Run(t.Context(), m, &cleanup.Options{Lease: time.Minute}); err != nil {
			t.Errorf("%.20q: %v", value, err)
		}
		if last, err := cleanup.Last(t.Context(), m); err != nil || last.Reason != cleanup.Done {
			t.Errorf("%.20q: %+v, %v", value, last, err)
		}
	}
	// What has no holder, no time or makes no sense holds no lease.
	for _, value := range []string{`{}`, `{"holder":"x"}`, `{"holder":"x","ttl_ns":-1,"until":"2026-01-01T00:00:00Z"}`, `{"holder":"x","ttl_ns":1000,"until":"9999-01-01T00:00:00Z"}`} {
		m := store.NewMap(nil)
		if err := m.Set(t.Context(), store.ReservedKey("cleanup"), []byte(value)); err != nil {
			t.Fatal(err)
		}
		if _, err := cleanup.Last(t.Context(), m); err != store.ErrNotFound {
			t.Errorf("%s: %v", value, err)
		}
		if _, err := cleanup.Run(t.Context(), m, &cleanup.Options{Lease: time.Minute}); err != nil {
			t.Errorf("%s: %v", value, err)
		}
	}
	if _, err := cleanup.Last(t.Context(), plain{store.NewMap(nil)}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a store that cannot peek: %v", err)
	}
}

// corruptLease is a store whose lease cannot be read.
type corruptLease struct{ *store.Map }

func (c corruptLease) Peek(ctx context.Context, key string) (*store.Item, error) {
	item, err := c.Map.Peek(ctx, key)
	if err == nil && string(item.Value) == "rot" {
		return nil, store.Wrap("corrupt", "peek", store.ErrCorrupt)
	}
	return item, err
}

func TestCorruptLeaseIsReplaced(t *testing.T) {
	c := corruptLease{store.NewMap(nil)}
	if err := c.Set(t.Context(), store.ReservedKey("cleanup"), []byte("rot")); err != nil {
		t.Fatal(err)
	}
	if _, err := cleanup.Last(t.Context(), c); !errors.Is(err, store.ErrCorrupt) {
		t.Error(err)
	}
	if _, err := cleanup.Run(t.Context(), c, &cleanup.Options{Lease: time.Minute}); err != nil {
		t.Error(err)
	}
	if _, err := cleanup.Last(t.Context(), c); err != nil {
		t.Error(err)
	}
}

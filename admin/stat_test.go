package admin_test

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larder-go/larder/admin"
	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/store"
)

// TestStat: the numbers are those of the store.
func TestStat(t *testing.T) {
	m := store.NewMap(&store.MapOptions{Expiry: store.Expiry{Timeout: 2 * time.Hour, TouchAfter: time.Minute}})
	for i, idle := range []time.Duration{0, 30 * time.Second, 5 * time.Minute, 59 * time.Minute, 90 * time.Minute, 119 * time.Minute} {
		item := &store.Item{Value: make([]byte, i), Atime: time.Now().Add(-idle)}
		if i == 2 {
			item.Expires = time.Now().Add(time.Hour)
		}
		if _, err := m.Swap(t.Context(), string(rune('a'+i)), "", item); err != nil {
			t.Fatal(err)
		}
	}
	k := serve(t, m, &admin.Options{Title: "a <b> & c", Cleanup: &cleanup.Options{Idle: time.Hour}})
	s := into[stat](k.get("stat"))
	var counts []int
	for _, b := range s.Idle {
		counts = append(counts, b.Entries)
	}
	if *s.Entries != 6 || s.Bytes != 15 || s.Deadlines != 1 || s.Corrupt != 0 || !s.Complete || s.Counted == nil || s.Title != "a <b> & c" || s.Trouble != "" {
		t.Errorf("%+v", s)
	}
	if want := []int{2, 1, 1, 2, 0, 0, 0, 0}; len(counts) != 8 || [8]int(counts) != [8]int(want) {
		t.Errorf("histogram %v", counts)
	}
	if s.Backlog == nil || s.Backlog.Entries != 2 { // idle for an hour and the slack of a minute
		t.Errorf("backlog %+v", s.Backlog)
	}
	if s.Expiry == nil || s.Expiry.Timeout != 7200 || s.Expiry.Slack != 60 || s.Operations != nil || s.Cleanup != nil || len(s.Facts) == 0 {
		t.Errorf("%+v", s)
	}
	if got := strings.Join(s.Abilities, " "); got != "list list after swap sweep" {
		t.Errorf("abilities %s", got)
	}
	page := k.get("").body
	for _, want := range []string{`<title>a &lt;b&gt; &amp; c`, `id="entries">6<`, `id="bytes`, `id="backlog">2<`, `15 B of values`} {
		if want != `id="bytes` && !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

// plain has the five methods and no more.
type plain struct{ store.Store }

// TestPoorStore: of a store that can do nothing besides, it shows what is known, and says what is not.
func TestPoorStore(t *testing.T) {
	k := serve(t, plain{store.NewMap(nil)}, &admin.Options{AllowWrites: true})
	s := into[stat](k.get("stat"))
	if s.Entries != nil || s.Backlog != nil || len(s.Abilities) != 0 || s.Expiry != nil || len(s.Facts) != 0 || s.Trouble != "" {
		t.Errorf("%+v", s)
	}
	k.get("entries").is(http.StatusNotImplemented, "unsupported")
	if page := k.get(""); page.status != 200 || !strings.Contains(page.body, "There is no list") {
		t.Errorf("%d: %s", page.status, page.body)
	}
	k.ask("POST", "cleanup", "").is(200, "")
	k.ask("POST", "cleanup", `{"limit":1}`).is(http.StatusNotImplemented, "unsupported")
}

// away is a store whose server may be away.
type away struct {
	*store.Map
	gone bool
}

func (s *away) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	if s.gone {
		return func(yield func(store.Info, error) bool) {
			yield(store.Info{}, store.Wrap("away", "list", store.ErrUnavailable))
		}
	}
	return s.Map.List(ctx, prefix)
}

func (s *away) ListAfter(ctx context.Context, prefix, after string) iter.Seq2[store.Info, error] {
	if s.gone {
		return s.List(ctx, prefix)
	}
	return s.Map.ListAfter(ctx, prefix, after)
}

func (s *away) Delete(ctx context.Context, key string) error {
	if s.gone {
		return store.Wrap("away", "delete", store.ErrUnavailable)
	}
	return s.Map.Delete(ctx, key)
}

func (s *away) Sweep(ctx context.Context, o store.SweepOptions) (store.SweepReport, error) {
	if s.gone && ctx.Err() == nil {
		return store.SweepReport{}, store.Wrap("away", "sweep", store.ErrUnavailable)
	}
	return s.Map.Sweep(ctx, o)
}

// TestOutage: a store that is away is told as that, everywhere, and is there again when it is.
func TestOutage(t *testing.T) {
	m := &away{Map: store.NewMap(nil)}
	fill(t, m.Map, 3)
	k := serve(t, m, &admin.Options{AllowWrites: true, Every: time.Nanosecond})
	id := into[entries](k.get("entries")).Entries[0].ID
	m.gone = true
	for _, a := range []answer{k.get("stat"), k.get("entries"), k.ask("DELETE", "entries/"+id, ""), k.ask("POST", "cleanup", "")} {
		a.is(http.StatusServiceUnavailable, "store_unavailable")
	}
	if page := k.get(""); page.status != 200 || !strings.Contains(page.body, "store unavailable") || strings.Contains(page.body, `id="trouble" class="trouble" role="alert" hidden`) {
		t.Errorf("%d: %s", page.status, page.body)
	}
	m.gone = false
	if s := into[stat](k.get("stat")); *s.Entries != 3 || s.Trouble != "" {
		t.Errorf("%+v", s)
	}
	if page := k.get(""); !strings.Contains(page.body, `id="trouble" class="trouble" role="alert" hidden`) {
		t.Error("the page still tells of the outage")
	}
}

// corrupt lists entries that cannot be read.
type corrupt struct{ *store.Map }

func (s corrupt) ListAfter(ctx context.Context, prefix, after string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		for range 2 {
			if !yield(store.Info{}, store.Wrap("corrupt", "list", store.ErrCorrupt)) {
				return
			}
		}
		s.Map.ListAfter(ctx, prefix, after)(yield)
	}
}

func (s corrupt) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	return s.ListAfter(ctx, prefix, "")
}

func TestCorrupt(t *testing.T) {
	m := corrupt{store.NewMap(nil)}
	fill(t, m.Map, 3)
	k := serve(t, m, &admin.Options{})
	if s := into[stat](k.get("stat")); *s.Entries != 3 || s.Corrupt != 2 {
		t.Errorf("%+v", s)
	}
	if p := into[entries](k.get("entries")); len(p.Entries) != 3 || p.Corrupt != 2 {
		t.Errorf("%+v", p)
	}
	if page := k.get("").body; !strings.Contains(page, "2 damaged") || !strings.Contains(page, "2 entries cannot be read and tell no key.") {
		t.Error("the page does not say so")
	}
}

func TestLastCleanup(t *testing.T) {
	m := store.NewMap(nil)
	k := serve(t, m, &admin.Options{Every: time.Nanosecond})
	if _, err := cleanup.Run(t.Context(), m, &cleanup.Options{Lease: time.Minute}); err != nil {
		t.Fatal(err)
	}
	s := into[stat](k.get("stat"))
	if s.Cleanup == nil || s.Cleanup.Reason != "done" || s.Cleanup.Host == "" || s.Cleanup.Success == nil {
		t.Fatalf("a report in the store is not shown: %+v", s.Cleanup)
	}
	k.h.Swept(cleanup.Report{Removed: 7, Reason: cleanup.Failed}, errors.New("x"))
	if s := into[stat](k.get("stat")); s.Cleanup == nil || s.Cleanup.Removed != 7 || s.Cleanup.Host != "" || s.Cleanup.Success != nil {
		t.Errorf("what the program has told is not shown: %+v", s.Cleanup)
	}
	k.h.Swept(cleanup.Report{Reason: cleanup.Leased}, cleanup.ErrLeased)
	if s := into[stat](k.get("stat")); s.Cleanup.Removed != 7 {
		t.Errorf("a run that did not begin is shown: %+v", s.Cleanup)
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	if _, err := admin.New(nil, nil); err == nil {
		t.Error("no store")
	}
	for _, o := range []*admin.Options{
		{Every: -1}, {CountTime: -1}, {Cleanup: &cleanup.Options{Idle: -1}}, {Cleanup: &cleanup.Options{Limit: -1}},
		{Cleanup: &cleanup.Options{Pause: time.Second, MaxTime: time.Second}},
	} {
		if _, err := admin.New(store.NewMap(nil), o); err == nil || !strings.HasPrefix(err.Error(), "admin: new: ") {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := admin.New(store.NewMap(nil), nil); err != nil {
		t.Error(err)
	}
}

// counted counts lists.
type counted struct {
	*store.Map
	lists atomic.Int64
}

func (s *counted) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	if ctx.Err() == nil { // else somebody asks whether it can
		s.lists.Add(1)
	}
	return s.Map.List(ctx, prefix)
}

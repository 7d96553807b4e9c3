package admin_test

import (
	"context"
	"iter"
	"net/http"
	"testing"
	"time"

	"github.com/larder-go/larder/admin"
	"github.com/larder-go/larder/store"
)

// TestScansForOtherSites: a page of another site has nothing looked through, and takes no stream; a link to the page may be followed.
func TestScansForOtherSites(t *testing.T) {
	k := serve(t, store.NewMap(nil), &admin.Options{})
	for _, site := range []string{"cross-site", "same-site"} {
		image := []string{"Sec-Fetch-Site", site, "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"}
		link := []string{"Sec-Fetch-Site", site, "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}
		for _, where := range []string{"", "?prefix=a", "entries?prefix=a", "events", "stat"} {
			k.ask("GET", where, "", image...).is(http.StatusForbidden, "cross_origin")
		}
		for _, where := range []string{"?prefix=a", "entries", "events", "stat"} {
			k.ask("GET", where, "", link...).is(http.StatusForbidden, "cross_origin")
		}
		k.ask("GET", "", "", link...).is(http.StatusOK, "")
	}
	k.ask("GET", "entries", "", "Sec-Fetch-Site", "same-origin").is(http.StatusOK, "")
	k.ask("GET", "?prefix=a", "", "Sec-Fetch-Site", "none").is(http.StatusOK, "")
}

// TestTrailingBody: what stands behind the object is not ignored.
func TestTrailingBody(t *testing.T) {
	k := serve(t, store.NewMap(nil), &admin.Options{AllowWrites: true})
	for _, body := range []string{`{"dry_run":true}}`, `{"dry_run":true}{"limit":`, `{} x`} {
		k.ask("POST", "cleanup", body).is(http.StatusBadRequest, "bad_request")
	}
	k.ask("POST", "cleanup", "{\"dry_run\":true} \n").is(http.StatusOK, "")
}

// held is a store whose lists wait until they may go on.
type held struct {
	*store.Map
	begun, on chan struct{}
}

func (h held) ListAfter(ctx context.Context, prefix, after string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		if ctx.Err() == nil {
			h.begun <- struct{}{}
			<-h.on
		}
		h.Map.ListAfter(ctx, prefix, after)(yield)
	}
}

// TestListsAtOnce: only so many look through the store at a time.
func TestListsAtOnce(t *testing.T) {
	s := held{store.NewMap(nil), make(chan struct{}), make(chan struct{})}
	k := serve(t, s, &admin.Options{})
	answers := make(chan answer)
	for range 4 {
		go func() { answers <- k.ask("GET", "entries", "") }()
		<-s.begun
	}
	k.ask("GET", "entries", "").is(http.StatusServiceUnavailable, "busy")
	close(s.on)
	for range 4 {
		(<-answers).is(http.StatusOK, "")
	}
}

// endless is a store whose sweeps last until they are told to end.
type endless struct {
	*store.Map
	begun chan struct{}
}

func (e endless) Sweep(ctx context.Context, o store.SweepOptions) (store.SweepReport, error) {
	if ctx.Err() != nil {
		return store.SweepReport{}, ctx.Err()
	}
	close(e.begun)
	<-ctx.Done()
	return store.SweepReport{}, ctx.Err()
}

// TestSweepEndsWithItsServer: a server that is shut down does not wait for a sweep to come to its own end.
func TestSweepEndsWithItsServer(t *testing.T) {
	s := endless{store.NewMap(nil), make(chan struct{})}
	k := serve(t, s, &admin.Options{AllowWrites: true})
	answers := make(chan answer)
	go func() { answers <- k.ask("POST", "cleanup", "") }()
	<-s.begun
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := k.server.Config.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	<-answers
}

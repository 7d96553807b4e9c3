package larder_test

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

func handoverURL(old, new string, more ...string) string {
	query := append([]string{"old=" + url.QueryEscape(old), "new=" + url.QueryEscape(new)}, more...)
	return "handover:?" + strings.Join(query, "&")
}

// TestHandoverURL: the program of the Example between every two kinds of stores that this machine has without a server, and into servers.
func TestHandoverURL(t *testing.T) {
	redis, memcached := testserver.Redis(t), testserver.Memcached(t)
	own := "?x-prefix=" + strings.ToLower(t.Name()) + ":"
	for _, sides := range [][2]string{
		{"map:", "map:?x-prefix=a%20b:"}, {"file:" + filepath.ToSlash(t.TempDir()), "bolt:" + filepath.ToSlash(t.TempDir()) + "/new.db"},
		{redis.URL + own, "file:" + filepath.ToSlash(t.TempDir())}, {"file:" + filepath.ToSlash(t.TempDir()), memcached.URL + own},
	} {
		for _, more := range [][]string{nil, {"prepare=true"}, {"prepare=false", "recheck=1s"}, {"x-prefix=p:"}} {
			if got, err := visits(t.Context(), handoverURL(sides[0], sides[1], more...)); got != "3 visits, then gone: true" || err != nil {
				t.Errorf("%q %q: %s, %v", sides, more, got, err)
			}
		}
	}
}

// TestHandoverURLMoves: what stands in the old store is read through the URL, and in the end it is the new one's.
func TestHandoverURLMoves(t *testing.T) {
	ctx, dir := t.Context(), filepath.ToSlash(t.TempDir())
	old, new := "file:"+dir+"/old?x-prefix=app:", "bolt:"+dir+"/new.db"
	with := func(rawURL string, do func(s store.Closer)) {
		t.Helper()
		s, err := larder.Open(ctx, rawURL)
		if err != nil {
			t.Fatal(err)
		}
		do(s)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := s.Get(ctx, "k"); !errors.Is(err, os.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
	with(old, func(s store.Closer) { s.Set(ctx, "k", []byte("v")) })
	with(handoverURL(old, new, "prepare=true"), func(s store.Closer) {
		if v, err := s.Get(ctx, "k"); string(v) != "v" || err != nil {
			t.Errorf("%q, %v", v, err)
		}
	})
	with(old, func(s store.Closer) {
		if ok, err := s.Contains(ctx, "k"); !ok || err != nil {
			t.Errorf("it has moved while preparing: %v", err)
		}
	})
	with(handoverURL(old, new), func(s store.Closer) {
		if v, err := s.Get(ctx, "k"); string(v) != "v" || err != nil {
			t.Errorf("%q, %v", v, err)
		}
	})
	with(new, func(s store.Closer) {
		if v, err := s.Get(ctx, "k"); string(v) != "v" || err != nil {
			t.Errorf("%q, %v", v, err)
		}
	})
}

func TestHandoverURLRefuses(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	os.Mkdir("a", 0o700)
	for name, test := range map[string]struct{ url, want string }{
		"nothing":      {"handover:", "parameter old is missing"},
		"no new":       {"handover:?old=map:", "parameter new is missing"},
		"path":         {"handover:/tmp?old=map:&new=map:", "more than parameters"},
		"same":         {handoverURL("map:", "map:"), "the same store"},
		"two names":    {handoverURL("file:./a", "file:"+filepath.ToSlash(dir)+"/a"), "the same store, by two names"},
		"nested":       {handoverURL("map:", handoverURL("map:", "map:?x-prefix=p")), "a handover itself"},
		"unknown":      {handoverURL("map:", "map:?x-prefix=p", "prepared=true"), `unknown parameter "prepared"; there are: new, nonempty, old, prepare, recheck, x-prefix`},
		"prepare":      {handoverURL("map:", "map:?x-prefix=p", "prepare=maybe"), "prepare is neither true nor false"},
		"recheck":      {handoverURL("map:", "map:?x-prefix=p", "recheck=-1s"), "recheck is negative"},
		"time-out":     {handoverURL("map:", "map:?x-prefix=p", "x-timeout=1h"), `unknown parameter "x-timeout"`},
		"old scheme":   {handoverURL("nosuch://u:sekret@h", "map:"), "the old store: store: open: invalid store URL"},
		"new scheme":   {handoverURL("map:", "nosuch://u:sekret@h"), "the new store: store: open: invalid store URL"},
		"no encoding":  {"handover:?old=map:&new=redis://u:sekret&sekret@h/0&recheck=1s", "percent-encode both URLs"},
		"no encoding2": {"handover:?old=map:&new=redis://u:pw#sekret@h/0", "percent-encode both URLs"},
		"plus":         {"handover:?old=map:&new=redis+unix:///sekret", "percent-encode both URLs"},
		"not both":     {handoverURL("map:", "redis://127.0.0.1:x"), "the new store"},
	} {
		s, err := larder.Open(t.Context(), test.url)
		if !errors.Is(err, store.ErrInvalidURL) && !strings.Contains(name, "two") || err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "sekret") {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(store.Redact(test.url), "sekret") && name != "plus" {
			t.Errorf("%s: is shown as %s", name, store.Redact(test.url))
		}
		if s != nil {
			s.Close()
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := larder.Open(ctx, handoverURL("map:", "map:?x-prefix=p")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestHandoverURLNotEmpty: what is left in the new store, as a key that signs cookies, would hide that of the old one. Once the first step has begun, it may be there.
func TestHandoverURLNotEmpty(t *testing.T) {
	ctx, dir := t.Context(), filepath.ToSlash(t.TempDir())
	old, new := "file:"+dir+"/old", "file:"+dir+"/new"
	set := func(rawURL, key string) error {
		t.Helper()
		s, err := larder.Open(ctx, rawURL)
		if err != nil {
			return err
		}
		return errors.Join(s.Set(ctx, key, []byte("v")), s.Close())
	}
	if err := set(new, "left"); err != nil {
		t.Fatal(err)
	}
	prepare := handoverURL(old, new, "prepare=true")
	if err := set(prepare, "k"); !errors.Is(err, store.ErrNotEmpty) || !strings.Contains(err.Error(), "nonempty=true") {
		t.Errorf("%v", err)
	}
	if err := set(handoverURL(old, new), "k"); err != nil { // no first step
		t.Error(err)
	}
	for _, rawURL := range []string{prepare + "&nonempty=true", prepare} {
		if err := set(rawURL, "k"); err != nil {
			t.Error(err)
		}
	}
	if err := set(handoverURL(new, old, "prepare=true"), "k"); err == nil || !strings.Contains(err.Error(), "exchange them") {
		t.Errorf("the wrong way round: %v", err)
	}
	empty := handoverURL(old, "file:"+dir+"/empty")
	for _, rawURL := range []string{empty + "&prepare=true", empty, empty + "&prepare=true"} { // a step back
		if err := set(rawURL, "new"); err != nil {
			t.Error(err)
		}
	}
}

package store_test

import (
	"context"
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/store"
)

// opened is what an opener was asked for.
type opened struct {
	store.Closer
	u *url.URL
}

func recorder(got *url.URL) store.Mux {
	open := func(_ context.Context, u *url.URL) (store.Closer, error) {
		*got = *u
		return opened{store.NewMap(nil), u}, nil
	}
	return store.Mux{"file": open, "memcached": open, "redis+unix": open, "shard": open, "postgres": open}
}

func TestMuxHandsOverURL(t *testing.T) {
	for _, test := range []struct {
		raw, scheme, host, path, opaque string
	}{
		{"/var/lib/x", "file", "", "/var/lib/x", ""},
		{"./x y", "file", "", "", "./x%20y"},
		{"data", "file", "", "", "data"},
		{"../a:b/c", "file", "", "", "../a:b/c"},
		{`C:\larder\data`, "file", "", "", "C:%5Clarder%5Cdata"},
		{"file:///dir", "file", "", "/dir", ""},
		{"file:./rel", "file", "", "", "./rel"},
		{"memcached://h1", "memcached", "h1", "", ""},
		{"memcached://h1:1,h2", "memcached", "h1:1,h2", "", ""},
		{"memcached://h1,[::1]:2,[fe80::1]", "memcached", "h1,[::1]:2,[fe80::1]", "", ""},
		{"postgres://u:p@h1:1,h2:2/db?x=1", "postgres", "h1:1,h2:2", "/db", ""},
		{"redis+unix:///run/r.sock", "redis+unix", "", "/run/r.sock", ""},
		{"shard:?node=a%3Dredis://h", "shard", "", "", ""},
	} {
		var got url.URL
		s, err := recorder(&got).Open(t.Context(), test.raw)
		if err != nil {
			t.Errorf("%s: %v", test.raw, err)
			continue
		}
		s.Close()
		if got.Scheme != test.scheme || got.Host != test.host || got.Path != test.path || got.Opaque != test.opaque {
			t.Errorf("%s: opened scheme %q host %q path %q opaque %q", test.raw, got.Scheme, got.Host, got.Path, got.Opaque)
		}
	}
}

func TestMuxErrorsHelpAndHideSecrets(t *testing.T) {
	for _, test := range []struct{ raw, want string }{
		{"", "empty"},
		{"mongo://root:sekret@h/db", `unknown scheme "mongo"; there are: file, memcached, postgres, redis+unix, shard`},
		{"postgres://root:sekret@h:port/db", "a port as a number"},
		{"./data?x-timeout=1h", "needs its scheme"},
		{"host=db user=me password=sekret", "connection string"},
		{"user:sekret@h/db", "unknown scheme"},
		{"redis://user:sekret/0", "percent-encode"},
		{"redis://h:sekret,b/", "invalid store URL"},
		{"redis://h?a=1;password=sekret", "parameters cannot be read"},
		{"memcached://h?x-prefix=a&x-prefix=b", "given twice"},
		{"postgres://root:sek%ret@h/db", "percent-encode"},
		{"postgres://root:sekret/@h/db", "percent-encode"},
		{"postgres://root:sekret@h1,h 2/db", "not a host"},
		{"postgres://root:sekret@h1,h:2:3/db", "not a host"},
		{"postgres://root:sekret@h1,,h2/db", "not a host"},
		{"postgres://user:123/sekret@h/db", "@ as %40"},
		{"redis://user:123?sekret@h/0", "? as %3F"},
		{"redis://user:123?a=1&sekret@h/0", "? as %3F"},
		{"redis://user:123#sekret@h/0", "# as %23"},
		{"postgres://h/db#x-timeout=30m", "# as %23"}, // the time-out would be lost without a word
		{"memcached://h?x-prefix=", "x-prefix"},
		{"memcached://h?x-prefix=%00", "x-prefix"},
		{"memcached://h?a;b", "parameters cannot be read"},
		{"file:///d?%zz=1", "parameters cannot be read"},
		{"h1:11211", `unknown scheme "h1"`},
	} {
		s, err := recorder(new(url.URL)).Open(t.Context(), test.raw)
		if err == nil {
			s.Close()
			t.Errorf("%s: opened", test.raw)
			continue
		}
		if !errors.Is(err, store.ErrInvalidURL) {
			t.Errorf("%s: %v is no ErrInvalidURL", test.raw, err)
		}
		if text := err.Error(); !strings.Contains(text, test.want) || strings.Contains(text, "sek") || !strings.HasPrefix(text, "store: open: ") {
			t.Errorf("%s: error %q, want %q in it and no password", test.raw, text, test.want)
		}
	}
}

// TestMuxPrefixLeavesTheRest: other parameters reach the opener as they were written.
func TestMuxPrefixLeavesTheRest(t *testing.T) {
	var got url.URL
	s, err := recorder(&got).Open(t.Context(), "postgres://h/db?options=-c%20a%3Db&x%2Dprefix=p:&application_name=a+b")
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if want := "options=-c%20a%3Db&application_name=a+b"; got.RawQuery != want {
		t.Errorf("the opener saw %q, want %q", got.RawQuery, want)
	}
}

func TestMuxPrefix(t *testing.T) {
	ctx := t.Context()
	shared := store.NewMap(nil)
	mux := store.Mux{"map": func(_ context.Context, u *url.URL) (store.Closer, error) {
		if u.Query().Has("x-prefix") {
			t.Error("the opener saw x-prefix")
		}
		return shared, nil
	}}
	s, err := mux.Open(ctx, "map:?x-prefix=a%3A&x-timeout=1h")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Set(ctx, "k", []byte("v")); err != nil {
		t.Fatal(err)
	}
	if ok, err := shared.Contains(ctx, "a:k"); !ok || err != nil {
		t.Errorf("the entry is not under its prefix: %v %v", ok, err)
	}
	if !store.CanSwap(s) || !store.CanList(s) || !store.CanSweep(s) {
		t.Error("an ability was lost on the way")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := shared.Get(ctx, "a:k"); err == nil {
		t.Error("Close did not reach the store")
	}
}

func TestOpenMap(t *testing.T) {
	mux := store.Mux{"map": store.OpenMap}
	s, err := mux.Open(t.Context(), "map:?x-timeout=90&x-touch-after=1s&x-max-value=3")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Set(t.Context(), "k", []byte("long")); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("x-max-value=3 took 4 bytes: %v", err)
	}
	for raw, want := range map[string]string{
		"map:?x-timeot=1h":               `unknown parameter "x-timeot"; there are: x-max-value, x-timeout, x-touch-after, x-prefix`,
		"map:?x-timeout=soon":            "x-timeout is not a duration",
		"map:?x-timeout=-1h":             "x-timeout is negative",
		"map:?x-timeout=1h&x-timeout=2h": "given twice",
		"map:?x-timeout=":                "x-timeout is empty",
		"map://host":                     "write map:",
		"map:there":                      "write map:",
		"map:?x-max-value=many":          "not a whole number",
	} {
		if _, err := mux.Open(t.Context(), raw); !errors.Is(err, store.ErrInvalidURL) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want ErrInvalidURL with %q", raw, err, want)
		}
	}
}

func TestRedact(t *testing.T) {
	for raw, want := range map[string]string{
		"/plain/path@home":                              "/plain/path@home",
		"file:///home/a@b/c":                            "file:///home/a@b/c",
		"redis://h:6379/0":                              "redis://h:6379/0",
		"redis://user@h":                                "redis://user@h",
		"redis://:sekret@h/0":                           "redis://:xxxxx@h/0",
		"redis://user:sekret@h/0?db=1":                  "redis://user:xxxxx@h/0?db=1",
		"redis://user:sek/ret@h":                        "redis://user:xxxxx@h",
		"redis://user:sek?ret@h":                        "redis://user:xxxxx@h",
		"redis://user:sek#ret@h":                        "redis://user:xxxxx@h",
		"redis://user:sek@ret@h1,h2":                    "redis://user:xxxxx@h1,h2",
		"postgres://h/db?password=sekret&sslmode=on":    "postgres://h/db?password=xxxxx&sslmode=on",
		"postgres://h/db?sslpassword=sekret":            "postgres://h/db?sslpassword=xxxxx",
		"postgres://u:sekret@h/db?application_name=a@b": "postgres://u:xxxxx@b",
		"user:sekret@h/db":                              "user:xxxxx@h/db",
		"postgres:user:sekret@h/db":                     "postgres:xxxxx@h/db",
		"postgres:/user:sekret@h/db":                    "postgres:xxxxx@h/db",
		"postgres:///user:sekret@h/db":                  "postgres://xxxxx:xxxxx@h/db",
		"file:./a@b":                                    "file:./a@b",
		"redis://h?a=1;password=sekret":                 "redis://h?a=1;password=xxxxx",
		"redis://h?p%61ssword=sekret":                   "redis://h?p%61ssword=xxxxx",
		"redis://h/0#password=sekret":                   "redis://h/0#xxxxx",
		"redis://user:sekret/0":                         "redis://user:xxxxx/0",
		"redis://h:sekret,b:1,[::1]:2,[::1]/":           "redis://h:xxxxx,b:1,[::1]:2,[::1]/",
		"host=db user=me password=sekret":               "xxxxx",
		"map:?x-key-file=sekret":                        "map:?x-key-file=xxxxx",
		"shard:?node=a%3Dredis%3A%2F%2F%3Asekret%40h":   "shard:?node=a=redis://:xxxxx@h",
		"handover:?new=redis://u:sek&ret@h&prepare=1":   "handover:?new=redis://u:xxxxx&xxxxx&prepare=1",
		"shard:?node=a=redis://:sekret@h&node=b=map://": "shard:?node=a=redis://:xxxxx@h&node=b=map://",
	} {
		if got := store.Redact(raw); got != want {
			t.Errorf("Redact(%q) = %q, want %q", raw, got, want)
		}
	}
}

// FuzzRedact puts a password where passwords go and looks for it in everything that is shown.
func FuzzRedact(f *testing.F) {
	forms := []string{"redis://user:PW@HOST", "user:PW@HOST", "postgres:user:PW@HOST", "postgres:/user:PW@HOST", "redis:///user:PW@HOST", "redis://:PW@a,HOST"}
	for i, seed := range []string{"sekretsekret", "sek/retsekret", "sek?ret=sekret", "sek%ret#sekret", "sek@ret:sekret&x=sekret", "a://b;"} {
		f.Add(seed, "h1,h2/db?x=1", uint8(i))
	}
	f.Fuzz(func(t *testing.T, password, host string, form uint8) {
		if strings.Contains(host, "S3KRET") || strings.HasPrefix(password, "//") { // "user:" and "//x@host" read as user x at host
			t.Skip()
		}
		raw := strings.NewReplacer("PW", password+"S3KRET", "HOST", host).Replace(forms[int(form)%len(forms)])
		if shown := store.Redact(raw); strings.Contains(shown, "S3KRET") {
			t.Fatalf("Redact(%q) = %q", raw, shown)
		}
		if _, err := (store.Mux{}).Open(t.Context(), raw); err == nil || strings.Contains(err.Error(), "S3KRET") {
			t.Fatalf("Open(%q): %v", raw, err)
		}
	})
}

func TestParamsBool(t *testing.T) {
	u, _ := url.Parse("x:?a&b=true&c=0&d=maybe&e=60")
	p := store.NewParams(u)
	if !p.Bool("a") || !p.Bool("b") || p.Bool("c") || p.Bool("absent") || p.Duration("e") != time.Minute {
		t.Error("a parameter was misread")
	}
	if p.Bool("d"); p.Done() == nil {
		t.Error("d=maybe is a bool")
	}
}

func TestParamsPath(t *testing.T) {
	for raw, want := range map[string]string{
		"file:///a/b%20c":    "/a/b c",
		"file:./rel/x":       "./rel/x",
		"file:rel%2Fx":       "rel/x",
		"file://localhost/x": "/x",
		"file://host/x":      "names a server",
		"file://u@/x":        "names a server",
		"file:///x#y":        "%23",
		"bolt:":              "names no path; write bolt:///path or bolt:./path",
		"bolt:///%00":        "names no path",
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		p := store.NewParams(u)
		path := p.Path()
		if err := p.Done(); err != nil && !strings.Contains(err.Error(), want) || err == nil && filepath.ToSlash(path) != want {
			t.Errorf("%s: %q, %v; want %q", raw, path, err, want)
		}
	}
}

// TestMuxMissingSlash: a URL that lacks a slash has its password where a path is, and no backend must get to show it.
func TestMuxMissingSlash(t *testing.T) {
	m := store.Mux{"postgres": func(_ context.Context, u *url.URL) (store.Closer, error) { return nil, errors.New(u.String()) }}
	for _, raw := range []string{"postgres:/app:S3cret@127.0.0.1:5432/app", "postgres:app:S3cret@db/app", "postgres:///app:S3cret@db/app"} {
		_, err := m.Open(t.Context(), raw)
		if !errors.Is(err, store.ErrInvalidURL) || strings.Contains(err.Error(), "S3cret") {
			t.Errorf("%v", err)
		}
	}
}

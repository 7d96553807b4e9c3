package memstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/larder-go/larder/store"
)

// openFleet opens a URL with a placement that notes what it is asked for.
func openFleet(t *testing.T, raw string) (s *Store, asked string, err error) {
	t.Helper()
	open := Opener(func(placement string, nodes []Node) (memcache.ServerSelector, error) {
		asked = fmt.Sprint(placement, " ", nodes)
		if placement == "none" {
			return nil, errors.New("there is no such placement")
		}
		var picked hosts
		for _, n := range nodes {
			picked = append(picked, &host{"tcp", n.Addr})
		}
		return picked, nil
	})
	closer, err := store.Mux{"memcached": open, "memcached+unix": open}.Open(context.Background(), raw)
	if err != nil {
		return nil, asked, err
	}
	t.Cleanup(func() { closer.Close() })
	return closer.(*Store), asked, nil
}

func TestFleetURLs(t *testing.T) {
	for raw, want := range map[string]string{
		"memcached://h,h2:5":                                                 "",
		"memcached+unix:///run/mc.sock":                                      "",
		"memcached://h?placement=x":                                          "x [{h:11211 h:11211 1}]",
		"memcached://h,h2:5?placement=x&x-timeout=1h":                        "x [{h:11211 h:11211 1} {h2:5 h2:5 1}]",
		"memcached://h,h2:5?placement=x&weight=h:3&weight=h2:5:4":            "x [{h:11211 h:11211 3} {h2:5 h2:5 4}]",
		"memcached://h:11211,[::1]?placement=x&weight=h:11211:3":             "x [{h:11211 h:11211 3} {[::1]:11211 [::1]:11211 1}]",
		"memcached://h,[::1]?placement=x&weight=[::1]:2&weight=h:2":          "x [{h:11211 h:11211 2} {[::1]:11211 [::1]:11211 2}]",
		"memcached://h,[::1]:5?placement=x&weight=[::1]:5:2":                 "x [{h:11211 h:11211 1} {[::1]:5 [::1]:5 2}]",
		"memcached://h,h2?placement=x&name=cache-a=h&name=a=b=h2:11211":      "x [{cache-a h:11211 1} {a=b h2:11211 1}]",
		"memcached://h,h2?placement=x&name=h=h2&name=h2=h&weight=h:2":        "x [{h2 h:11211 1} {h h2:11211 2}]",
		"memcached://h,h2?weight=cache-a:2&placement=x&name=cache-a=h2":      "x [{h:11211 h:11211 1} {cache-a h2:11211 2}]",
		"memcached://h,h2?placement=x&name=cache-a=h2&weight=h2:2":           "x [{h:11211 h:11211 1} {cache-a h2:11211 2}]",
		"memcached://h,h2?placement=x&name=caf%C3%A9+1=h2&x-key-prefix=a%3D": "x [{h:11211 h:11211 1} {café 1 h2:11211 1}]",
	} {
		s, asked, err := openFleet(t, raw)
		if err != nil || asked != want {
			t.Errorf("%s: %q, %v; want %q", raw, asked, err, want)
			continue
		}
		if strings.Contains(raw, "x-timeout") && s.expiry.Timeout != time.Hour || strings.Contains(raw, "x-key-prefix") && s.prefix != "a=" {
			t.Errorf("%s: the other parameters are lost: %+v", raw, s)
		}
	}
}

func TestFleetURLsInvalid(t *testing.T) {
	for raw, says := range map[string]string{
		"memcached://h?placement=":                           "placement is empty",
		"memcached://h?placement=x&placement=y":              "placement is given twice",
		"memcached://h?placement=none":                       "no such placement",
		"memcached://h?weight=h:2":                           "write placement=ketama",
		"memcached://h?name=cache-a=h":                       "write placement=ketama",
		"memcached://h?placement=x&weight=h":                 "weight number 1 is not as in",
		"memcached://h?placement=x&weight=2":                 "weight number 1 is not as in",
		"memcached://h?placement=x&weight=":                  "weight number 1 is not as in",
		"memcached://h?placement=x&weight=h:":                "weight number 1 is not as in",
		"memcached://h?placement=x&weight=h:0":               "weight number 1 is not as in",
		"memcached://h?placement=x&weight=h:-1":              "weight number 1 is not as in",
		"memcached://h?placement=x&weight=h:2.5":             "weight number 1 is not as in",
		"memcached://h?placement=x&weight=h:2&weight=h:3":    "two weights are given for h:11211",
		"memcached://h?placement=x&weight=secret:2":          "none of the URL's",
		"memcached://h:5?placement=x&weight=h:2":             "none of the URL's",
		"memcached://h?placement=x&name=secret":              "name number 1 is not as in",
		"memcached://h?placement=x&name==h":                  "name number 1 is not as in",
		"memcached://h?placement=x&name=h=secret":            "none of the URL's",
		"memcached://h?placement=x&name=a=h&name=b=h:11211":  "two names are given for h:11211",
		"memcached://h?placment=x":                           "there are: name, placement, weight, x-key-prefix",
		"memcached+unix:///run/mc.sock?placement=x":          "unknown parameter",
		"memcached://h,h2?placement=x&weight=h:2&weigth=h:3": "unknown parameter",
	} {
		_, _, err := openFleet(t, raw)
		if !errors.Is(err, store.ErrInvalidURL) || !strings.Contains(fmt.Sprint(err), says) || strings.Contains(fmt.Sprint(err), "secret") {
			t.Errorf("%s: %v; want ErrInvalidURL and %q", raw, err, says)
		}
	}
	if _, err := OpenURL(context.Background(), &url.URL{Scheme: "memcached", Host: "h", RawQuery: "placement=x"}); !errors.Is(err, store.ErrInvalidURL) {
		t.Errorf("without an opener's placement: %v", err)
	}
}

// nobody is a selector without servers, whose error is its own.
type nobody struct{ err error }

func (n nobody) PickServer(string) (net.Addr, error) { return nil, n.err }
func (n nobody) Each(func(net.Addr) error) error     { return nil }

// A selector that has no server for a key is an outage, at once, of a request that was not sent.
func TestNoServer(t *testing.T) {
	reason := errors.New("no nodes")
	selector := nobody{reason}
	s, err := New(memcache.NewFromSelector(selector), &Options{Selector: selector})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	_, getErr := s.Get(ctx, "key")
	_, swapErr := s.Swap(ctx, "key", store.AnyVersion, &store.Item{Value: []byte("v")})
	_, createErr := s.Swap(ctx, "key", "", &store.Item{Value: []byte("v")})
	_, removeErr := s.Swap(ctx, "key", "0123", nil)
	for i, err := range []error{getErr, s.Set(ctx, "key", nil), s.Delete(ctx, "key"), s.Touch(ctx, "key"), swapErr, createErr, removeErr} {
		if !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, reason) || errors.Is(err, errUnknown) {
			t.Errorf("operation %d: %v", i, err)
		}
	}
	if facts, err := s.Inspect(ctx); err != nil || !slices.ContainsFunc(facts, func(f store.Fact) bool { return f.Name == "server" && f.Warn != "" }) {
		t.Errorf("Inspect: %v, %v", facts, err)
	}
}

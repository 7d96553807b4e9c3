package memstore

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/larder-go/larder/store"
)

// defaultOpTimeout is twice the client's own: a first packet that is lost on the way is sent again after a second.
const defaultOpTimeout = time.Second

// OpenURL is the [store.Opener] of "memcached:" and "memcached+unix:" URLs; see the package comment for the parameters. It asks no server: one that
// is down is an error of what is done next. Close of what it returns closes the connections.
func OpenURL(ctx context.Context, u *url.URL) (store.Closer, error) {
	s, err := openURL(ctx, u, nil)
	if err != nil {
		return nil, store.Wrap("memstore", "open", err)
	}
	return s, nil
}

func openURL(ctx context.Context, u *url.URL, place func(string, []Node) (memcache.ServerSelector, error)) (*Store, error) {
	fleet := place != nil && u.Scheme == "memcached"
	var spread url.Values
	if fleet {
		u, spread = splitFleet(u)
	}
	p := store.NewParams(u)
	servers, err := parseHosts(u, p)
	if err != nil {
		return nil, err
	}
	o := &Options{
		Expiry:    p.Expiry(),
		MaxValue:  p.Int("x-max-value"),
		KeyPrefix: p.String("x-key-prefix"),
		MaxConns:  p.Int("x-max-conns"),
		Selector:  servers,
	}
	if fleet {
		for _, name := range fleetParams() {
			p.String(name) // so that who writes another word is told of it; it has been taken out
		}
	}
	timeout := p.Duration("x-op-timeout")
	if err := p.Done(); err != nil {
		return nil, err
	}
	switch {
	case timeout < 0:
		return nil, fmt.Errorf("%w: the parameter x-op-timeout is negative", store.ErrInvalidURL)
	case timeout == 0:
		timeout = defaultOpTimeout
	}
	placement, nodes, err := readFleet(servers, spread)
	if err != nil {
		return nil, err
	}
	if placement != "" {
		if o.Selector, err = place(placement, nodes); err != nil {
			return nil, fmt.Errorf("%w: %w", store.ErrInvalidURL, err)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	client := memcache.NewFromSelector(o.Selector)
	client.Timeout, client.DialContext = timeout, dial
	s, err := newStore(client, o)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", store.ErrInvalidURL, err)
	}
	client.MaxIdleConns = s.maxConns
	s.owned = true
	return s, nil
}

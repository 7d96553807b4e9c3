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
	s, err := openURL(ctx, u)
	if err != nil {
		return nil, store.Wrap("memstore", "open", err)
	}
	return s, nil
}

func openURL(ctx context.Context, u *url.URL) (*Store, error) {
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
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	client := memcache.NewFromSelector(servers)
	client.Timeout, client.DialContext = timeout, dial
	s, err := newStore(client, o)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", store.ErrInvalidURL, err)
	}
	client.MaxIdleConns = s.maxConns
	s.owned = true
	return s, nil
}

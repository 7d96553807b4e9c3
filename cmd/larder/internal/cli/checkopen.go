package cli

import (
	"context"
	"errors"
	"net/url"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/larder-go/larder/boltstore"
	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest/live"
)

// liveConfig tells the suite how to open the store that was open before. done lets go of what is shared.
func (a *app) liveConfig() (cfg live.Config, done func(), err error) {
	prefix := 0 // of the nodes of several
	_, err = a.reopen(context.Background(), func(u *url.URL, _ store.Opener) (s store.Closer, err error) {
		if u.Scheme == shardScheme {
			a.backend, prefix, err = leastOf(u)
		}
		return new(keySpy), err
	})
	if err != nil {
		return cfg, func() {}, err
	}
	cfg = live.Config{
		Alone: a.backend.Scheme == "map" || a.backend.Scheme == "bolt", Expires: a.backend.Expires,
		Timeout: a.backend.Timeout, Slack: a.backend.Slack, Lacks: a.backend.Lacks,
	}
	done = func() {}
	var shared *bbolt.DB
	cfg.Open = func(ctx context.Context, e store.Expiry) (store.Closer, error) {
		return a.reopen(ctx, func(u *url.URL, open store.Opener) (store.Closer, error) {
			if shared != nil {
				p := store.NewParams(u)
				return boltstore.New(shared, &boltstore.Options{Expiry: e, Bucket: p.String("x-bucket"), MaxValue: p.Int("x-max-value")})
			}
			return open(ctx, withExpiry(u, e))
		})
	}
	var spy keySpy
	view, err := a.reopen(context.Background(), func(u *url.URL, _ store.Opener) (store.Closer, error) {
		p := store.NewParams(u)
		// Under a million bytes the limit is part of the promise; above, it would take long to try.
		if limit := p.Int("x-max-value"); limit > 0 {
			cfg.MaxValue = limit
		} else {
			cfg.MaxValue = a.backend.MaxValue
		}
		if cfg.MaxValue > 1_000_000 {
			cfg.MaxValue = 0
		}
		if a.backend.Scheme != "bolt" {
			return &spy, nil
		}
		// One process holds the file, once: all stores share the database. a.open has had it in its hands, so it is there.
		db, err := bbolt.Open(p.Path(), 0o600, &bbolt.Options{Timeout: 2 * time.Second})
		if errors.Is(err, berrors.ErrTimeout) {
			err = boltstore.ErrLocked
		}
		if err != nil {
			return nil, err
		}
		shared, done = db, func() { db.Close() }
		return &spy, nil
	})
	if err != nil {
		return cfg, done, err
	}
	if _, err := view.Contains(context.Background(), "k"); err == nil {
		cfg.MaxKey = store.MaxKeyLen - len(spy.key) + len("k") - prefix
	}
	return cfg, done, nil
}

// keySpy finds out what x-prefix makes of a key.
type keySpy struct {
	store.Closer
	key string
}

func (s *keySpy) Contains(_ context.Context, key string) (bool, error) {
	s.key = key
	return false, nil
}

// reopen reads the URL again, as Mux does, and lets do open what it names.
func (a *app) reopen(ctx context.Context, do func(u *url.URL, open store.Opener) (store.Closer, error)) (store.Closer, error) {
	mux := make(store.Mux, len(a.mux))
	for scheme, open := range a.mux {
		mux[scheme] = func(_ context.Context, u *url.URL) (store.Closer, error) { return do(u, open) }
	}
	return mux.Open(ctx, a.secret)
}

// withExpiry returns u with another Expiry, and with fewer connections than a program would have: a dozen of these stores are open at
// the same time, and the server has others to serve.
func withExpiry(u *url.URL, e store.Expiry) *url.URL {
	if u.Scheme == shardScheme {
		return nodesExpiry(u, e)
	}
	query := u.Query()
	query.Del("x-timeout")
	query.Del("x-touch-after")
	if e.Timeout > 0 {
		query.Set("x-timeout", e.Timeout.String())
	}
	if e.TouchAfter != 0 {
		query.Set("x-touch-after", e.TouchAfter.String())
	}
	switch u.Scheme {
	case "postgres", "postgresql", "postgres+unix":
		if !query.Has("pool_max_conns") {
			query.Set("pool_max_conns", "3")
		}
	}
	other := *u
	other.RawQuery = query.Encode()
	return &other
}

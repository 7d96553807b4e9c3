package redisstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/larder-go/larder/store"
)

const (
	defaultOpTimeout = 3 * time.Second
)

// OpenURL is the [store.Opener] of "redis:", "rediss:" and "redis+unix:" URLs; see the package comment. It asks the server whether it is there
// and lets the user in. Close of what it returns closes the connections.
func OpenURL(ctx context.Context, u *url.URL) (store.Closer, error) {
	s, err := openURL(ctx, u)
	if err != nil {
		return nil, store.Wrap("redisstore", "open", err)
	}
	return s, nil
}

func openURL(ctx context.Context, u *url.URL) (*Store, error) {
	client, o, err := fromURL(u)
	if err != nil {
		return nil, err
	}
	s, err := newStore(client, o)
	if err != nil {
		client.Close()
		return nil, err
	}
	s.owned = true
	s.watchConnects()
	if err := s.ping(ctx); err != nil {
		s.close()
		return nil, hint(u.Scheme, err)
	}
	return s, nil
}

// hint adds what may be wrong where somebody took the connection and said nothing that can be understood.
func hint(scheme string, err error) error {
	var op *net.OpError
	var answer redis.Error
	switch {
	case !errors.Is(err, store.ErrUnavailable), errors.As(err, &answer), errors.As(err, &op) && op.Op == "dial":
		return err
	case scheme == "rediss":
		return fmt.Errorf("%w; if the server does not use TLS, the URL begins with redis and not with rediss", err)
	case scheme == "redis":
		return fmt.Errorf("%w; if the server uses TLS, the URL begins with rediss and not with redis", err)
	}
	return err
}

// fromURL makes the client that u names. Nothing is dialed yet.
func fromURL(u *url.URL) (redis.UniversalClient, *Options, error) {
	p := store.NewParams(u)
	o := &Options{Expiry: p.Expiry(), Prefix: p.String("x-key-prefix"), MaxValue: p.Int("x-max-value")}
	cluster, master := p.Bool("x-cluster"), p.String("x-master")
	timeout, pool := p.Duration("x-op-timeout"), p.Int("x-pool-size")
	sentinelUser, sentinelPassword := p.String("x-sentinel-user"), p.String("x-sentinel-password")
	db := p.Int("db")
	if err := p.Done(); err != nil {
		return nil, nil, err
	}
	addrs, pathDB, err := place(u)
	switch {
	case err != nil:
	case u.Query().Has("db") && pathDB >= 0:
		err = invalid("it names the database twice")
	case u.Fragment != "":
		err = invalid("it has a fragment; percent-encode the # of a password as %23")
	case timeout < 0 || pool < 0 || db < 0:
		err = invalid("db, x-op-timeout and x-pool-size must not be negative")
	case len(addrs) > 1 && master == "" && u.Query().Has("x-cluster") && !cluster:
		err = invalid("several hosts are a Cluster, or with x-master=NAME Sentinels; leave out x-cluster=false, or name one host")
	case cluster && master != "":
		err = invalid("x-cluster and x-master exclude each other: a Cluster looks after itself")
	case u.Scheme == "redis+unix" && (cluster || master != ""):
		err = invalid("a unix socket leads to one server, no Cluster or Sentinel")
	case master == "" && (sentinelUser != "" || sentinelPassword != ""):
		err = invalid("x-sentinel-user and x-sentinel-password are for Sentinels; add x-master=NAME")
	}
	if err != nil {
		return nil, nil, err
	}
	db = max(db, pathDB)
	cluster = cluster || len(addrs) > 1 && master == ""
	if cluster && db != 0 {
		return nil, nil, invalid("a Cluster has only database 0; with Sentinels add x-master=NAME")
	}
	if timeout == 0 {
		timeout = defaultOpTimeout
	}
	all := &redis.UniversalOptions{
		Addrs: addrs, DB: db, MasterName: master, IsClusterMode: cluster,
		SentinelUsername: sentinelUser, SentinelPassword: sentinelPassword,
		DialTimeout: timeout, ReadTimeout: timeout, WriteTimeout: timeout, PoolTimeout: timeout,
		DialerRetries: 1, MaxRetries: -1, // see link.repeatable for what is tried again
		PoolSize:                 pool,
		Protocol:                 2, // nothing of ours needs the third, and pushed messages are one thing less that an answer may be taken for
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if u.User != nil {
		all.Username = u.User.Username()
		all.Password, _ = u.User.Password()
	}
	if u.Scheme == "rediss" {
		all.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if cluster {
		return redis.NewClusterClient(all.Cluster()), o, nil
	}
	if master != "" {
		all.Dialer = hurrySentinels(redis.NewDialer(&redis.Options{DialTimeout: timeout, TLSConfig: all.TLSConfig}), timeout)
		return redis.NewFailoverClient(all.Failover()), o, nil
	}
	simple := all.Simple()
	if u.Scheme == "redis+unix" {
		simple.Network = "unix"
	}
	return redis.NewClient(simple), o, nil
}

func invalid(problem string) error { return fmt.Errorf("%w: %s", store.ErrInvalidURL, problem) }

// place returns the addresses and, where the path names it, the database; otherwise -1.
func place(u *url.URL) (addrs []string, db int, err error) {
	if u.Scheme == "redis+unix" {
		if u.Host != "" || u.Path == "" || u.Path == "/" {
			return nil, 0, invalid("it names no socket; write redis+unix:///path/to/redis.sock")
		}
		return []string{u.Path}, -1, nil
	}
	if u.Host == "" || u.Opaque != "" {
		return nil, 0, invalid("it names no host; write " + u.Scheme + "://host:6379")
	}
	for host := range strings.SplitSeq(u.Host, ",") {
		addrs = append(addrs, withPort(host, u.Query().Has("x-master")))
	}
	path := strings.Trim(u.Path, "/")
	if path == "" {
		return addrs, -1, nil
	}
	db, err = strconv.Atoi(path)
	if err != nil || db < 0 {
		return nil, 0, invalid("its path is the number of a database, as in " + u.Scheme + "://host/0")
	}
	return addrs, db, nil
}

func withPort(host string, sentinel bool) string {
	one := url.URL{Host: host}
	port := one.Port()
	switch {
	case port != "":
	case sentinel:
		port = "26379"
	default:
		port = "6379"
	}
	return net.JoinHostPort(one.Hostname(), port)
}

var errNoMaster = fmt.Errorf("%w: %w", store.ErrUnavailable, errors.New("the Cluster has no master"))

// ping asks whether the server is there and lets the user in: in a Cluster, each master.
func (l *link) ping(ctx context.Context) error {
	nodes, err := l.masters(ctx)
	if err != nil {
		return err
	}
	if len(nodes) == 0 {
		return errNoMaster
	}
	for _, node := range nodes {
		err := l.twice(ctx, func() error {
			_, err := within(ctx, func() (string, error) { return node.Ping(ctx).Result() })
			return err
		})
		if err != nil {
			return l.failed(ctx, err)
		}
	}
	return nil
}

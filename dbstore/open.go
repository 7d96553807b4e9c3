package dbstore

import (
	"context"
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/larder-go/larder/store"
)

// OpenURL is the [store.Opener] of "postgres:" URLs; see the package comment for the parameters. It asks the server once: where it does not
// let us in, the error wraps [store.ErrUnavailable], and where it has no such table, [ErrNoTable]. Close of what it returns closes the
// connections.
func OpenURL(ctx context.Context, u *url.URL) (store.Closer, error) {
	s, err := openURL(ctx, u)
	if err != nil {
		return nil, store.Wrap("dbstore", "open", err)
	}
	return s, nil
}

func openURL(ctx context.Context, u *url.URL) (*Store, error) {
	ours, config, err := splitURL(u)
	if err != nil {
		return nil, err
	}
	p := store.NewParams(ours)
	o := &Options{
		Expiry:    p.Expiry(),
		Table:     p.String("x-table"),
		Schema:    p.String("x-schema"),
		MaxValue:  p.Int("x-max-value"),
		OpTimeout: p.Duration("x-op-timeout"),
	}
	if err := p.Done(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = max(o.OpTimeout, defaultOpTimeout) // else pgx tries for two minutes
		if several(&config.ConnConfig.Config) {
			config.ConnConfig.ConnectTimeout = hostTimeout
		}
	}
	pool, err := openPool(config)
	if err != nil {
		return nil, err
	}
	s, err := newStore(pool, config, o)
	if err == nil {
		err = s.ask(ctx)
	}
	if err != nil {
		pool.close()
		return nil, err
	}
	s.own = pool
	return s, nil
}

// ask asks for an entry that cannot be there, to see whether the table is.
func (s *Store) ask(ctx context.Context) error {
	c := s.newCall("")
	defer s.free(c)
	c.scan = scanState
	return s.do(ctx, s.sql.state, c)
}

// splitURL separates our parameters from those of pgx.
func splitURL(u *url.URL) (ours *url.URL, config *pgxpool.Config, err error) {
	our := u.Query()
	var theirs []string // as they are written, for pgx reads them by libpq's rules: a + is no space
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(name); err == nil && pair != "" && !strings.HasPrefix(plain, "x-") {
			theirs = append(theirs, pair)
			delete(our, plain)
		}
	}
	if u.Opaque != "" {
		return nil, nil, fmt.Errorf("%w: write two slashes, as in postgres://host/db", store.ErrInvalidURL)
	}
	if u.Fragment != "" {
		return nil, nil, fmt.Errorf("%w: it has a # with something after it; parameters follow a ?, and a # in a password is written %%23", store.ErrInvalidURL)
	}
	rest := url.URL{Scheme: "postgres", User: u.User, Host: u.Host, Path: u.Path}
	if u.Scheme == "postgres+unix" {
		socket, err := bySocket(u)
		if err != nil {
			return nil, nil, err
		}
		theirs = append(theirs, socket...)
		rest.Host, rest.Path = "", "/"
	}
	rest.RawQuery = strings.Join(theirs, "&")
	config, err = pgxpool.ParseConfig(rest.String())
	if err != nil {
		return nil, nil, badURL(rest, theirs)
	}
	copied := *u
	copied.RawQuery = our.Encode()
	return &copied, config, nil
}

// bySocket returns the parameters by which pgx goes by the socket that the path of a +unix URL names: its folder, or the socket itself.
func bySocket(u *url.URL) (params []string, _ error) {
	given := u.Query()
	dir := u.Path
	if u.Host != "" || dir == "" {
		return nil, fmt.Errorf("%w: write three slashes and the folder of the socket, as in postgres+unix:///var/run/postgresql?dbname=db", store.ErrInvalidURL)
	}
	if port, ok := strings.CutPrefix(path.Base(dir), ".s.PGSQL."); ok {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return nil, fmt.Errorf("%w: the name of the socket does not end in a port", store.ErrInvalidURL)
		}
		if given.Has("port") {
			return nil, fmt.Errorf("%w: the name of the socket says the port; leave out the parameter \"port\"", store.ErrInvalidURL)
		}
		dir = path.Dir(dir)
		params = append(params, "port="+port)
	}
	if given.Has("host") {
		return nil, fmt.Errorf("%w: the path says where the socket is; leave out the parameter \"host\"", store.ErrInvalidURL)
	}
	return append(params, "host="+strings.ReplaceAll(url.QueryEscape(dir), "+", "%20")), nil
}

// badURL says which part pgx cannot read. Its own words are not shown: they quote what it was given.
func badURL(u url.URL, params []string) error {
	for _, pair := range params {
		name, _, _ := strings.Cut(pair, "=")
		alone := url.URL{Scheme: "postgres", Host: "localhost", RawQuery: pair}
		if _, err := pgxpool.ParseConfig(alone.String()); err != nil {
			return fmt.Errorf("%w: pgx cannot read its parameter %q", store.ErrInvalidURL, name)
		}
	}
	u.RawQuery = ""
	if _, err := pgxpool.ParseConfig(u.String()); err != nil {
		return fmt.Errorf("%w: pgx cannot read its hosts and ports", store.ErrInvalidURL)
	}
	return fmt.Errorf("%w: pgx cannot read its parameters together", store.ErrInvalidURL)
}

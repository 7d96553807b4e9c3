package dbstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// openURL opens as programs do, by store.Mux.
func open(t *testing.T, rawURL string) (store.Closer, error) {
	t.Helper()
	mux := store.Mux{"postgres": OpenURL, "postgresql": OpenURL, "postgres+unix": OpenURL}
	s, err := mux.Open(t.Context(), rawURL)
	if err == nil {
		t.Cleanup(func() { s.Close() })
	}
	return s, err
}

// with adds parameters to a URL.
func with(t *testing.T, rawURL string, params url.Values) string {
	t.Helper()
	if strings.Contains(rawURL, "?") {
		return rawURL + "&" + params.Encode()
	}
	return rawURL + "?" + params.Encode()
}

func works(t *testing.T, s store.Store) {
	t.Helper()
	if err := s.Set(t.Context(), "key", []byte("value")); err != nil {
		t.Fatal(err)
	}
	if value, err := s.Get(t.Context(), "key"); string(value) != "value" || err != nil {
		t.Fatalf("%q, %v", value, err)
	}
}

func TestOpenURL(t *testing.T) {
	server := testserver.Postgres(t)
	if server.Socket == "" {
		t.Skip("the socket of the server of the environment is not known")
	}
	_, port, _ := net.SplitHostPort(server.Addr)
	dir := filepath.Dir(server.Socket)
	table := `Ta"ble; -- ÄÖ`
	schema := newSchema(t, server.URL, table)
	params := url.Values{"x-table": {table}, "x-schema": {schema}, "x-timeout": {"30m"}, "x-touch-after": {"10s"}, "x-max-value": {"1000"}, "x-op-timeout": {"3s"}}
	deaf, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := deaf.Addr().String()
	deaf.Close()
	escaped := url.QueryEscape(dir)
	for name, raw := range map[string]string{
		"tcp":            "postgres://larder@127.0.0.1:" + port + "/postgres",
		"postgresql":     "postgresql://larder@localhost:" + port + "/postgres?pool_max_conns=2&sslmode=disable&application_name=test",
		"hosts":          "postgres://larder@" + dead + ",127.0.0.1:" + port + "/postgres?target_session_attrs=read-write",
		"host parameter": "postgres://larder@/postgres?host=" + escaped + "&port=" + port,
		"unix":           "postgres+unix://larder@" + dir + "?dbname=postgres&port=" + port,
		"socket":         "postgres+unix://" + server.Socket + "?dbname=postgres&user=larder",
	} {
		t.Run(name, func(t *testing.T) {
			s, err := open(t, with(t, raw, params))
			if err != nil {
				t.Fatal(err)
			}
			works(t, s)
			got := s.(*Store)
			want := store.Expiry{Timeout: 30 * time.Minute, TouchAfter: 10 * time.Second}
			if got.expiry != want || got.maxValue != 1000 || got.opTimeout != 3*time.Second || got.unnamed.Load() {
				t.Errorf("%+v", got)
			}
		})
	}
	t.Run("mode", func(t *testing.T) {
		s, err := open(t, with(t, server.URL+"?default_query_exec_mode=exec", params))
		if err != nil {
			t.Fatal(err)
		}
		works(t, s)
		if !s.(*Store).unnamed.Load() {
			t.Error("statements are prepared all the same")
		}
	})
}

// What is pgx's reaches it as it is written: libpq's rules, by which pgx goes, take a + for a +.
func TestTheirParameters(t *testing.T) {
	u, err := url.Parse("postgres+unix:///run/a%20&b?x-table=t%20u&application_name=a+b%20c&pool_max_conns=3&x-timeout=1h")
	if err != nil {
		t.Fatal(err)
	}
	ours, config, err := splitURL(u)
	if err != nil {
		t.Fatal(err)
	}
	c := config.ConnConfig
	if c.Host != "/run/a &b" || c.RuntimeParams["application_name"] != "a+b c" || config.MaxConns != 3 {
		t.Errorf("pgx has host %q, application_name %q, %d connections", c.Host, c.RuntimeParams["application_name"], config.MaxConns)
	}
	if q := ours.Query(); len(q) != 2 || q.Get("x-table") != "t u" || q.Get("x-timeout") != "1h" {
		t.Errorf("ours: %v", q)
	}
}

// Lists of hosts and IPv6 reach pgx as they are.
func TestHosts(t *testing.T) {
	for raw, want := range map[string]string{
		"postgres://u@[::1]:5433/db":         "[::1]:5433",
		"postgres://u@a:1,[fe80::1]:2,c/db":  "a:1 [fe80::1]:2 c:5432",
		"postgresql://u:p%40@[::1],b:7/db":   "[::1]:5432 b:7",
		"postgres+unix:///run/pg?dbname=db":  "[/run/pg]:5432",
		"postgres+unix:///run/.s.PGSQL.7":    "[/run]:7",
		"postgres://u@/db?host=/run&port=12": "[/run]:12",
	} {
		mux := store.Mux{}
		for _, scheme := range []string{"postgres", "postgresql", "postgres+unix"} {
			mux[scheme] = func(_ context.Context, u *url.URL) (store.Closer, error) {
				_, config, err := splitURL(u)
				if err != nil {
					return nil, err
				}
				c := config.ConnConfig
				got := []string{net.JoinHostPort(c.Host, fmt.Sprint(c.Port))}
				for _, f := range c.Fallbacks {
					if addr := net.JoinHostPort(f.Host, fmt.Sprint(f.Port)); addr != got[len(got)-1] { // pgx tries each with TLS and without
						got = append(got, addr)
					}
				}
				if text := strings.Join(got, " "); strings.NewReplacer("[/", "/", "]", "").Replace(text) != strings.NewReplacer("[/", "/", "]", "").Replace(want) {
					t.Errorf("%s: %s; want %s", raw, text, want)
				}
				return nil, errors.New("seen")
			}
		}
		if _, err := mux.Open(t.Context(), raw); err == nil || err.Error() != "seen" {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

// What is wrong with a URL, or behind it, is told at once, and no password with it.
func TestOpenURLRefused(t *testing.T) {
	server := testserver.Postgres(t)
	if !server.Own() {
		t.Skip("the server of the environment has other users")
	}
	admin := newPool(t, server.URL)
	if _, err := admin.Exec(t.Context(), "DROP ROLE IF EXISTS locked; CREATE ROLE locked LOGIN PASSWORD 'right'; CREATE ROLE poor LOGIN",
		pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	schema := newSchema(t, server.URL, "")
	quoted := url.QueryEscape(schema)
	const secret = "s3cret"
	for _, c := range []struct {
		name, url string
		is        error
		says      string
	}{
		{"refused", "postgres://larder:" + secret + "@127.0.0.1:1/postgres", store.ErrUnavailable, "connection refused"},
		{"password", "postgres://locked:" + secret + "@" + server.Addr + "/postgres", store.ErrUnavailable, "28P01"},
		{"password parameter", "postgres://locked@" + server.Addr + "/postgres?password=" + secret, store.ErrUnavailable, "check the user and the password"},
		{"database", "postgres://larder@" + server.Addr + "/nosuch", store.ErrUnavailable, "create the database"},
		{"table", server.URL + "?x-table=nosuch", ErrNoTable, `"nosuch"`},
		{"schema", server.URL + "?x-schema=nosuch", ErrNoTable, "larder migrate up"},
		{"rights", "postgres://poor@" + server.Addr + "/postgres?x-schema=" + quoted, store.ErrUnavailable, "permission denied"},
		{"setting", server.URL + "?nosuch=1&x-schema=" + quoted, store.ErrUnavailable, "42704"},
		{"parameter", server.URL + "?x-nosuch=1", store.ErrInvalidURL, "x-table"},
		{"timeout", server.URL + "?x-timeout=soon", store.ErrInvalidURL, "x-timeout"},
		{"pool", server.URL + "?pool_max_conns=many&password=" + secret, store.ErrInvalidURL, `"pool_max_conns"`},
		{"sslmode", server.URL + "?sslmode=maybe", store.ErrInvalidURL, `"sslmode"`},
		{"max value", server.URL + "?x-max-value=-1", nil, "MaxValue"},
		{"long table", server.URL + "?x-table=" + strings.Repeat("t", 64), nil, "63"},
		{"no slashes", "postgres:db", store.ErrInvalidURL, "two slashes"},
		{"unix host", "postgres+unix://host/dir", store.ErrInvalidURL, "three slashes"},
		{"unix port", "postgres+unix:///dir/.s.PGSQL.x", store.ErrInvalidURL, "port"},
		{"unix port twice", "postgres+unix:///dir/.s.PGSQL.5433?port=77", store.ErrInvalidURL, `"port"`},
		{"unix host twice", "postgres+unix:///dir?host=/other", store.ErrInvalidURL, `"host"`},
		{"no socket", "postgres+unix:///no/such/dir?dbname=postgres", store.ErrUnavailable, "no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := open(t, c.url)
			if err == nil {
				t.Fatalf("%v, nil", s)
			}
			text := err.Error()
			if c.is != nil && !errors.Is(err, c.is) || !strings.Contains(text, c.says) {
				t.Errorf("%v; want %v and %q", err, c.is, c.says)
			}
			if strings.Contains(text, secret) || strings.Contains(text, "\n") || strings.Count(text, "dbstore:") != 1 {
				t.Errorf("its text is %q", text)
			}
		})
	}
	t.Run("fragment", func(t *testing.T) { // Mux would refuse it before
		for _, end := range []string{"#x-timeout=30m", "?x-schema=" + quoted + "#" + secret} {
			u, _ := url.Parse(server.URL + end)
			s, err := OpenURL(t.Context(), u)
			if err == nil {
				s.Close()
			}
			if !errors.Is(err, store.ErrInvalidURL) || !strings.Contains(fmt.Sprint(err), "#") || strings.Contains(fmt.Sprint(err), secret) {
				t.Errorf("%s: %v", end, err)
			}
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		u, _ := url.Parse(server.URL)
		if _, err := OpenURL(ctx, u); !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
			t.Error(err)
		}
	})
}

// A table that goes while the store is open is no end of the entries, but of what can be done.
func TestNoTable(t *testing.T) {
	s := newTestStore(t, nil)
	works(t, s)
	if _, err := pooled(s.pool).Exec(t.Context(), "DROP TABLE "+s.table); err != nil {
		t.Fatal(err)
	}
	_, err := s.Get(t.Context(), "key")
	_, err2 := s.Cleanup(t.Context(), time.Hour)
	for _, err := range []error{err, err2, s.Set(t.Context(), "key", nil), s.Delete(t.Context(), "key")} {
		if !errors.Is(err, ErrNoTable) || !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), s.table) {
			t.Error(err)
		}
	}
}

// Close ends what is ours, and leaves what is not.
func TestClose(t *testing.T) {
	s := newTestStore(t, nil)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.Get(t.Context(), "key"); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
	if err := pooled(s.pool).Ping(t.Context()); err != nil {
		t.Errorf("the caller's pool: %v", err)
	}
	other := openStore(t, testserver.Postgres(t).URL, Options{Schema: s.schema})
	works(t, other)
	pooled(other.pool).Close()
	if _, err := other.Get(t.Context(), "key"); !errors.Is(err, os.ErrClosed) || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("after the caller closed the pool: %v", err)
	}
}

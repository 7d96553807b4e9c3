package dbstore

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// eventually waits for do to succeed.
func eventually(t *testing.T, within time.Duration, do func() error) {
	t.Helper()
	for giveUp := time.Now().Add(within); ; <-time.After(10 * time.Millisecond) {
		err := do()
		if err == nil {
			return
		}
		if time.Now().After(giveUp) {
			t.Fatalf("after %v: %v", within, err)
		}
	}
}

// twoHosts opens a store by a URL with two hosts, of which the one that can be written is to be found.
func twoHosts(t *testing.T, first, second string, params url.Values) *Store {
	t.Helper()
	raw := "postgres://larder@" + first + "," + second + "/postgres?sslmode=disable&target_session_attrs=read-write&x-op-timeout=1s"
	s, err := open(t, with(t, raw, params))
	if err != nil {
		t.Fatal(err)
	}
	return s.(*Store)
}

// Where the first of two hosts hangs, those find the second one, too, who have less time than one host is given; and once it is found, it is
// asked first.
func TestFirstHostHangs(t *testing.T) {
	t.Parallel()
	server := testserver.NewPostgres(t)
	proxy := testserver.NewProxy(t, server.Addr)
	s := twoHosts(t, proxy.Addr, server.Addr, url.Values{"x-schema": {newSchema(t, server.URL, "")}, "pool_max_conns": {"3"}})
	works(t, s)
	occupy(t, s, true) // all three connections
	proxy.HalfOpen()
	begun := time.Now()
	eventually(t, 10*time.Second, func() error { // it is two seconds, for one connection that hangs
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := s.Get(ctx, "key")
		if err != nil && !errors.Is(err, store.ErrUnavailable) {
			t.Fatal(err)
		}
		return err
	})
	t.Logf("at work after %v", time.Since(begun))
	occupied := proxy.Accepted()
	for range 3 {
		s.own.members.Reset()
		if _, err := s.Get(t.Context(), "key"); err != nil {
			t.Error(err)
		}
	}
	if n := proxy.Accepted() - occupied; n > 0 {
		t.Errorf("the host that hangs was asked %d times more", n)
	}
}

// A primary that becomes read-only under its connections is left for the one that is not, and within the very call.
func TestDemotedUnderConnections(t *testing.T) {
	t.Parallel()
	first, second := testserver.NewPostgres(t), testserver.NewPostgres(t)
	l := newLab(t, second.URL)
	schema := l.schema(t, "")
	for _, statement := range []string{"CREATE SCHEMA " + quote(schema), "CREATE TABLE " + quote(schema, "larder_entries") +
		" (key bytea PRIMARY KEY, value bytea NOT NULL, atime timestamptz NOT NULL, expires timestamptz, version bytea NOT NULL)"} {
		first.Exec(t, statement)
	}
	s := twoHosts(t, first.Addr, second.Addr, url.Values{"x-schema": {schema}})
	if err := s.Set(t.Context(), "key", []byte("first")); err != nil {
		t.Fatal(err)
	}
	first.Exec(t, "ALTER SYSTEM SET default_transaction_read_only = on")
	first.Exec(t, "SELECT pg_reload_conf()")
	eventually(t, 10*time.Second, func() error { // a setting takes effect in a moment
		if said := first.Exec(t, "SHOW default_transaction_read_only"); said != "on" {
			return errors.New(said)
		}
		return nil
	})
	eventually(t, 10*time.Second, func() error {
		if err := s.Set(t.Context(), "key", []byte("second")); err != nil {
			t.Fatal(err)
		}
		var n int
		err := l.admin.QueryRow(t.Context(), "SELECT count(*) FROM "+s.table).Scan(&n)
		if err == nil && n != 1 {
			err = errors.New("it is not with the second host")
		}
		return err
	})
}

// A standby alone is an outage for whoever needs a primary, when the store is opened and after that.
func TestStandbyIsUnavailable(t *testing.T) {
	t.Parallel()
	pair := testserver.NewPostgresPair(t, false)
	schema := newLab(t, pair.Primary.URL).schema(t, "")
	raw := strings.ReplaceAll(pair.URL, "?", "?x-op-timeout=1s&x-schema="+url.QueryEscape(schema)+"&")
	opened, err := open(t, raw)
	if err != nil {
		t.Fatal(err)
	}
	works(t, opened.(*Store))
	eventually(t, 10*time.Second, func() error {
		if said := pair.Standby.Exec(t, "SELECT count(*) FROM "+quote(schema, "larder_entries")); said != "1" {
			return errors.New(said)
		}
		return nil
	})
	pair.Primary.Kill(t)
	for i := range 3 {
		_, err := opened.Get(t.Context(), "key")
		if !errors.Is(err, store.ErrUnavailable) || i > 0 && !strings.Contains(fmt.Sprint(err), "read only") {
			t.Errorf("Get: %v", err)
		}
		if err := opened.Set(t.Context(), "key", nil); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("Set: %v", err)
		}
	}
	if _, err := open(t, raw); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("open: %v", err)
	}
}

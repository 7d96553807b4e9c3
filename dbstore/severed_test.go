package dbstore

import (
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// A network that comes back without the connections that it had is used at once: not after the 15 seconds that pgx gives to a connection
// which does not end, and not when a connection that was being made has given up.
func TestSevered(t *testing.T) {
	server := testserver.Postgres(t)
	lab := newLab(t, server.URL)
	const conns, opTimeout = 4, 300 * time.Millisecond
	for _, ours := range []bool{true, false} {
		t.Run(fmt.Sprintf("ours %v", ours), func(t *testing.T) {
			proxy := testserver.NewProxy(t, server.Addr)
			schema := lab.schema(t, "")
			via := through(t, server.URL, proxy.Addr)
			var s *Store
			if ours {
				opened, err := open(t, with(t, via, url.Values{"x-schema": {schema}, "x-op-timeout": {opTimeout.String()}, "pool_max_conns": {fmt.Sprint(conns)}}))
				if err != nil {
					t.Fatal(err)
				}
				s = opened.(*Store)
			} else {
				s = openStore(t, via, Options{Schema: schema, OpTimeout: opTimeout}, noPing, func(c *pgxpool.Config) {
					c.MaxConns = conns
					c.ConnConfig.ConnectTimeout = opTimeout
				})
			}
			works(t, s)
			occupy(t, s, true)
			proxy.HalfOpen()
			for range 3 { // so that connections are being made, too
				ends := make(chan error)
				for range conns {
					go func() {
						_, err := s.Get(t.Context(), "key")
						ends <- err
					}()
				}
				for range conns {
					if err := <-ends; !errors.Is(err, store.ErrUnavailable) {
						t.Errorf("while nothing is heard: %v", err)
					}
				}
			}
			proxy.Sever()
			at := time.Now()
			for {
				value, err := s.Get(t.Context(), "key")
				if err == nil && string(value) == "value" {
					break
				}
				if time.Since(at) > 5*time.Second { // machines may be busy; it would be 10 or 15
					t.Fatalf("%v after the network is back: %v", time.Since(at), err)
				}
			}
			t.Logf("at work %v after the network is back", time.Since(at))
			occupy(t, s, true)
		})
	}
}

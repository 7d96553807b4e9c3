package layertest

import (
	"net/url"
	"testing"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/internal/traits"
	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest"
)

// params writes e as the parameters of a URL.
func params(e store.Expiry) (params []string) {
	if e.Timeout != 0 {
		params = append(params, "x-timeout="+url.QueryEscape(e.Timeout.String()))
	}
	if e.TouchAfter != 0 {
		params = append(params, "x-touch-after="+url.QueryEscape(e.TouchAfter.String()))
	}
	return params
}

// TestConformance runs the suite over the layers that people have. They lack what Postgres lacks, and nothing more.
func TestConformance(t *testing.T) {
	pg, mc := testserver.Postgres(t), testserver.Memcached(t)
	postgres(t, pg)
	for name, fast := range map[string]func(t *testing.T) store.Store{
		"map":       func(*testing.T) store.Store { return store.NewMap(nil) },
		"memcached": func(t *testing.T) store.Store { return open(t, part(mc.URL)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, storetest.Config{
				New: func(t *testing.T, e store.Expiry) store.Store {
					return store.Layer(fast(t), open(t, part(pg.URL, params(e)...)), &store.LayerOptions{Loads: true})
				},
				MaxKey: store.MaxKeyLen - len(part("")) + len("?x-prefix="),
				Lacks:  traits.Of("postgres").Lacks,
			})
		})
	}
}

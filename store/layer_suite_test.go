package store_test

import (
	"testing"

	"github.com/larder-go/larder/internal/traits"
	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest"
)

func TestLayerConformance(t *testing.T) {
	for name, o := range map[string]*store.LayerOptions{"copies": nil, "copies answer Load": {Loads: true}} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, storetest.Config{
				New: func(_ *testing.T, e store.Expiry) store.Store {
					return store.Layer(store.NewMap(nil), store.NewMap(&store.MapOptions{Expiry: e}), o)
				},
				Lacks: traits.Of("map").Lacks,
			})
		})
	}
}

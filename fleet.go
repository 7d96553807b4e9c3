package larder

import (
	"errors"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/larder-go/larder/memstore"
	"github.com/larder-go/larder/shard"
)

// placeFleet spreads keys over memcached servers by a placement of package shard.
func placeFleet(placement string, nodes []memstore.Node) (memcache.ServerSelector, error) {
	var named []shard.Node
	addrs := make(map[string]string)
	for _, n := range nodes {
		named = append(named, shard.Node{Name: n.Name, Weight: n.Weight})
		addrs[n.Name] = n.Addr
	}
	p, err := shard.NewPlacement(placement, named)
	if err != nil {
		return nil, errors.Unwrap(err) // package shard's own prefix would stand behind memstore's
	}
	s, err := shard.NewSelector(p, addrs)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	return s, nil
}

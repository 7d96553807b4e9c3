// Package larder opens a store by URL, whichever backend the URL names.
//
// Larder keeps values under keys in whatever backend a deployment chooses, and forgets those that nobody has used for a while. The
// parts:
//
//   - session keeps HTTP sessions in any of the stores; `larder demo` shows them;
//   - store is the contract: what every store does, and what it may do besides;
//   - diskstore, boltstore, dbstore (Postgres), memstore (memcached) and redisstore are stores, and so is store.Map;
//   - shard spreads keys over several nodes, each of them any of these stores;
//   - migrations makes the table of dbstore;
//   - store/storetest verifies a store, also one of your own, and store/storetest/live a deployment;
//   - codec puts Go values in place of bytes;
//   - cleanup removes what is not used any more, once or for ever;
//   - admin is an http.Handler to look inside a store, and to sweep one that only its program can open;
//   - cmd/larder is the command for a shell or a cron job, with the demo.
//
// This package is the one place that imports every backend. A program that knows at compile time which one it wants imports that
// one alone, diskstore for example, and links nothing of the others.
//
// # URLs
//
//	file:///var/lib/app/sessions   a folder of files; also file:./data and a bare path
//	bolt:///var/lib/app/data.db    a bbolt file; also bolt:./data.db
//	postgres://user@host/db        a table, made by "larder migrate up"; also postgresql:, and postgres+unix:///run/postgresql?dbname=db
//	redis://host                   Redis or Valkey; also rediss: (TLS), redis+unix:///run/redis.sock, and several hosts for a Cluster
//	memcached://host1,host2        memcached servers, each with a part of the keys; also memcached+unix:///run/memcached.sock,
//	                               and memcached://host1,host2?placement=ketama for a placement of package shard
//	map:                           the memory of this process
//	shard:?node=a=URL&node=b=URL   several stores, each with a part of the keys: package shard
//	handover:?old=URL&new=URL      two stores, from one of which everything moves to the other while it is used: store.Handover
//
// A list of hosts has commas, an IPv6 address brackets: redis://[::1]:6379. All take x-timeout=30m (what nobody uses for so long is absent),
// x-touch-after=1m (how often a use is recorded) and x-prefix=app: (every key gets it); each backend documents its own. An unknown
// parameter is an error, and the URLs within a handover: or shard: have their own. Postgres and the local backends keep what nobody cleans up; memcached
// and Redis expire by themselves, but only what has a deadline of its own, or with x-timeout. Sessions have deadlines and need no x-timeout; one shorter
// than theirs is refused.
package larder

import (
	"context"

	"github.com/larder-go/larder/boltstore"
	"github.com/larder-go/larder/dbstore"
	"github.com/larder-go/larder/diskstore"
	"github.com/larder-go/larder/memstore"
	"github.com/larder-go/larder/redisstore"
	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
)

// Mux returns the openers of every backend, by scheme, as a map of the caller's own: add to it or take away. What is added, handover: and shard: open too.
func Mux() store.Mux {
	mux := store.Mux{
		"bolt":           boltstore.OpenURL,
		"file":           diskstore.OpenURL,
		"map":            store.OpenMap,
		"memcached":      memstore.Opener(placeFleet),
		"memcached+unix": memstore.OpenURL,
		"postgres":       dbstore.OpenURL,
		"postgres+unix":  dbstore.OpenURL,
		"postgresql":     dbstore.OpenURL,
		"redis":          redisstore.OpenURL,
		"redis+unix":     redisstore.OpenURL,
		"rediss":         redisstore.OpenURL,
	}
	mux["shard"] = shard.Open(mux)
	mux["handover"] = store.OpenHandover(mux)
	return mux
}

// Open opens the store that rawURL names; see the package comment. The caller closes it. No error shows a password.
func Open(ctx context.Context, rawURL string) (store.Closer, error) {
	return Mux().Open(ctx, rawURL)
}

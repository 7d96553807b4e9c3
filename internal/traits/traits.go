// Package traits says what each backend promises, in one place: the conformance tests of the backends declare to the suite what stands
// here, and the suite fails where it is not so; the README's table and what the command says are made of it.
package traits

import (
	"slices"
	"time"
)

// Backend is what one backend promises.
type Backend struct {
	Name     string   // as the README calls it
	Doc      string   // the file with its package comment
	Scheme   string   // of its URLs
	Schemes  []string // others that name it too
	URL      string   // an example
	Shared   string   // who may use one store at the same time
	Survives string   // what does not take entries away
	Expires  bool     // the backend itself removes what is absent
	Lists    bool     // it can List
	Largest  string   // largest value, in words
	MaxValue int      // the default limit in bytes; 0: none of its own
	Cleaner  string   // who calls Cleanup
	Lacks    []string // what storetest.Config.Lacks declares: abilities, or names of cases

	Timeout time.Duration // the shortest that it can keep; 0: any
	Slack   time.Duration // how much later than the contract says an entry may go
}

const (
	mega = 1 << 20

	anyLimit = "64 MiB, `x-max-value`"
)

// All returns the backends, the simplest first.
func All() []Backend {
	return []Backend{{
		Name: "process memory", Doc: "store/map.go", Scheme: "map", URL: "map:",
		Shared: "one process", Survives: "nothing", Lists: true,
		Largest: "memory", Cleaner: "your program, `cleanup.Loop`",
	}, {
		Name: "files", Doc: "diskstore/doc.go", Scheme: "file", URL: "file:///dir",
		Shared: "the processes of one machine", Survives: "restarts, power cuts", Lists: true,
		Largest: anyLimit, MaxValue: 64 * mega, Cleaner: "`larder cleanup` from cron, or any program",
	}, {
		Name: "bbolt", Doc: "boltstore/doc.go", Scheme: "bolt", URL: "bolt:///file.db",
		Shared: "one process", Survives: "restarts, power cuts", Lists: true,
		Largest: anyLimit, MaxValue: 64 * mega, Cleaner: "your program, `cleanup.Loop`",
	}, {
		Name: "Postgres", Doc: "dbstore/doc.go", Scheme: "postgres", Schemes: []string{"postgresql", "postgres+unix"}, URL: "postgres://user@host/db",
		Shared: "all hosts", Survives: "restarts, power cuts", Lists: true,
		Largest: anyLimit, MaxValue: 64 * mega, Cleaner: "`larder cleanup` from cron, or any program",
	}, {
		Name: "memcached", Doc: "memstore/doc.go", Scheme: "memcached", Schemes: []string{"memcached+unix"}, URL: "memcached://host1,host2",
		Shared: "all hosts", Survives: "restarts of your program only", Expires: true,
		Largest: "1,000,000 bytes, `x-max-value`", MaxValue: 1_000_000, Cleaner: "the server",
		Lacks: []string{"list", "sweep", "cleanup"}, Timeout: time.Second, Slack: 2 * time.Second,
	}, {
		Name: "Redis", Doc: "redisstore/doc.go", Scheme: "redis", Schemes: []string{"rediss", "redis+unix"}, URL: "redis://host",
		Shared: "all hosts", Survives: "what its persistence does: `larder check` tells", Expires: true, Lists: true,
		Largest: anyLimit, MaxValue: 64 * mega, Cleaner: "the server; `larder cleanup` where `x-timeout` is not set",
		Lacks: []string{ // these count what the server has expired by itself
			"cleanup/dead", "cleanup/deadline", "cleanup/both", "cleanup/idle-long", "cleanup/again", "cleanup/many", "cleanup/cleaners",
			"sweep/scanned", "handles/cleaners",
		},
		Slack: 10 * time.Millisecond, // it counts in milliseconds, and its clock is estimated over a network that may be slow
	}}
}

// Of returns the backend with that scheme.
func Of(scheme string) Backend {
	b, ok := Find(scheme)
	if !ok {
		panic("traits: no backend " + scheme)
	}
	return b
}

// Find returns the backend with that scheme, if there is one.
func Find(scheme string) (Backend, bool) {
	for _, b := range All() {
		if b.Scheme == scheme || slices.Contains(b.Schemes, scheme) {
			return b, true
		}
	}
	return Backend{}, false
}

package memstore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/store"
)

// Inspect is [store.Inspector]'s. Of several servers each has its facts, with its address behind their names; one that does not answer is a
// fact, too, unless none does.
func (s *Store) Inspect(ctx context.Context) ([]store.Fact, error) {
	if err := s.ready(ctx, "inspect"); err != nil {
		return nil, err
	}
	facts, err := s.inspect(ctx)
	if err != nil {
		return nil, store.Wrap("memstore", "inspect", err)
	}
	return append(facts, s.ownFacts()...), nil
}

func (s *Store) inspect(ctx context.Context) (facts []store.Fact, _ error) {
	addrs := s.addrs()
	if len(addrs) == 0 {
		return []store.Fact{{Name: "server", Value: "not known",
			Warn: "the servers can be asked only where the program gives memstore.Options.Selector, or opens the store by URL"}}, nil
	}
	var last error
	answered := 0
	for _, addr := range addrs {
		found := s.ask(ctx, addr)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		own := []store.Fact{{Name: "server", Value: "unreachable", Warn: "its share of the entries is not available; start it, or take it out of the list"}}
		if found.err == nil {
			own = found.facts(s)
			answered++
		} else if last = cause(found.err); errors.Is(found.err, errNoStats) {
			own = []store.Fact{{Name: "server", Value: "not known",
				Warn: "it does not answer stats as memcached does, so nothing can be said about its limits"}}
			answered++
		}
		for _, fact := range own {
			if len(addrs) > 1 {
				fact.Name += " (" + found.addr + ")"
			}
			facts = append(facts, fact)
		}
	}
	if answered == 0 {
		return nil, last
	}
	return facts, nil
}

// addrs are the servers, each once: some are listed more often so that they get a larger share.
func (s *Store) addrs() (found []net.Addr) {
	if s.selector == nil {
		return nil
	}
	s.selector.Each(func(addr net.Addr) error {
		if !slices.ContainsFunc(found, func(a net.Addr) bool { return a.String() == addr.String() }) {
			found = append(found, addr)
		}
		return nil
	})
	return found
}

// ownFacts are those that hold whichever servers there are.
func (s *Store) ownFacts() []store.Fact {
	idle := store.Fact{Name: "idle time-out", Value: "none", Warn: "entries stay until the server evicts them for want of memory; set x-timeout"}
	if s.expiry.Timeout > 0 {
		idle = store.Fact{Name: "idle time-out", Value: fmt.Sprintf("%v, kept by the server", s.expiry.Timeout)}
		if s.expiry.Timeout >= time.Until(time.Unix(math.MaxInt32, 0)) {
			idle.Warn = "memcached's times end in January 2038, and entries with them; set a shorter x-timeout"
		}
	}
	return []store.Fact{
		{Name: "persistence", Value: "none: a restart of a server forgets its entries"},
		idle,
	}
}

// facts are what a server's answer means for the promises of s.
func (a *stats) facts(s *Store) []store.Fact {
	return []store.Fact{
		{Name: "server", Value: "memcached " + a.text("version")},
		{Name: "uptime", Value: (time.Duration(a.number("uptime")) * time.Second).String()},
		a.largest(s),
		a.memory(),
		a.eviction(),
		a.clock(),
		a.connections(s),
		a.access(),
	}
}

const notTold = "not told"

func (a *stats) text(name string) string {
	if value := a.said[name]; value != "" {
		return value
	}
	return notTold
}

// number is -1 for what the server does not tell.
func (a *stats) number(name string) int64 {
	n, err := strconv.ParseInt(a.said[name], 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// itemOverhead is what memcached itself needs in an item, at most.
const itemOverhead = 64

func (a *stats) largest(s *Store) store.Fact {
	limit := a.number("item_size_max")
	fact := store.Fact{Name: "largest value", Value: fmt.Sprintf("%d bytes; items of %d bytes", s.maxValue, limit)}
	need := int64(s.maxValue) + store.MaxKeyLen + record.Overhead + maxName + itemOverhead
	switch {
	case limit < 0:
		fact.Value = fmt.Sprintf("%d bytes; the limit for items is %s", s.maxValue, notTold)
		fact.Warn = "the server does not tell its limit for items (item_size_max)"
	case limit < need:
		fact.Warn = fmt.Sprintf("a value of that size needs an item of %d bytes: it will be refused; raise the server's -I, or lower x-max-value", need)
	}
	return fact
}

func (a *stats) memory() store.Fact {
	used, limit := a.number("bytes"), a.number("limit_maxbytes")
	if used < 0 || limit <= 0 {
		return store.Fact{Name: "memory", Value: notTold, Warn: "the server does not tell how full it is"}
	}
	return store.Fact{Name: "memory", Value: fmt.Sprintf("%d of %d MiB used by %s entries", used>>20, limit>>20, a.text("curr_items"))}
}

func (a *stats) eviction() store.Fact {
	evicted, refused := a.number("evictions"), a.number("store_no_memory")
	fact := store.Fact{Name: "eviction", Value: fmt.Sprintf("%s; %d entries evicted since it started", a.on, evicted)}
	switch {
	case evicted < 0 || a.on == "":
		fact.Value, fact.Warn = notTold, "the server does not tell whether it removes entries before their time"
	case a.on == "off":
		fact.Value = fmt.Sprintf("off; %d writes refused for want of memory since it started", max(refused, 0))
		fact.Warn = "when its memory is full, writes fail, and a Set that fails removes the old value; run it without -M and with enough memory (-m)"
	case evicted > 0:
		fact.Warn = "entries were removed before their time, so users are logged out; give it more memory (-m)"
	}
	return fact
}

// clock compares: deadlines beyond 30 days reach the server as moments on its clock, and all by ours.
func (a *stats) clock() store.Fact {
	const tolerance = 3 * time.Second // it counts in whole seconds, and may be behind by two
	now := a.number("time")
	if now < 0 {
		return store.Fact{Name: "clock", Value: notTold, Warn: "the server does not tell its time"}
	}
	off := time.Unix(now, 0).Sub(a.asked).Round(time.Second)
	fact := store.Fact{Name: "clock", Value: fmt.Sprintf("%v from this host's", off)}
	if off.Abs() > tolerance {
		fact.Warn = "with a time-out or a deadline of more than 30 days, entries go that much too early or too late; " +
			"set both clocks by NTP and restart the server"
	}
	return fact
}

func (a *stats) connections(s *Store) store.Fact {
	open, limit := a.number("curr_connections"), a.number("max_connections")
	if limit < 0 {
		limit = a.number("maxconns")
	}
	fact := store.Fact{Name: "connections", Value: fmt.Sprintf("%d of %d; this process opens %d at most", open, limit, s.maxConns)}
	switch {
	case limit < 0 || open < 0:
		fact.Value, fact.Warn = notTold, "the server does not tell how many connections it takes"
	case open*10 > limit*8 || int64(s.maxConns) > limit:
		fact.Warn = "beyond that limit, requests wait until they time out; raise the server's -c, or lower x-max-conns"
	}
	return fact
}

func (a *stats) access() store.Fact {
	fact := store.Fact{Name: "access", Value: "no password; listens on " + a.text("inter")}
	socket := a.said["domain_socket"]
	ip := net.ParseIP(a.said["inter"])
	switch {
	case socket != "" && socket != "NULL":
		fact.Value = "no password; listens on a unix socket"
	case a.said["inter"] == "localhost" || ip != nil && (ip.IsLoopback() || ip.IsPrivate()):
	case ip == nil || ip.IsUnspecified():
		fact.Value = "no password; listens on every interface"
		fact.Warn = "whoever reaches the port reads and changes every entry; bind the server to a private address (-l), or keep others out by a firewall"
	default:
		fact.Warn = "whoever reaches the port reads and changes every entry; see that it is not reached from outside"
	}
	return fact
}

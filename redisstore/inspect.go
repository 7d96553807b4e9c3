package redisstore

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/store"
)

// Inspect is [store.Inspector]'s. It reads INFO, which most access lists allow, of each master, and CONFIG where that is allowed.
func (s *Store) Inspect(ctx context.Context) ([]store.Fact, error) {
	err := s.ready(ctx, "inspect")
	if err != nil {
		return nil, err
	}
	nodes, err := s.inspectEach(ctx)
	if err != nil {
		return nil, store.Wrap("redisstore", "inspect", err)
	}
	return []store.Fact{
		{Name: "server", Value: each(nodes, inspected.version)},
		roles(nodes),
		eviction(nodes),
		evicted(nodes),
		{Name: "memory", Value: each(nodes, inspected.memory)},
		persistence(nodes),
		s.largest(nodes),
		clockFact(nodes),
	}, nil
}

// inspected is what one server says of itself.
type inspected struct {
	info   map[string]string
	config map[string]string // nil: it may not be asked
	skew   time.Duration     // how far its clock is ahead of this machine's
	round  time.Duration     // how long it took to tell the time
}

func (s *Store) inspectEach(ctx context.Context) ([]inspected, error) {
	masters, err := s.masters(ctx)
	if err != nil {
		return nil, err
	}
	if len(masters) == 0 {
		return nil, errNoMaster
	}
	var nodes []inspected
	for _, m := range masters {
		n, err := within(ctx, func() (inspected, error) { return inspect(ctx, m) })
		if err != nil {
			return nil, s.failed(ctx, err)
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

func inspect(ctx context.Context, c redis.Cmdable) (n inspected, err error) {
	text, err := c.Info(ctx).Result()
	if err != nil {
		return n, err
	}
	n.info = make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			n.info[name] = value
		}
	}
	sent := time.Now()
	server, err := c.Time(ctx).Result()
	if err != nil {
		return n, err
	}
	n.round = time.Since(sent)
	n.skew = server.Sub(sent.Add(n.round / 2))
	for _, name := range []string{"save", "appendfsync", "proto-max-bulk-len", "min-replicas-to-write", "min-replicas-max-lag"} {
		got, err := c.ConfigGet(ctx, name).Result()
		if err != nil {
			n.config = nil
			break
		}
		if n.config == nil {
			n.config = make(map[string]string)
		}
		n.config[name] = got[name]
	}
	return n, nil
}

// each joins what the servers say, where they differ.
func each(nodes []inspected, say func(inspected) string) string {
	var all []string
	for _, n := range nodes {
		if text := say(n); !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return strings.Join(all, "; ")
}

func (n inspected) version() string {
	if v := n.info["valkey_version"]; v != "" {
		return "Valkey " + v
	}
	return "Redis " + n.info["redis_version"]
}

func (n inspected) number(name string) int64 {
	v, _ := strconv.ParseInt(n.info[name], 10, 64)
	return v
}

func (n inspected) memory() string {
	limit := "no maxmemory"
	if v := n.number("maxmemory"); v > 0 {
		limit = "maxmemory " + bytesText(v)
	}
	return bytesText(n.number("used_memory")) + " used, " + limit
}

func bytesText(n int64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}

// eviction tells whether the server removes entries that are alive.
func eviction(nodes []inspected) store.Fact {
	f := store.Fact{Name: "eviction", Value: each(nodes, func(n inspected) string {
		if p := n.info["maxmemory_policy"]; p != "" {
			return p
		}
		return "not told"
	})}
	limited := slices.ContainsFunc(nodes, func(n inspected) bool { return n.number("maxmemory") > 0 })
	switch {
	case f.Value == "noeviction":
	case strings.Contains(f.Value, "not told"):
		f.Warn = "Absent: the server does not tell its maxmemory-policy; with any other than noeviction it may remove live entries"
	case limited:
		f.Warn = "Absent: at its maxmemory the server removes live entries; set maxmemory-policy noeviction, and let writes fail instead"
	default:
		f.Warn = "Absent: as soon as a maxmemory is set, the server may remove live entries; set maxmemory-policy noeviction"
	}
	return f
}

func evicted(nodes []inspected) store.Fact {
	sum := int64(0)
	for _, n := range nodes {
		sum += n.number("evicted_keys")
	}
	f := store.Fact{Name: "evicted", Value: strconv.FormatInt(sum, 10) + " keys since the start"}
	if sum > 0 {
		f.Warn = "Absent: the server has removed keys for want of memory, entries of this store perhaps among them; raise maxmemory"
	}
	return f
}

// persistence tells what a power cut or a restart of the server loses, by the worst of the servers.
func persistence(nodes []inspected) store.Fact {
	f := store.Fact{Name: "persistence", Value: each(nodes, inspected.persists)}
	worst := -1
	for _, n := range nodes {
		if rank, warn := n.loses(); rank > worst {
			worst, f.Warn = rank, warn
		}
	}
	return f
}

func (n inspected) aof() bool { return n.info["aof_enabled"] == "1" }

func (n inspected) persists() string {
	switch {
	case n.aof() && n.config == nil:
		return "appendonly, appendfsync not told"
	case n.aof():
		return "appendonly, appendfsync " + n.config["appendfsync"]
	case n.config == nil:
		return "no appendonly, snapshots not told"
	case n.config["save"] == "":
		return "none"
	}
	return "snapshots, save " + n.config["save"]
}

func (n inspected) loses() (rank int, warn string) {
	switch {
	case n.info["aof_last_write_status"] == "err":
		return 9, "Durability: the server could not write its append-only file; see its log"
	case !n.aof() && n.config == nil:
		return 7, "Durability: CONFIG is forbidden, so it is not known whether there are snapshots; at best a power cut loses what was written since the last"
	case !n.aof() && n.config["save"] == "" && n.number("connected_slaves") > 0:
		return 8, "Durability: a server that restarts before a replica has taken its place loses everything, and its replicas do as it does; " +
			"set appendonly yes, and appendfsync always or everysec"
	case !n.aof() && n.config["save"] == "":
		return 8, "Durability: a restart of the server loses everything; set appendonly yes, and appendfsync always or everysec"
	case n.info["rdb_last_bgsave_status"] == "err" && !n.aof():
		return 6, "Durability: the last snapshot failed; see the server's log"
	case !n.aof():
		return 5, "Durability: a power cut loses what was written since the last snapshot; set appendonly yes, and appendfsync always or everysec"
	case n.config == nil:
		return 3, "Durability: CONFIG is forbidden, so appendfsync is not known; unless it is always, a power cut loses about a second"
	case n.config["appendfsync"] == "always":
		return 0, ""
	case n.config["appendfsync"] == "everysec":
		return 1, "Durability: a power cut loses about a second; appendfsync always loses nothing"
	}
	return 4, "Durability: a power cut loses what the operating system had not yet written; set appendfsync always or everysec"
}

// largest tells the largest value, which the server may bound more than the store.
func (s *Store) largest(nodes []inspected) store.Fact {
	f := store.Fact{Name: "largest value", Value: bytesText(int64(s.maxValue))}
	for _, n := range nodes {
		bulk, err := strconv.ParseInt(n.config["proto-max-bulk-len"], 10, 64)
		switch {
		case n.config == nil || err != nil: // 512 MiB unless somebody has lowered it
		case bulk < int64(s.maxValue)+entryOverhead:
			f.Warn = fmt.Sprintf("Values: the server takes no string over %s and breaks the connection; lower x-max-value or raise proto-max-bulk-len", bytesText(bulk))
		}
	}
	return f
}

// clockFact tells how far the clocks are apart. Only deadlines go by the clock of whoever sets them.
func clockFact(nodes []inspected) store.Fact {
	f := store.Fact{Name: "clock"}
	worst := nodes[0]
	for _, n := range nodes[1:] {
		if n.skew.Abs() > worst.skew.Abs() {
			worst = n
		}
	}
	if worst.skew.Abs()-worst.round > time.Second {
		f.Warn = "Deadline: a deadline that is set here ends too early or too late by the difference; set the clocks. Idle time-outs go by the server's alone"
	}
	f.Value = fmt.Sprintf("the server's is %v ahead of that of this machine", worst.skew.Round(time.Millisecond))
	if worst.skew < 0 {
		f.Value = fmt.Sprintf("the server's is %v behind that of this machine", -worst.skew.Round(time.Millisecond))
	}
	return f
}

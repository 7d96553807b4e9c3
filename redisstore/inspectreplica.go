package redisstore

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/larder-go/larder/store"
)

// roles tells whether writes are taken, how many copies there are, and what a failover loses.
func roles(nodes []inspected) store.Fact {
	f := store.Fact{Name: "role", Value: each(nodes, func(n inspected) string {
		text := fmt.Sprintf("%s with %d replicas", n.info["role"], n.number("connected_slaves"))
		if least := n.config["min-replicas-to-write"]; least != "" && least != "0" {
			text += fmt.Sprintf(", %s of them less than %s s behind or no writes", least, n.config["min-replicas-max-lag"])
		}
		return text
	})}
	if len(nodes) > 1 || nodes[0].info["cluster_enabled"] == "1" {
		f.Value = fmt.Sprintf("Cluster of %d masters: %s", len(nodes), f.Value)
	}
	replicas := int64(0)
	for _, n := range nodes {
		replicas += n.number("connected_slaves")
		if n.info["role"] != "master" {
			f.Warn = "Durability: a replica takes no writes; name the master, or use Sentinel (x-master) or a Cluster"
			return f
		}
		if behind := n.behind(); behind != "" {
			f.Warn = "Durability: a replica " + behind + "; a failover now would lose all that was written since"
			return f
		}
	}
	if replicas > 0 {
		f.Warn = "Durability: replicas follow with a delay; a failover loses the writes, and undoes the deletes, that had not reached the new master"
	}
	return f
}

// largestLag is how long a replica may be silent, in seconds: it reports every second.
const largestLag = 10

// behind says of a master which of its replicas would lose much, if one would.
func (n inspected) behind() string {
	for i := range n.number("connected_slaves") {
		fields := map[string]string{}
		for field := range strings.SplitSeq(n.info[fmt.Sprintf("slave%d", i)], ",") {
			name, value, _ := strings.Cut(field, "=")
			fields[name] = value
		}
		lag, err := strconv.Atoi(fields["lag"])
		switch {
		case fields["state"] != "" && fields["state"] != "online":
			return "is only being filled"
		case err == nil && lag > largestLag:
			return fmt.Sprintf("has been silent for %d s", lag)
		}
	}
	return ""
}

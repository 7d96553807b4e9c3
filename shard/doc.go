// Package shard spreads keys over several named nodes.
//
// # Placement
//
// A [Placement] answers one question: on which of these nodes does this key live? The answer depends on nothing but the key, the
// names of the nodes, their weights and the algorithm, so that every process that is told the same gives the same answer. [NewPlacement]
// makes one, which never changes; a [Ring] is for sets that change while a program runs.
//
//	algorithm         agrees with                        when the set changes                 most loaded of 10 nodes
//	rendezvous        this package, on every machine     only what must move moves            1.01 of the mean
//	ketama            libmemcached: consistent           nearly so; a weight above 1 anywhere 1.22
//	                                                     turns it to ketama-weighted's points
//	ketama-weighted   libmemcached: ketama weighted,     nearly so                            1.11
//	                  pylibmc; twemproxy: ketama with
//	                  md5; uhashring
//	hash_ring         hash_ring of Python                nearly so                            1.08
//	hashring          the ring of the Tornado session    nearly so                            1.15
//	                  framework, mended
//	mod-python        python-memcached                   nine keys of ten move                1.004
//	mod-gomemcache    gomemcache's ServerList            nine keys of ten move                1.004
//	mod-libmemcached  libmemcached as it comes           nine keys of ten move                1.005
//
// Take rendezvous, unless programs in other languages share the servers. A node that comes takes keys for itself only, a node
// that goes leaves those of others alone, and a weight that grows draws keys to its node only. A node of weight w has w times the
// keys of a node of weight 1. Which node a key lives on is pinned, for all versions and machines, and does not depend on the
// order of the nodes.
//
// "Nearly so": the share of points that a node has on a ring is rounded from its weight's share of the sum. While all weights are
// the same, a node that comes takes keys for itself only (but for a rounding of the C programs, see 25 nodes below). With
// different weights every node's number of points may change, and some keys move between nodes that stay. On a ring a node whose
// share is below one point gets no key at all, as one of weight 1 beside one of weight 10,000; rendezvous gives it its share.
//
// How weights count is the affair of those whom an algorithm agrees with: mod-libmemcached has no use for them, for mod-python
// and mod-gomemcache a node stands in the list as often as its weight says, and ketama turns to other points as soon as one is
// above 1, though it goes on hashing keys as before.
//
// Some fleets use these rules with another hash: ketama/md5, ketama-weighted/fnv1a_64 (twemproxy's default),
// ketama-weighted/uhashring (which rounds, and treats names, as uhashring does: the C programs differ for sets such as 25 equal
// nodes), mod-libmemcached/md5, mod-twemproxy/fnv1a_64, mod-twemproxy/crc32a.
//
// # Names
//
// Names are hashed, not addresses. A node that is called after what it is, such as "sessions-2", may move to another host and
// keeps its keys; a node that gets another name is another node. In a fleet that is shared, names must be what the other clients
// hash: "host:port" mostly. As libmemcached and twemproxy do, ketama and ketama-weighted leave memcached's own port away, so that
// "cache1" and "cache1:11211" are one name to them; and, as libmemcached does, the brackets of "[::1]:11212".
//
// No hash here is secret. Who can choose keys can choose their node, and so fill one: let programs draw keys at random, as
// package session does.
//
// # A store over nodes
//
// [Store] is a [store.Store] whose entries are spread so: an operation asks the node of its key and no other, and adds nothing to what that costs but the
// placement. Nodes may be stores of any kind, of several kinds too. A node that is down is an outage of its share of the keys: those are
// [store.ErrUnavailable], with the node's name in the error ([NodeError]), and nothing of them is put elsewhere; nobody else waits. List and
// Cleanup go on with the other nodes, and return its error in the end. [Fields] does the same for entries whose fields are read and written one by one.
//
// # URLs
//
//	shard:?node=a=URL&node=b=URL                             two nodes, a and b
//	shard:?node=a=URL&node=b=URL&weight=b:2                  b gets two thirds of the keys
//	shard:?node=a=URL&node=b=URL&placement=ketama-weighted   another algorithm than rendezvous
//
// Each URL is that of a store, percent-encoded as the value of a parameter: & is %26, # is %23, + is %2B, % is %25. x-timeout and x-touch-after belong into
// these URLs. x-prefix may stand in either: in the shard: URL it holds for all nodes, and counts for where a key goes. A name is anything without =, @, ?, #
// and ://, and need not say where the node is: what has the same name has the same keys, on whatever host. A handover: may be a node, to move one to another
// host, and a shard: may be a side of a handover:, to come from one store to several or back. What changes a set is below.
//
// All nodes are opened at once. One that is down, or takes 200 ms longer than the first, is opened by the first operation that needs it once it is up, and is
// tried at most every second; one that is wrong, as with a password that is refused, is an error at once, or of the operations that need it. Each open node is then given an entry for a moment,
// to find out whether two are the same store, which is refused.
//
// # Keys
//
// They are as the nodes take them. What stands on a node where the placement does not look, left over from another set, is not found and
// not listed; sweeps remove it by its age, as everything else.
//
// # Expiry
//
// It is the nodes'. They must agree on it, or opening says which do not; [New] takes what it is given, and the store then tells the shortest. Sweeps run on all
// nodes at once, with a Limit on one after the other.
//
// # Durability
//
// It is the nodes'. No entry is on two of them, so what a node loses is lost. Copies of the data are for engines that have replication: each node may be
// a Redis with Sentinel, a Cluster, or a Postgres with a standby.
//
// # Limits
//
// The store can do what all of its nodes can: with a memcached among them it does not List, and sweeps nothing that memcached would not. What concerns the
// store as a whole is one entry under a [store.ReservedKey] and so on one node, and is down with that one: a cleanup with a lease then
// goes on without. Package session keeps its key in the store, where it is not given session.Options.Keys: give it
// some, or the outage of one node may be everybody's, and a memcached that forgets it a logout of all. A session with a subject needs two
// entries, which may be on two nodes. The order of ListAfter is that of one set: a copy that was begun over another set begins anew.
//
// # Changing the set
//
// A set of nodes that grows, shrinks or gets other weights has other places for some of the keys. [Change] is the store for that time: it knows both sets,
// and each key that has another place moves by a [store.Handover] between its two nodes, with no write, delete or touch lost, whichever process is killed
// when. By URL the three roll-outs, and the set as it was before, are
//
//	shard:?node=a=URL&node=b=URL
//	shard:?node=a=URL&node=b=URL&node=c=URL&weight=c:0&next=c:1&prepare=true
//	shard:?node=a=URL&node=b=URL&node=c=URL&weight=c:0&next=c:1
//	shard:?node=a=URL&node=b=URL&node=c=URL
//
// Before the last one, [Change.Rebalance] or the command larder ring rebalance moves what nobody has used. next=c:1 is the weight of a node in the next set,
// where it differs from the present one, and next=a:0 takes a node out; weight=c:0 keeps one out of the present set; next-placement=ketama changes the
// algorithm. recheck=5s is [ChangeOptions].Recheck, and nonempty=true allows what [Change.Begin] refuses. docs/rings.md goes through it step by step.
//
// # memcached fleets
//
// A [Selector] has a memcached client find servers by a placement, so that a Go program shares a fleet of caches with programs in
// other languages, key for key: docs/fleets.md says which placement is whose. Stores of package memstore take it as a selector, too, and
// URLs as memcached://host1,host2?placement=ketama.
//
// # Sources
//
// Rendezvous hashing is by Thaler and Ravishankar (1998), its weights by way of logarithms are by Schindelhauer and Schomaker
// (2005). The others were written after what their clients do, and are held to placements that were recorded from these: pylibmc
// 1.6.3 on libmemcached 1.1.4, python-memcached 1.58, twemproxy 0.5.0, uhashring 2.4, hash_ring, and gomemcache itself.
package shard

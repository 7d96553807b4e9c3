// Package shard spreads keys over several named nodes.
//
// # Placement
//
// A [Placement] answers one question: on which of these nodes does this key live? The answer depends on nothing but the key, the
// names of the nodes, their weights and the algorithm, so that every process that is told the same gives the same answer.
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
package shard

// Package failover has tests only. They take the primary away from engines that replicate (Redis with Sentinels, a Redis Cluster, PostgreSQL with
// a standby), under a program that goes on: users log in and count in their sessions, writers keep a ledger of what was acknowledged to
// them, probes try every operation. Once the engine has a new primary, all of that must work again by itself, and what is there is held
// against the ledger (ledger_test.go):
//
//   - what the standby had confirmed is there: with synchronous replication, all of it;
//   - what an asynchronous standby had not received is lost, from the end: nothing that was begun after a lost write was acknowledged is there;
//   - nothing else has changed, nothing is corrupt, and what the new primary acknowledges stays.
//
// Until then every error is store.ErrUnavailable, nothing that is there is ever said to be absent, and a session is answered with a 503
// that leaves its cookie alone.
//
// An ordinary run has one round for each engine; LARDER_SOAK=1 has many. docs/scaling.md and docs/soak.md have the figures.
package failover

// Package testserver gives tests real servers: PostgreSQL, memcached, Redis, and those that replicate: a Redis Cluster,
// Sentinels, a hot standby. They are started by the test process on
// loopback ports and unix sockets of their own, in a temporary folder, never as root, and stopped by their pid; an instance that the system
// runs is not touched.
//
// A package that uses them starts its tests by
//
//	func TestMain(m *testing.M) { os.Exit(testserver.With(m).Run()) }
//
// or goleak.VerifyTestMain(testserver.With(m)). [Postgres], [Memcached], [Redis] and [RedisCluster] return the one that all tests of the
// process share; tests keep apart by schema or by prefix. A test that stops, kills or configures its server asks for one of its own, by
// [NewPostgres] and its like. What lies between a client and its server and may fail, a [Proxy] plays.
//
// The programs are looked for on PATH, where Debian keeps PostgreSQL's, and where Homebrew keeps them. Where the environment names a
// server, it is used in place of a shared one:
//
//	LARDER_TEST_POSTGRES_URL=postgres://user:password@host/database
//	LARDER_TEST_MEMCACHED=host:port
//	LARDER_TEST_REDIS=host:port
//
// Without either, the test skips with a line that says so, or fails where LARDER_TEST_REQUIRE lists the server; see package testneed.
package testserver

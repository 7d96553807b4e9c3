// Package outage has tests only. They take the servers of the stores away, in every way that servers go (paused, killed, restarted, late,
// reset, refusing, half-open), while many goroutines use the stores, and hold what these return against what the contract says of an
// outage: store.ErrUnavailable, in time, never an entry that is said to be absent, never the value of another key; and all is well
// a second after the server is back.
//
// Three parts stand in files of their own: the cells of the table {backend} × {fault} (matrix_test.go), reads that are cancelled at any
// moment while the answers come in slices (crosstalk_test.go), and PostgreSQL killed under load (kill_test.go). What all of them do is a load
// (load_test.go), whose records a judge reads afterwards (judge_test.go). TestSelfCheck shows that the judge sees each kind of fault, in stores that
// have one.
//
// An ordinary run does a seeded share; LARDER_SOAK=1 does all of it. docs/outages.md says what callers see, docs/soak.md what the long
// runs found.
package outage

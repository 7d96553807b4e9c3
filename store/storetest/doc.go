// Package storetest tests a store against the contract of package store: each rule by a case of its own, which prints the rule
// where it is broken.
//
//	func TestConformance(t *testing.T) {
//		storetest.Run(t, storetest.Config{
//			New: func(t *testing.T, e store.Expiry) store.Store {
//				s, err := Open(t.TempDir(), &Options{Expiry: e})
//				if err != nil {
//					t.Fatal(err)
//				}
//				t.Cleanup(func() { s.Close() })
//				return s
//			},
//		})
//	}
//
// # Cases
//
// A case is a subtest with a stable name, theme/fault: go test -run TestConformance/keys/hostile runs one of them and
// -run TestConformance/swap all of a theme. Each opens stores of its own by Config.New. Cases that mostly wait, for entries to
// die, run beside each other; Run returns when all have ended.
//
// # Lacks
//
// A store need not have every ability. What Config.Lacks names is not tested, but must be lacking: where it works, the case
// says so, and the line must go. It takes names of cases, for what is known and not yet mended, and these abilities:
//
//	swap      store.Swapper: Load, Peek and Swap, and so Update
//	list      store.Lister
//	sweep     store.Sweeper: Sweep with more than an idle time
//	touch     store.Toucher; need not be declared, for Touch then falls back to Get
//	timeout   entries go by themselves when nobody has used them for Expiry.Timeout
//	cleanup   Cleanup(idle) removes and counts; lacking where the backend expires by itself
//
// The names of the interfaces, "Swapper" and so on, will do as well. Each ability has a case abilities/NAME. store.Inspector and
// store.Expirer are never declared: whoever has no Expiry method is not asked for it.
//
// # Time
//
// Config.Timeout is the shortest idle time-out that the store keeps: 50 ms, or 1 s for a backend that counts in seconds.
// Config.Slack is how much later than the contract says an entry may go, and how far the times that the store tells may be
// off: 2 s for such a backend. Nothing fails because the machine is slow: a case that came too late to tell tries again with a
// longer time-out. With Config.Bubble each case runs in a bubble of testing/synctest, where time is exact and costs nothing; a
// store can be tested so if it opens no socket and starts no process.
package storetest

package session_test

import (
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// BenchmarkOneSession64 lets 64 clients change one session in Postgres at once: merged as sessions are, and beside it with the last write
// winning, as in stores without Swap and in other session managers: get, change, set. Rounds of both take turns. It reports how many requests a second
// each answers, the ratio, and what share of the changes the other way loses; of ours none may be lost.
func BenchmarkOneSession64(b *testing.B) {
	const clients, times, rounds = 64, 8, 7
	s := openRacePostgres(b)
	first := newClient(b, s, session.Options{Merge: map[string]session.Merger{"n": session.Sum[int]()}})
	first.must(b, set("begun", true))

	// as all of them, so the time of a round is that of its slowest client
	crowd := func(do func(n int) int) time.Duration {
		var wg sync.WaitGroup
		begun := time.Now()
		for n := range clients {
			wg.Go(func() {
				for range times {
					if code := do(n); code != http.StatusOK {
						b.Errorf("client %d: status %d", n, code)
					}
				}
			})
		}
		wg.Wait()
		return time.Since(begun)
	}
	merged := func(n int) int {
		c := *first
		return c.do(b.Context(), count(strconv.Itoa(n)))
	}
	plain := session.Options{Merge: map[string]session.Merger{"n": session.Sum[int]()}, Prefix: "plain:"}
	others := make([]*client, clients) // a process each, so that they do not lock each other out
	for n := range others {
		others[n] = newClient(b, struct{ store.Store }{s}, plain)
	}
	others[0].must(b, set("begun", true))
	for _, c := range others[1:] {
		c.cookie = others[0].cookie
	}
	lastWins := func(n int) int { return others[n].do(b.Context(), count(strconv.Itoa(n))) }
	total := func(c *client) (n int) {
		c.must(b, func(s *session.Session) error {
			n, _ = session.Get[int](s, "n")
			return nil
		})
		return n
	}
	var ours, theirs, ratios []float64
	all := 0
	for range b.N {
		for range rounds {
			own, other := crowd(merged), crowd(lastWins)
			all += clients * times
			ours = append(ours, clients*times/own.Seconds())
			theirs = append(theirs, clients*times/other.Seconds())
			ratios = append(ratios, other.Seconds()/own.Seconds())
		}
	}
	if n := total(first); n != all {
		b.Errorf("%d of %d changes are there", n, all)
	}
	median := func(of []float64) float64 { slices.Sort(of); return of[len(of)/2] }
	b.ReportMetric(median(ours), "merged/s")
	b.ReportMetric(median(theirs), "lastwins/s")
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric(100*(1-float64(total(others[0]))/float64(all)), "%lost-lastwins")
	b.ReportMetric(0, "ns/op")
}

package session_test

import (
	"bytes"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/larder-go/larder/session"
)

// TestUnknownIDsAreNotAdopted: ids that are signed as they should be and that nobody was given, as a thief of the MAC key would send
// them, open nothing, on any store. What is set in answer stands under another id, and nothing ever under theirs.
func TestUnknownIDsAreNotAdopted(t *testing.T) {
	for _, b := range raceStores {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			s := b.open(t)
			m := manage(t, s, session.Options{})
			n := share(10_000, 500)
			var next atomic.Int64
			var group sync.WaitGroup
			for range 8 {
				group.Go(func() {
					for next.Add(1) <= int64(n) && !t.Failed() {
						id := randomBytes(32)
						token := sign(raceKeys[0], hostCookie, id)
						a := visit(t, m, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
							if !s.Info().New || len(s.Keys()) > 0 {
								t.Error("an unknown id opens a session")
							}
							check(t, s.Set("mark", "mine"))
						}, token)
						if a.token == "" || bytes.Equal(idOf(t, a.token), id) {
							t.Errorf("status %d, and another id: %v", a.code, a.token != "")
						}
						if found, err := s.Contains(t.Context(), recordKey(id)); err != nil || found {
							t.Errorf("something stands under the id: %v, %v", found, err)
						}
						if mark, _, _ := look(t, m, token); mark != "" {
							t.Error("what was set can be read with the id that was presented")
						}
						if mark, _, _ := look(t, m, a.token); mark != "mine" {
							t.Error("what was set cannot be read with the id that was given")
						}
					}
				})
			}
			group.Wait()
		})
	}
}

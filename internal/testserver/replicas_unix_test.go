//go:build unix

package testserver

import "testing"

// A standby has what its primary wrote, takes no writes, and takes them when it was promoted.
func TestPostgresPair(t *testing.T) {
	for name, synchronous := range map[string]bool{"asynchronous": false, "synchronous": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pair := NewPostgresPair(t, synchronous)
			pair.Primary.Exec(t, "CREATE TABLE words (word text)")
			pair.Primary.Exec(t, "INSERT INTO words VALUES ('before')")
			if err := eventually(func() error { return says(pair.Standby, "SELECT word FROM words", "before") }); err != nil {
				t.Error(err)
			}
			if _, err := query(pair.Standby, "INSERT INTO words VALUES ('here')"); err == nil {
				t.Error("the standby takes writes")
			}
			pair.Primary.Kill(t)
			pair.Promote(t)
			pair.Standby.Exec(t, "INSERT INTO words VALUES ('after')")
			if said := pair.Standby.Exec(t, "SELECT string_agg(word, ' ' ORDER BY word) FROM words"); said != "after before" {
				t.Errorf("%q", said)
			}
		})
	}
}

// Sentinels put another in the primary's place, where it is well and where it was killed.
func TestRedisSentinel(t *testing.T) {
	t.Parallel()
	set := NewRedisSentinel(t, 2)
	for _, end := range []func(*Server){func(*Server) { set.Failover(t) }, func(s *Server) { s.Kill(t) }} {
		old := set.Primary()
		if old == nil {
			t.Fatal("there is no primary")
		}
		end(old)
		err := eventually(func() error {
			if now := set.Primary(); now == nil || now == old {
				return errMissing
			}
			return nil
		})
		if err != nil {
			t.Fatal("nobody has taken the primary's place")
		}
	}
}

package demo

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestMadeUpUsers: each password that the page shows fits, and each salt is its own.
func TestMadeUpUsers(t *testing.T) {
	seen := make(map[string]bool)
	for i, u := range madeUp() {
		if i == 0 || !race || os.Getenv("LARDER_SOAK") != "" { // the race detector makes each take five seconds
			h, err := hashPassword(u.password, u.hash.salt, u.hash.iterations)
			if err != nil || h != u.hash {
				t.Errorf("%s: %+v, %v", u.name, h, err)
			}
		}
		if u.hash.iterations < 600_000 || len(u.hash.salt) < 32 || seen[u.hash.salt] || seen[u.name] {
			t.Errorf("%s: %+v", u.name, u.hash)
		}
		seen[u.hash.salt], seen[u.name] = true, true
	}
	if len(seen) < 6 {
		t.Error("fewer than three people to be")
	}
}

// cheap returns users whose passwords are as good as those of the demo and quicker to check.
func cheap(t testing.TB) []user {
	users := madeUp()
	for i, u := range users {
		h, err := hashPassword(u.password, u.hash.salt, 2)
		if err != nil {
			t.Fatal(err)
		}
		users[i].hash = h
	}
	return users
}

// TestCheck: whoever it is and whatever is wrong, one hash of the same cost is made.
func TestCheck(t *testing.T) {
	d := newDoorman(cheap(t))
	hashes := 0
	d.hash = func(password, salt string, iterations int) (passwordHash, error) {
		if hashes++; iterations != 2 {
			t.Errorf("%d iterations", iterations)
		}
		return hashPassword(password, salt, iterations)
	}
	anna := d.users[0]
	for i, c := range []struct {
		name, password string
		ok             bool
	}{
		{"anna", anna.password, true}, {"anna", "wrong", false}, {"anna", "", false}, {"", "", false}, {"ben", anna.password, false},
		{"nobody", anna.password, false}, {"anna\x00", anna.password, false}, {"anna", anna.password + "\x01", false},
	} {
		u, ok, err := d.check(t.Context(), c.name, c.password)
		if err != nil || ok != c.ok || ok && u.name != c.name || !ok && u.name != "" || hashes != i+1 {
			t.Errorf("%q, %q: %v, %v, %v after %d hashes", c.name, c.password, u.name, ok, err, hashes)
		}
	}
}

// TestDoor: only so many passwords are checked at once, and nobody waits for ever.
func TestDoor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoorman(cheap(t))
		var inside atomic.Int32
		open := make(chan struct{})
		d.hash = func(string, string, int) (passwordHash, error) {
			inside.Add(1)
			<-open
			return passwordHash{}, nil
		}
		const guests = 20
		ended := make(chan error, guests)
		for range guests {
			go func() {
				_, _, err := d.check(t.Context(), "anna", "")
				ended <- err
			}()
		}
		synctest.Wait()
		if n := inside.Load(); n != atOnce {
			t.Errorf("%d inside, %d may be", n, atOnce)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := d.check(gone, "anna", ""); !errors.Is(err, context.Canceled) {
			t.Errorf("who has gone: %v", err)
		}
		time.Sleep(inQueue)
		for range guests - atOnce {
			if err := <-ended; !errors.Is(err, errBusy) {
				t.Errorf("in the queue: %v", err)
			}
		}
		close(open)
		for range atOnce {
			if err := <-ended; err != nil {
				t.Errorf("inside: %v", err)
			}
		}
		if _, _, err := d.check(t.Context(), "anna", ""); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

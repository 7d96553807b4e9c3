package demo

import (
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"time"
)

const (
	iterations = 600_000 // of PBKDF2 with SHA-256: what OWASP has asked for since 2023
	hashLen    = sha256.Size

	// To check a password costs about a fifth of a second of a processor, so that to guess one costs that too; and whoever sends
	// many at once must not get the whole machine for it.
	atOnce  = 2
	inQueue = 5 * time.Second
)

// errBusy says that others log in, and that it took too long until they were done.
var errBusy = errors.New("too many people are logging in at this moment")

// passwordHash is what is kept of a password.
type passwordHash struct {
	iterations int
	salt       string // random, and taken as it is written
	sum        string // in hex
}

func hashPassword(password, salt string, iterations int) (passwordHash, error) {
	sum, err := pbkdf2.Key(sha256.New, password, []byte(salt), iterations, hashLen)
	return passwordHash{iterations, salt, hex.EncodeToString(sum)}, err
}

// doorman checks passwords, a few at a time.
type doorman struct {
	users   []user
	inside  chan struct{}
	patient time.Duration // how long one waits for the others
	hash    func(password, salt string, iterations int) (passwordHash, error)
}

func newDoorman(users []user) *doorman {
	return &doorman{users, make(chan struct{}, atOnce), inQueue, hashPassword}
}

// check finds the user with that name and password. A name that nobody has takes as long as a wrong password, or the time would tell
// which names there are.
func (d *doorman) check(ctx context.Context, name, password string) (u user, ok bool, err error) {
	timer := time.NewTimer(d.patient)
	defer timer.Stop()
	select {
	case d.inside <- struct{}{}:
	case <-timer.C:
		return user{}, false, errBusy
	case <-ctx.Done():
		return user{}, false, ctx.Err()
	}
	defer func() { <-d.inside }()
	u, known := find(d.users, name)
	if !known {
		u = d.users[0] // and whether the password fits, does not count
	}
	made, err := d.hash(password, u.hash.salt, u.hash.iterations)
	if err != nil {
		return user{}, false, err
	}
	fits := subtle.ConstantTimeCompare([]byte(made.sum), []byte(u.hash.sum)) == 1
	if !known || !fits {
		return user{}, false, nil
	}
	return u, true, nil
}

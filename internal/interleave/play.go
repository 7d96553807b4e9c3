package interleave

import (
	"context"
	"fmt"
	"time"
)

// Chooser picks one of the clients that wait to make a call, in the order of their numbers, and returns which.
type Chooser func(waiting []Step) (index int)

// Step is a call, who makes it, and once it is made, what became of it.
type Step struct {
	Call
	Client int
	Err    error

	place int // of the key among those of this play: keys may be drawn anew in each
}

// Play runs the clients until all have returned, and returns their calls in order. Each client must call with the context that it
// is given, and from one goroutine at a time. A client that neither calls nor returns for ten seconds ends the play with an error.
func Play(ctx context.Context, choose Chooser, clients ...func(ctx context.Context)) ([]Step, error) {
	p := &play{places: map[string]int{}, arrived: make(chan *seat, len(clients))} // room: who is given up must not hang
	waiting := make([]*seat, len(clients))
	settle := func(client int) error {
		stuck := time.NewTimer(stuckAfter)
		defer stuck.Stop()
		select {
		case s := <-p.arrived:
			if s.client != client {
				return fmt.Errorf("client %d came while it was the turn of client %d", s.client, client)
			}
			if _, ok := p.places[s.next.Key]; !ok {
				p.places[s.next.Key] = len(p.places)
			}
			waiting[client] = s
			return nil
		case <-stuck.C:
			return fmt.Errorf("client %d neither calls nor returns, after %d calls in all", client, len(p.steps))
		}
	}
	for n, client := range clients {
		s := &seat{play: p, client: n, turn: make(chan struct{})}
		go func() {
			client(context.WithValue(ctx, seatKey{}, s))
			s.done = true
			p.arrived <- s
		}()
		if err := settle(n); err != nil {
			return p.steps, err
		}
	}
	for {
		var able []Step
		for n, s := range waiting {
			if !s.done {
				able = append(able, Step{Call: s.next, Client: n, place: p.places[s.next.Key]})
			}
		}
		if len(able) == 0 {
			return p.steps, nil
		}
		if len(p.steps) >= maxSteps {
			return p.steps, fmt.Errorf("%d calls and no end", len(p.steps))
		}
		n := able[choose(able)].Client
		waiting[n].turn <- struct{}{}
		if err := settle(n); err != nil {
			return p.steps, err
		}
	}
}

const (
	stuckAfter = 10 * time.Second
	maxSteps   = 10_000 // nobody retries but after somebody else's success
)

// play is one run. Only the client whose turn it is writes to steps, and Play while nobody's is.
type play struct {
	arrived chan *seat
	steps   []Step
	places  map[string]int
}

type seat struct {
	play   *play
	client int
	turn   chan struct{}
	next   Call // that it waits for
	done   bool
}

type seatKey struct{}

// Turn makes the call when it is the turn of ctx's client; at once where ctx is not of a [Play].
func Turn(ctx context.Context, c Call, call func() error) error {
	s, ok := ctx.Value(seatKey{}).(*seat)
	if !ok {
		return call()
	}
	s.next = c
	s.play.arrived <- s
	<-s.turn
	err := call()
	s.play.steps = append(s.play.steps, Step{Call: c, Client: s.client, Err: err})
	return err
}

// Steps returns how many calls have been made in the play of ctx so far: a clock that goes by calls.
func Steps(ctx context.Context) int {
	s, ok := ctx.Value(seatKey{}).(*seat)
	if !ok {
		return 0
	}
	return len(s.play.steps)
}

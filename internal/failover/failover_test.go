package failover

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/store"
)

// TestFailover takes the primary of each engine away once.
func TestFailover(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for engines to notice")
	}
	rounds := 1
	if soaking() {
		rounds = 10
	}
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			var all []result
			for i := range rounds {
				all = append(all, e.round(t, uint64(i+1)))
				if t.Failed() {
					break
				}
			}
			if rounds > 1 {
				t.Log(summary(all))
			}
		})
	}
}

const (
	calm     = 400 * time.Millisecond // of load before the primary goes, and after another is there
	hopeless = 15 * time.Second       // so long after the engine has a primary nothing may be wrong any more; usually it is much less: see result
)

// result is what one round has shown.
type result struct {
	audit
	outage    time.Duration // from the primary's end until there is another: the engine's own time
	recovered time.Duration // from then until the last call ended that failed
	failed    int
	logins    int // that were acknowledged, and are gone
	counts    int // that were acknowledged in sessions, and are gone
}

func (r result) String() string {
	return fmt.Sprintf("a new primary after %v, all well %v later; %d calls failed; %v; %d acknowledged counts in sessions lost, %d logins",
		round(r.outage), round(r.recovered), r.failed, r.audit, r.counts, r.logins)
}

// play is one round that is being played.
type play struct {
	e       engine
	c       *cast
	s       store.Store
	clock   clock
	faults  faults
	writers []*writer
	probes  []*probe
	users   []*user
	comers  *comers
}

func (e engine) round(t *testing.T, seed uint64) (r result) {
	c := e.start(t)
	s, err := larder.Open(t.Context(), c.url)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p := &play{e: e, c: c, s: s, clock: clock{time.Now()}, faults: newFaults()}
	p.seed(t, seed)
	c.replicated(t)

	// Those who never stop, whatever happens.
	var lasting sync.WaitGroup
	end := make(chan struct{})
	for _, x := range p.probes {
		lasting.Go(func() { x.work(end) })
	}
	for _, x := range p.users {
		lasting.Go(func() { x.work(end) })
	}
	ended := sync.OnceFunc(func() { close(end); lasting.Wait() })
	defer ended()

	// Those who stop at the first error.
	quit := make(chan struct{})
	stopped := p.write(quit)
	<-time.After(calm)
	gone := p.clock.now()
	c.away(t)
	dead := p.clock.now()
	c.writable(t)
	writable := p.clock.now()
	<-time.After(calm / 4)
	close(quit)
	for _, err := range stopped() {
		if err != nil && !errors.Is(err, store.ErrUnavailable) && !errors.Is(err, errOther) && !errors.Is(err, store.ErrConflict) {
			t.Errorf("a writer: %v", err)
		}
	}
	p.recover(t, writable)
	if c.back != nil {
		c.back(t)
	}

	stands := map[string]uint64{}
	var histories []*history
	for _, w := range p.writers {
		if err := w.found(stands); err != nil {
			t.Fatal(err)
		}
		histories = append(histories, w.keys...)
	}
	r.audit = examine(histories, stands, gone)
	for _, wrong := range r.wrong {
		t.Error(wrong)
	}
	r.outage = writable - dead
	r.logins = p.comers.gone(t)

	// What the new primary acknowledges stays.
	for _, w := range p.writers {
		w.begin(stands)
	}
	quit = make(chan struct{})
	stopped = p.write(quit)
	<-time.After(calm)
	close(quit)
	for _, err := range stopped() {
		if err != nil {
			t.Errorf("after the failover: %v", err)
		}
	}
	ended()
	p.judge(t, &r, gone, writable)
	p.faults.report(t)
	if r.failed == 0 && !e.planned {
		t.Error("nothing has failed: this round shows nothing")
	}
	if e.severed && r.lost == 0 {
		t.Error("nothing was lost although the replica cannot have received it: this ledger shows nothing")
	}
	if lost := r.lost + r.undone + r.logins + r.counts; lost > 0 && !e.loses {
		t.Errorf("what the standby had confirmed is lost: %v", r)
	}
	t.Log(r)
	return r
}

// seed prepares the load, with entries that are there already.
func (p *play) seed(t *testing.T, seed uint64) {
	if err := seedSteady(t.Context(), p.s); err != nil {
		t.Fatal(err)
	}
	handler := site(t, p.s)
	random := func(n int) *rand.Rand { return rand.New(rand.NewPCG(seed, uint64(1000+n))) }
	for i := range writers {
		p.writers = append(p.writers, newWriter(i, seed, p.s, p.c, p.clock, p.faults))
	}
	for i := range probes {
		p.probes = append(p.probes, &probe{store: p.s, clock: p.clock, rng: random(i), n: i, faults: p.faults})
	}
	for i := range users {
		u := &user{site: handler, clock: p.clock, rng: random(probes + i), name: fmt.Sprintf("user-%d", i), faults: p.faults, loses: p.e.loses}
		if err := u.login(); err != nil {
			t.Fatal(err)
		}
		p.users = append(p.users, u)
	}
	p.comers = &comers{site: handler, clock: p.clock, faults: p.faults, loses: p.e.loses}
	quit := make(chan struct{}) // so that connections are there, and writes have been made
	stopped := p.write(quit)
	<-time.After(calm / 4)
	close(quit)
	for _, err := range stopped() {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// write has the writers work, and somebody log in again and again, until an error or the end of quit. The returned func waits for them.
func (p *play) write(quit <-chan struct{}) (stopped func() []error) {
	errs := make([]error, len(p.writers)+1)
	var all sync.WaitGroup
	for i, w := range p.writers {
		all.Go(func() { errs[i] = w.work(quit) })
	}
	all.Go(func() { p.comers.work(quit) })
	return func() []error {
		all.Wait()
		return errs
	}
}

// recover waits until everybody's last calls have all succeeded.
func (p *play) recover(t *testing.T, writable time.Duration) {
	eventually(t, "recovered", hopeless, func() (string, bool) {
		for _, x := range p.probes {
			if !x.well(writable, 2*operations) {
				return "a probe fails", false
			}
		}
		for _, x := range p.users {
			if !x.well(writable, 5) {
				return "a user is refused", false
			}
		}
		return "", true
	})
}

// judge looks at what those have met who never stopped.
func (p *play) judge(t *testing.T, r *result, gone, writable time.Duration) {
	look := func(calls []call) {
		for _, c := range calls {
			if c.err == nil {
				continue
			}
			r.failed++
			if c.end < gone {
				t.Errorf("%s failed before the primary was gone: %v", c.what, c.err)
			}
			r.recovered = max(r.recovered, c.end-writable)
		}
	}
	for _, x := range p.probes {
		look(x.calls)
	}
	for _, u := range p.users {
		look(u.calls)
		for _, s := range u.steps {
			if r.counts += s.lost; s.at < gone || !p.e.loses {
				t.Errorf("%s: %d counts are gone at %v; the primary went at %v", u.name, s.lost, round(s.at), round(gone))
			}
		}
		if len(u.steps) > 1 {
			t.Errorf("%s: his count went back %d times", u.name, len(u.steps))
		}
	}
}

func summary(all []result) string {
	var sum result
	var outages, recoveries []time.Duration
	with := 0
	for _, r := range all {
		outages, recoveries = append(outages, r.outage), append(recoveries, r.recovered)
		sum.deeds, sum.lost, sum.undone, sum.logins, sum.counts = sum.deeds+r.deeds, sum.lost+r.lost, sum.undone+r.undone, sum.logins+r.logins, sum.counts+r.counts
		sum.reach, sum.failed, sum.unsure = max(sum.reach, r.reach), sum.failed+r.failed, sum.unsure+r.unsure
		if r.lost+r.undone+r.logins+r.counts > 0 {
			with++
		}
	}
	slices.Sort(outages)
	slices.Sort(recoveries)
	spread := func(all []time.Duration) string {
		return fmt.Sprintf("%v, at most %v", round(all[len(all)/2]), round(all[len(all)-1]))
	}
	return fmt.Sprintf("%d rounds: a new primary after %s; all well later by %s; %d calls failed; in %d rounds something was lost: %d of %d values, %d removals undone, "+
		"of the last %v at most; %d counts, %d logins; %d without an acknowledgement were there",
		len(all), spread(outages), spread(recoveries), sum.failed, with, sum.lost, sum.deeds, sum.undone, round(sum.reach), sum.counts, sum.logins, sum.unsure)
}

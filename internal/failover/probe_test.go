package failover

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/larder-go/larder/store"
)

const (
	probes     = 4
	steadyKeys = 60
)

// call is what became of one call, or of one request of a user.
type call struct {
	what       string
	begin, end time.Duration
	err        error
}

// log is what one goroutine has met.
type log struct {
	mu    sync.Mutex
	calls []call
}

func (l *log) add(c call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, c)
}

// well tells whether the last n calls that were begun after from have all succeeded.
func (l *log) well(from time.Duration, n int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.calls) < n {
		return false
	}
	for _, c := range l.calls[len(l.calls)-n:] {
		if c.err != nil || c.begin < from {
			return false
		}
	}
	return true
}

// probe tries every operation again and again, whatever comes of it, half of them with a deadline as requests have it.
type probe struct {
	log
	store  store.Store
	clock  clock
	rng    *rand.Rand
	n      int
	faults faults
}

const deadline = 500 * time.Millisecond

// steady are keys that are there all the time, and that the replica has.
func steady(i int) string { return fmt.Sprintf("steady/{%d}", i) }

func seedSteady(ctx context.Context, s store.Store) error {
	for i := range steadyKeys {
		if err := s.Set(ctx, steady(i), value(steady(i), 1)); err != nil {
			return err
		}
	}
	return nil
}

// operations is how many kinds of calls a probe knows.
const operations = 7

func (p *probe) work(quit <-chan struct{}) {
	for i := 0; ; i++ {
		select {
		case <-quit:
			return
		case <-time.After(time.Duration(p.rng.IntN(3000)) * time.Microsecond):
		}
		ctx, cancel := context.Background(), context.CancelFunc(func() {})
		if i/operations%2 == 0 {
			ctx, cancel = context.WithTimeout(ctx, deadline)
		}
		c := call{begin: p.clock.now()}
		c.what, c.err = p.try(ctx, i%operations)
		c.end = p.clock.now()
		cancel()
		if c.err != nil && !errors.Is(c.err, store.ErrUnavailable) {
			p.faults.say("%s, %v after its begin: %v", c.what, round(c.end-c.begin), c.err)
		}
		p.add(c)
	}
}

func (p *probe) try(ctx context.Context, kind int) (what string, err error) {
	there := steady(p.rng.IntN(steadyKeys))
	mine := fmt.Sprintf("probe/%d/{%d}", p.n, p.rng.IntN(1000))
	switch kind {
	case 0:
		data, err := p.store.Get(ctx, there)
		if err == nil {
			_, err = parse(there, data)
		}
		return "Get", err
	case 1:
		ok, err := p.store.Contains(ctx, there)
		if err == nil && !ok {
			err = errors.New("what is there is said to be absent")
		}
		return "Contains", err
	case 2:
		return "Touch", store.Touch(ctx, p.store, there)
	case 3:
		return "Set", p.store.Set(ctx, mine, value(mine, 1))
	case 4:
		return "Delete", p.store.Delete(ctx, mine)
	case 5:
		item, err := store.Load(ctx, p.store, there)
		if err == nil {
			_, err = parse(there, item.Value)
		}
		return "Load", err
	}
	_, err = store.Swap(ctx, p.store, mine, store.AnyVersion, &store.Item{Value: value(mine, 2)})
	return "Swap", err
}

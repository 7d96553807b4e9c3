package redisstore

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/internal/pause"
	"github.com/larder-go/larder/store"
)

// sweepBatch is how many entries count as a batch where the caller does not say. Scripts are sent in groups of at most sweepGroup.
const (
	sweepBatch = 1000
	sweepGroup = 256
)

// Cleanup is Sweep with nothing but an idle time.
func (s *Store) Cleanup(ctx context.Context, idle time.Duration) (int, error) {
	r, err := s.sweep(ctx, "cleanup", store.SweepOptions{Idle: idle})
	return r.Removed, err
}

// Sweep is [store.Sweeper]'s. Where the server expires all that must go, nothing is left to do or to count.
func (s *Store) Sweep(ctx context.Context, o store.SweepOptions) (store.SweepReport, error) {
	return s.sweep(ctx, "sweep", o)
}

// sweeper is one sweep under way.
type sweeper struct {
	s      *Store
	o      store.SweepOptions
	age    int64 // µs since its atime after which an entry goes
	report store.SweepReport
	untold int  // removed since Progress was called
	rests  bool // a batch is full: pause before the next, if there is one
}

func (s *Store) sweep(ctx context.Context, op string, o store.SweepOptions) (store.SweepReport, error) {
	w := &sweeper{s: s, o: o}
	if w.o.Batch <= 0 {
		w.o.Batch = sweepBatch
	}
	err := s.ready(ctx, op)
	switch {
	case err != nil:
	case s.expiresAll(o.Idle):
		err = store.Wrap("redisstore", op, s.ping(ctx)) // nothing to do, but a server that is down must not look like a clean one
	default:
		w.age = micros(o.Idle) + s.slack
		if s.slack == 0 {
			w.age += clockSlack
		}
		err = store.Wrap("redisstore", op, w.walk(ctx))
	}
	w.told()
	w.report.Done = err == nil && !w.full()
	return w.report, err
}

// expiresAll reports whether the server itself removes all that has been idle for so long.
func (s *Store) expiresAll(idle time.Duration) bool {
	return idle <= 0 || s.expiry.Timeout > 0 && s.expiry.Timeout <= idle || s.expiry.Cutoff(time.Now(), idle).IsZero()
}

// clockSlack is what a sweep adds for a store that records every use: the atime of a Set is an estimate, which may err into the past.
const clockSlack = int64(50 * time.Millisecond / time.Microsecond)

func (w *sweeper) full() bool { return w.o.Limit > 0 && w.report.Removed >= w.o.Limit }

// walk goes through all pages. It looks at heads first, which costs little, and judges by script only what seems to have to go.
func (w *sweeper) walk(ctx context.Context) error {
	c, err := w.s.scan(ctx, w.o.Prefix)
	for more := true; err == nil && more && !w.full(); {
		var page []found
		if err = w.s.open(ctx); err != nil {
			break
		}
		if page, more, err = c.page(ctx); err == nil {
			err = w.page(ctx, page)
		}
	}
	return err
}

func (w *sweeper) page(ctx context.Context, page []found) error {
	var names []string
	for _, f := range page {
		if f.key == w.o.Prefix || store.Reserved(f.key) { // the server ends a reserved one at its deadline
			continue
		}
		w.report.Scanned++
		name := w.s.prefix + f.key
		_, high, err := w.s.serverTime(ctx, name)
		if err != nil {
			return err
		}
		if high-f.atime > w.age {
			names = append(names, name)
		}
	}
	for len(names) > 0 && !w.full() {
		if err := w.rest(ctx); err != nil {
			return err
		}
		n := min(len(names), sweepGroup, w.o.Batch-w.untold)
		if w.o.Limit > 0 {
			n = min(n, w.o.Limit-w.report.Removed)
		}
		if err := w.remove(ctx, names[:n]); err != nil {
			return err
		}
		names = names[n:]
		if w.untold >= w.o.Batch {
			w.told()
			w.rests = true
		}
	}
	return nil
}

// remove judges and removes by one script for each name. What was removed is counted also when others of the group fail.
func (w *sweeper) remove(ctx context.Context, names []string) error {
	dry := ""
	if w.o.DryRun {
		dry = "1"
	}
	var answers []answer
	answers, err := w.s.runEach(ctx, sweepScript, names, w.s.limit, w.age, dry, len(w.s.prefix))
	for _, a := range answers {
		if a.state != stateLive || len(a.more) != 2 {
			continue
		}
		w.untold++
		atime := time.UnixMicro(a.more[1])
		w.report.Add(a.more[0], atime, w.s.expiry.Due(atime, time.Time{}, w.o.Idle))
	}
	return err
}

// told calls Progress after a batch, also after a last one that is not full.
func (w *sweeper) told() {
	if w.untold > 0 && w.o.Progress != nil {
		w.o.Progress(w.report)
	}
	w.untold = 0
}

// rest pauses between two batches. It is called when the next is known to have something to do.
func (w *sweeper) rest(ctx context.Context) error {
	if !w.rests || w.o.DryRun {
		return w.s.open(ctx)
	}
	w.rests = false
	pause.For(ctx, w.o.Pause) // open says whether ctx has ended, or the store was closed meanwhile
	return w.s.open(ctx)
}

// runEach runs the script on each of the names, in one round trip. Answers that came are returned also with an error; those of others are zero.
func (l *link) runEach(ctx context.Context, s *script, names []string, args ...any) ([]answer, error) {
	sent := l.now()
	commands := func(first, second string) []*redis.SliceCmd {
		cmds := make([]*redis.SliceCmd, len(names))
		for i, name := range names {
			cmds[i] = redis.NewSliceCmd(ctx, append([]any{first, second, 1, name}, args...)...)
		}
		return cmds
	}
	// A group whose answer nobody waits for any more goes on by itself: what it removes is not counted then.
	values, err := within(ctx, func() ([]answer, error) {
		return l.sendEach(ctx, commands("evalsha", s.hash), commands("eval", s.source))
	})
	if len(values) > 0 {
		for i, a := range values {
			if a.now != 0 {
				l.clockFor(ctx, names[i]).learn(sent, l.now(), a.now)
			}
		}
	}
	if err != nil {
		err = l.failed(ctx, err)
	}
	return values, err
}

// sendEach sends the commands, and in place of those whose script the server does not know, the others.
func (l *link) sendEach(ctx context.Context, cmds, whole []*redis.SliceCmd) ([]answer, error) {
	pipe := l.client.Pipeline()
	for _, cmd := range cmds {
		pipe.Process(ctx, onceSlice{cmd})
	}
	_, failure := pipe.Exec(ctx)
	answers := make([]answer, len(cmds))
	for i, cmd := range cmds {
		err := cmd.Err()
		if redis.HasErrorPrefix(err, "NOSCRIPT") {
			err = l.client.Process(ctx, onceSlice{whole[i]})
			cmd = whole[i]
		}
		if err == nil {
			answers[i], err = readAnswer(cmd.Val())
		}
		if err != nil && (failure == nil || redis.HasErrorPrefix(failure, "NOSCRIPT")) {
			failure = err
		}
	}
	if redis.HasErrorPrefix(failure, "NOSCRIPT") {
		failure = nil
	}
	return answers, failure
}

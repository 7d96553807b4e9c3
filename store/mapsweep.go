package store

import (
	"context"
	"os"
	"runtime"
	"strings"
	"time"
)

const (
	// mapBatch is what counts as a batch where the caller does not say.
	mapBatch = 1000

	// mapChunk is how many entries are removed under one lock of a shard: some ten microseconds.
	mapChunk = 64
)

// Cleanup is Sweep with nothing but an idle time.
func (m *Map) Cleanup(ctx context.Context, idle time.Duration) (int, error) {
	r, err := m.sweep(ctx, "cleanup", SweepOptions{Idle: idle})
	return r.Removed, err
}

func (m *Map) Sweep(ctx context.Context, o SweepOptions) (SweepReport, error) {
	return m.sweep(ctx, "sweep", o)
}

func (m *Map) sweep(ctx context.Context, op string, o SweepOptions) (SweepReport, error) {
	if o.Batch <= 0 {
		o.Batch = mapBatch
	}
	now := mapNow()
	w := mapSweeper{o: o, expiry: m.expiry, now: now, cutoff: m.expiry.Cutoff(now, o.Idle)}
	err := m.ready(ctx, op)
	for i := 0; err == nil && i < mapShards && !w.full(); i++ {
		err = Wrap("store", op, w.shard(ctx, m, &m.shards[i]))
	}
	w.told()
	w.report.Done = err == nil && !w.full()
	return w.report, err
}

// mapSweeper is a sweep at work. Its clock stands: what dies meanwhile is the next one's.
type mapSweeper struct {
	o       SweepOptions
	expiry  Expiry
	now     time.Time
	cutoff  time.Time
	report  SweepReport
	untold  int  // removed since Progress was called
	resting bool // a batch is full: pause before the next entry, if there is one
	found   []*mapEntry
}

func (w *mapSweeper) full() bool { return w.o.Limit > 0 && w.report.Removed >= w.o.Limit }

// due tells whether e must go. The caller holds the lock of its shard.
func (w *mapSweeper) due(e *mapEntry) bool {
	return w.idle(e) || !e.when[byDeadline].IsZero() && !w.now.Before(e.when[byDeadline])
}

func (w *mapSweeper) idle(e *mapEntry) bool {
	return e.when[byAtime].Before(w.cutoff) && !Reserved(e.key)
}

// shard first finds what must go, and then removes it in chunks, each of which judges again.
func (w *mapSweeper) shard(ctx context.Context, m *Map, s *mapShard) error {
	s.mu.RLock()
	w.found = w.find(s, w.found[:0])
	s.mu.RUnlock()
	for rest := w.found; len(rest) > 0 && !w.full(); {
		if err := w.rest(ctx); err != nil {
			return err
		}
		n := min(mapChunk, len(rest), w.o.Batch-w.untold)
		if w.o.Limit > 0 {
			n = min(n, w.o.Limit-w.report.Removed)
		}
		w.remove(s, rest[:n])
		rest = rest[n:]
		if w.untold >= w.o.Batch {
			w.told()
		}
		runtime.Gosched()
	}
	if m.closed.Load() {
		return os.ErrClosed
	}
	return ctx.Err()
}

// find appends what must go. An entry that is due in both orders is found in the first. The caller holds s.mu, for reading.
func (w *mapSweeper) find(s *mapShard, found []*mapEntry) []*mapEntry {
	visit := func(e *mapEntry) {
		w.report.Scanned++
		if strings.HasPrefix(e.key, w.o.Prefix) && len(e.key) > len(w.o.Prefix) {
			found = append(found, e)
		}
	}
	s.orders[byAtime].before(w.cutoff, visit)
	s.orders[byDeadline].before(w.now.Add(1), func(e *mapEntry) { // now ≥ Expires
		if !w.idle(e) {
			visit(e)
		}
	})
	return found
}

// remove removes those entries that must still go, or with DryRun counts them.
func (w *mapSweeper) remove(s *mapShard, entries []*mapEntry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range entries {
		if s.entries[e.key] != e || !w.due(e) {
			continue
		}
		if !w.o.DryRun {
			s.remove(e)
		}
		w.untold++
		due := e.when[byDeadline]
		if !Reserved(e.key) {
			due = w.expiry.Due(e.when[byAtime], due, w.o.Idle)
		}
		w.report.Add(int64(len(e.value)), e.when[byAtime], due)
	}
}

// told calls Progress after a batch, also after a last one that is not full.
func (w *mapSweeper) told() {
	if w.untold > 0 && w.o.Progress != nil {
		w.o.Progress(w.report)
	}
	w.resting = w.untold >= w.o.Batch && !w.o.DryRun
	w.untold = 0
}

// rest pauses between two batches.
func (w *mapSweeper) rest(ctx context.Context) error {
	if !w.resting {
		return ctx.Err()
	}
	w.resting = false
	return sleep(ctx, w.o.Pause)
}

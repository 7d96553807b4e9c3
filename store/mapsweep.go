package store

import (
	"context"
	"math"
	"runtime"
	"strings"
	"time"
)

// mapBatch is how many entries are removed under one lock of a shard: some ten microseconds.
const mapBatch = 64

// Cleanup is Sweep with nothing but an idle time.
func (m *Map) Cleanup(ctx context.Context, idle time.Duration) (int, error) {
	r, err := m.sweep(ctx, "cleanup", SweepOptions{Idle: idle})
	return r.Removed, err
}

func (m *Map) Sweep(ctx context.Context, o SweepOptions) (SweepReport, error) {
	return m.sweep(ctx, "sweep", o)
}

func (m *Map) sweep(ctx context.Context, op string, o SweepOptions) (r SweepReport, err error) {
	if err := m.ready(ctx, op); err != nil {
		return r, err
	}
	batch := mapBatch
	if o.Batch > 0 {
		batch = min(batch, o.Batch)
	}
	now := mapNow() // one for the whole sweep: what dies meanwhile is the next one's
	cutoff := m.expiry.Cutoff(now, o.Idle)
	var due []*mapEntry
	for i := range m.shards {
		s := &m.shards[i]
		for more := true; more; {
			room := batch
			if o.DryRun { // what is found again and again must be found at once
				room = math.MaxInt
			}
			if o.Limit > 0 {
				room = min(room, o.Limit-r.Removed)
			}
			due, more = s.due(due[:0], now, cutoff, room, &o, &r)
			for _, e := range due {
				r.Removed++
				r.Bytes += int64(len(e.value))
				if atime := e.when[byAtime]; r.Oldest.IsZero() || atime.Before(r.Oldest) {
					r.Oldest = atime
				}
			}
			if len(due) == 0 {
				break
			}
			if o.Progress != nil {
				o.Progress(r)
			}
			if o.Limit > 0 && r.Removed >= o.Limit {
				return r, nil
			}
			if err := sleep(ctx, o.Pause); err != nil {
				return r, Wrap("store", op, err)
			}
			runtime.Gosched()
		}
		if err := m.ready(ctx, op); err != nil {
			return r, err
		}
	}
	r.Done = true
	return r, nil
}

// due takes up to room entries that must go out of the shard and appends them to found; with DryRun it only finds them.
// more says that the room was the limit and the shard is worth another look.
func (s *mapShard) due(found []*mapEntry, now, cutoff time.Time, room int, o *SweepOptions, r *SweepReport) (_ []*mapEntry, more bool) {
	visit := func(by int) func(*mapEntry) bool {
		return func(e *mapEntry) bool {
			r.Scanned++
			// An entry that is due in both orders is taken in the first.
			if strings.HasPrefix(e.key, o.Prefix) && (by == byAtime || !e.when[byAtime].Before(cutoff)) {
				found = append(found, e)
			}
			more = len(found) >= room
			return !more
		}
	}
	if o.DryRun {
		s.mu.RLock()
		defer s.mu.RUnlock()
	} else {
		s.mu.Lock()
		defer s.mu.Unlock()
	}
	s.orders[byAtime].before(cutoff, visit(byAtime))
	if !more {
		s.orders[byDeadline].before(now.Add(1), visit(byDeadline)) // now ≥ Expires
	}
	if o.DryRun {
		return found, false
	}
	for _, e := range found {
		s.remove(e)
	}
	return found, more
}

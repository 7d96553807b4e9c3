package boltstore

import (
	"context"
	"testing"
	"time"

	"github.com/larder-go/larder/store"
)

// TestPace: a sweep that meets writers takes little, less where that still holds them up, and everything when they have gone.
func TestPace(t *testing.T) {
	var m timing
	sweep, write := &batch{live: []*write{{patient: true}}}, &batch{live: []*write{{}}}
	p := newPace(&m)
	now := time.Now()
	step := func(writes bool, took time.Duration) int {
		if writes {
			m.note(write, 10*time.Millisecond)
		}
		m.note(sweep, took)
		now = now.Add(took)
		p.next(now)
		return p.room
	}
	for range 3 {
		if room := step(false, time.Second); room != 0 {
			t.Errorf("alone it takes %d", room)
		}
	}
	if room := step(true, time.Second); room != paceFirst {
		t.Errorf("once it has met a writer it takes %d", room)
	}
	for range 5 {
		step(true, time.Second)
	}
	if p.room != paceLeast {
		t.Errorf("where that is still slow it takes %d", p.room)
	}
	for range 10 {
		step(true, 11*time.Millisecond)
	}
	if p.room < 4*paceLeast {
		t.Errorf("where it is fast it takes %d", p.room)
	}
	if room := step(false, paceAlone/2); room == 0 {
		t.Error("no writer for a moment, and it takes everything")
	}
	step(false, paceAlone)
	if p.room != 0 {
		t.Errorf("alone again it takes %d", p.room)
	}
}

// TestSweepBesideWriters: however little a sweep takes at a time, batches are as large as was asked, and all that is dead goes.
func TestSweepBesideWriters(t *testing.T) {
	s := newStore(t, openDB(t), &Options{Expiry: store.Expiry{TouchAfter: -1}})
	const n = 1200
	for i := range n {
		if _, err := s.Swap(t.Context(), benchKey(i), "", &store.Item{Atime: time.Now().Add(-time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := n; ctx.Err() == nil; i++ {
			if err := s.Set(t.Context(), benchKey(i), nil); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	var batches []int
	r, err := s.Sweep(t.Context(), store.SweepOptions{Idle: time.Minute, Batch: 400, Progress: func(r store.SweepReport) {
		batches = append(batches, r.Removed)
	}})
	cancel()
	<-done
	if err != nil || r.Removed != n || !r.Done || len(batches) != (n+399)/400 {
		t.Errorf("%+v, %v, in batches %v", r, err, batches)
	}
	for i, removed := range batches[:len(batches)-1] {
		if removed != (i+1)*400 {
			t.Errorf("batch %d ended with %d", i, removed)
		}
	}
}

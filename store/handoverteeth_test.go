package store_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"

	"github.com/larder-go/larder/internal/interleave"
	"github.com/larder-go/larder/store"
)

// TestHandoverRaceHasTeeth: where a step of the protocol does nothing, or not what it should, a schedule shows it.
func TestHandoverRaceHasTeeth(t *testing.T) {
	holds := func(m *store.Map, kind string) bool {
		item, err := m.Peek(context.Background(), playKey)
		return err == nil && bytes.HasPrefix(item.Value, []byte(kind))
	}
	mark, claim := string(store.NewMark("").Value), string(store.NewClaim("", nil))[:16]
	for name, spoil := range map[string]func(p *handoverPlay, side string, c interleave.Call) (skip bool){
		"who takes a mark takes what is there": func(p *handoverPlay, side string, c interleave.Call) bool {
			if side != "new" || c.Op != "swap" || c.New != nil || c.Old == "" {
				return false
			}
			p.new.Delete(context.Background(), c.Key)
			return true
		},
		"an entry takes the place of what is there": func(p *handoverPlay, side string, c interleave.Call) bool {
			if side != "new" || c.New == nil || c.Old == "" || bytes.HasPrefix(c.New.Value, []byte(mark)) {
				return false
			}
			p.new.Swap(context.Background(), c.Key, store.AnyVersion, c.New)
			return true
		},
		"a claim takes any version": func(p *handoverPlay, side string, c interleave.Call) bool {
			if side != "old" || c.New == nil || !bytes.HasPrefix(c.New.Value, []byte(claim)) {
				return false
			}
			p.old.Swap(context.Background(), c.Key, store.AnyVersion, c.New)
			return true
		},
		"nobody tidies up": func(p *handoverPlay, side string, c interleave.Call) bool {
			return side == "old" && c.Op == "swap" && c.New == nil && holds(p.old, claim)
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			all, from := acts(), beginnings()
			p := newHandoverPlay()
			p.spoil = func(side string, c interleave.Call) bool { return spoil(p, side, c) }
			for seed := range uint64(5000) {
				rng := rand.New(rand.NewPCG(seed, 3))
				prepare, a, b := phases[rng.IntN(4)], all[rng.IntN(len(all)-1)], all[rng.IntN(len(all)-1)]
				if wrong := playHandover(t, p, from[rng.IntN(len(from))], prepare, interleave.Random(rng), a, b); len(wrong) > 0 {
					t.Logf("%s: found after %d schedules", name, seed+1)
					return
				}
			}
			t.Errorf("%s: not found", name)
		})
	}
}

package main

import "slices"

// place is where the entry of a session that moves may stand.
type place int

const (
	oldPlace place = iota
	newPlace
)

// view is the part of a change that an app server's URL knows of.
type view struct {
	reads  []place
	writes place
}

// step is a time in which app servers of these views are at work.
type step struct {
	views   []view
	brought bool // before it, all entries were brought to their new place
}

// The views, in the order of the roll-outs.
func oldSet() view   { return view{[]place{oldPlace}, oldPlace} }
func prepared() view { return view{[]place{oldPlace, newPlace}, oldPlace} } // the next set is read too
func changing() view { return view{[]place{newPlace, oldPlace}, newPlace} } // the next set is written
func newSet() view   { return view{[]place{newPlace}, newPlace} }           // the old one is dropped

// atOnce is one roll-out, from the old set to the new.
func atOnce() []step {
	return []step{{views: []view{oldSet()}}, {views: []view{oldSet(), newSet()}}, {views: []view{newSet()}}}
}

// threeRollouts is what package shard asks for.
func threeRollouts() []step {
	return []step{
		{views: []view{oldSet()}},
		{views: []view{oldSet(), prepared()}},
		{views: []view{prepared(), changing()}},
		{views: []view{changing()}},
		{views: []view{changing(), newSet()}, brought: true},
		{views: []view{newSet()}},
	}
}

// reached says whether every app server finds a session that moves in every step, wherever those at work have written it.
// A dead old node neither answers nor can be emptied.
func reached(steps []step, oldIsDead bool) bool {
	stands := []place{oldPlace} // every place where the last write may be
	for _, s := range steps {
		if s.brought && !oldIsDead {
			stands = []place{newPlace}
		}
		for _, v := range s.views {
			if !slices.Contains(stands, v.writes) {
				stands = append(stands, v.writes)
			}
		}
		for _, v := range s.views {
			for _, p := range stands {
				if !slices.Contains(v.reads, p) || p == oldPlace && oldIsDead {
					return false
				}
			}
		}
	}
	return true
}

// cost is 1 where a session is out of reach at some time, by the way in which the set is changed.
type cost struct{ atOnce, threefold int64 }

func costs(moves, oldIsDead bool) (c cost) {
	if !moves {
		return c
	}
	if !reached(atOnce(), oldIsDead) {
		c.atOnce = 1
	}
	if !reached(threeRollouts(), oldIsDead) {
		c.threefold = 1
	}
	return c
}

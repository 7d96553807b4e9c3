package cases

import (
	"errors"
	"fmt"
	"time"

	"github.com/larder-go/larder/store"
)

func deleteCases() []Case {
	const stays = "Delete: A Delete that has returned stays: no save in flight brings the entry back by Swap."
	return []Case{
		{Name: "delete/absent", Rule: "Delete: Delete of an absent key is not an error.", Run: deleteAbsent},
		{Name: "delete/gone", Rule: "Delete: Delete removes what stands under key, and nothing else.", Run: deleteGone},
		{Name: "delete/stays", Rule: stays, Needs: []string{Swap}, Run: deleteStays},
		{Name: "delete/race", Rule: stays, Needs: []string{Swap}, Run: deleteRace},
		{Name: "delete/use-race", Rule: "Delete: A Delete that has returned stays: no use in flight brings the entry back.", Run: deleteUseRace},
	}
}

func deleteAbsent(e *Env) {
	s := e.forever()
	for range 2 {
		if err := s.Delete(e.ctx, "key"); err != nil {
			e.Errorf("Delete of an absent key: %v; want nil", err)
		}
		e.gone(s, "key")
	}
	e.set(s, "key", "value")
	for range 2 {
		if err := s.Delete(e.ctx, "key"); err != nil {
			e.Errorf("Delete: %v; want nil, also the second time", err)
		}
		e.gone(s, "key")
	}
}

func deleteGone(e *Env) {
	s := e.forever()
	for i := range 10 {
		e.set(s, fmt.Sprintf("key %d", i), "value")
	}
	for i := range 10 {
		e.delete(s, fmt.Sprintf("key %d", i))
		for j := range 10 {
			if j <= i {
				e.gone(s, fmt.Sprintf("key %d", j))
			} else if !e.contains(s, fmt.Sprintf("key %d", j)) {
				e.Errorf("the Delete of key %d has removed key %d", i, j)
			}
		}
	}
	e.set(s, "key 0", "again")
	e.want(s, "key 0", "again")
}

func deleteStays(e *Env) {
	s := e.forever()
	e.set(s, "key", "value")
	item, err := store.Load(e.ctx, s, "key")
	if err != nil {
		e.Fatalf("Load: %v", err)
	}
	e.delete(s, "key")
	_, err = store.Swap(e.ctx, s, "key", item.Version, &store.Item{Value: []byte("saved late")})
	e.is("Swap after Delete", err, store.ErrConflict)
	e.gone(s, "key")
	_, err = store.Swap(e.ctx, s, "key", item.Version, nil)
	e.is("Swap to nil after Delete", err, store.ErrConflict)
	e.gone(s, "key")
}

// deleteRace is a logout among saves: whoever loses, the entry is gone at the end.
func deleteRace(e *Env) {
	s := e.forever()
	for round := range e.n(150, 40) {
		key := fmt.Sprintf("key %d", round%5)
		e.set(s, key, "value")
		v := e.peek(s, key).Version
		e.together(4, func(i int) {
			if i == 0 {
				time.Sleep(time.Duration(round%12) * 10 * time.Microsecond) // at any moment of the others' work
				if err := s.Delete(e.ctx, key); err != nil {
					e.Errorf("Delete: %v", err)
				}
				return
			}
			w := v
			for range 3 {
				next, err := store.Swap(e.ctx, s, key, w, &store.Item{Value: []byte("saved")})
				if err != nil {
					if !errors.Is(err, store.ErrConflict) {
						e.Errorf("Swap: %v; want nil or ErrConflict", err)
					}
					return
				}
				w = next
			}
		})
		if e.contains(s, key) {
			e.Errorf("a save has brought back the entry that was deleted")
			return
		}
	}
}

// deleteUseRace is a logout among requests, each of which refreshes the entry.
func deleteUseRace(e *Env) {
	s := e.open(store.Expiry{TouchAfter: -1})
	for round := range e.n(150, 40) {
		key := fmt.Sprintf("key %d", round%5)
		e.set(s, key, "value")
		e.together(4, func(i int) {
			switch i {
			case 0:
				time.Sleep(time.Duration(round%12) * 10 * time.Microsecond)
				if err := s.Delete(e.ctx, key); err != nil {
					e.Errorf("Delete: %v", err)
				}
			case 1:
				for range 3 {
					if err := store.Touch(e.ctx, s, key); err != nil && err != store.ErrNotFound {
						e.Errorf("Touch: %v; want nil or a bare ErrNotFound", err)
					}
				}
			default:
				for range 3 {
					if got, err := s.Get(e.ctx, key); err != nil && err != store.ErrNotFound || err == nil && string(got) != "value" {
						e.Errorf("Get = %s, %v; want \"value\" or a bare ErrNotFound", show(got), err)
					}
				}
			}
		})
		if e.contains(s, key) {
			e.Errorf("a use has brought back the entry that was deleted")
			return
		}
	}
}

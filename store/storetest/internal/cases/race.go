package cases

import (
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/larder-go/larder/store"
)

func raceCases() []Case {
	c := []Case{
		{Name: "race/create-once", Rule: "Swap: Of those who create with \"\", one wins and all others get ErrConflict.", Run: raceCreate},
		{Name: "race/one-winner", Rule: "Swap: Of those who swap one version, one wins and all others get ErrConflict.", Run: raceSwap},
		{Name: "race/remove-once", Rule: "Swap: Of those who swap one version, one wins; to remove is to swap.", Run: raceRemove},
		{Name: "race/counter", Rule: "Swap: Update loses no change of anybody who uses it.", Run: raceCounter},
		{Name: "race/use-and-update", Rule: "Use: A use records a time and writes back nothing else: it undoes no change that is made meanwhile.", Run: raceUse},
	}
	for i := range c {
		c[i].Needs = append(c[i].Needs, Swap)
	}
	return c
}

// onlyOne lets 32 goroutines do the same thing at once, of which one must succeed, and returns who.
func (e *Env) onlyOne(what string, do func(i int) error) int {
	e.Helper()
	var winners atomic.Int32
	var winner atomic.Int64
	e.together(32, func(i int) {
		switch err := do(i); {
		case err == nil:
			winners.Add(1)
			winner.Store(int64(i))
		case !errors.Is(err, store.ErrConflict):
			e.Errorf("%s: %v; want nil or ErrConflict", what, err)
		}
	})
	if n := winners.Load(); n != 1 {
		e.Errorf("%s: %d of 32 succeeded; want 1", what, n)
	}
	return int(winner.Load())
}

func raceCreate(e *Env) {
	s := e.forever()
	for round := range e.n(40, 15) {
		key := fmt.Sprintf("key %d", round)
		i := e.onlyOne("Swap from \"\"", func(i int) error {
			_, err := store.Swap(e.ctx, s, key, "", &store.Item{Value: []byte(strconv.Itoa(i))})
			return err
		})
		if e.Failed() {
			return
		}
		e.want(s, key, strconv.Itoa(i))
	}
}

func raceSwap(e *Env) {
	s := e.forever()
	v := e.swap(s, "key", "", &store.Item{Value: []byte("begin")})
	for range e.n(40, 15) {
		i := e.onlyOne("Swap from one version", func(i int) error {
			_, err := store.Swap(e.ctx, s, "key", v, &store.Item{Value: []byte(strconv.Itoa(i))})
			return err
		})
		if e.Failed() {
			return
		}
		e.want(s, "key", strconv.Itoa(i))
		v = e.peek(s, "key").Version
	}
}

func raceRemove(e *Env) {
	s := e.forever()
	for range e.n(40, 15) {
		v := e.swap(s, "key", "", &store.Item{Value: []byte("begin")})
		i := e.onlyOne("Swap from one version, to nil or to a value", func(i int) error {
			var item *store.Item
			if i%2 == 0 {
				item = &store.Item{Value: []byte("kept")}
			}
			_, err := store.Swap(e.ctx, s, "key", v, item)
			return err
		})
		if e.Failed() {
			return
		}
		if i%2 != 0 {
			e.gone(s, "key")
			continue
		}
		e.want(s, "key", "kept")
		e.delete(s, "key")
	}
}

// count adds 1 to the number under key, n times.
func (e *Env) count(s store.Store, key string, n int) {
	e.Helper()
	for range n {
		err := store.Update(e.ctx, s, key, func(old *store.Item) (*store.Item, error) {
			number := 0
			if old != nil {
				number, _ = strconv.Atoi(string(old.Value))
			}
			return &store.Item{Value: []byte(strconv.Itoa(number + 1))}, nil
		})
		if err != nil {
			e.Errorf("Update: %v", err)
			return
		}
	}
}

func raceCounter(e *Env) {
	s := e.forever()
	each := e.n(40, 15)
	e.together(16, func(int) { e.count(s, "key", each) })
	e.want(s, "key", strconv.Itoa(16*each))
}

// raceUse lets users, whose every use is recorded, race those who change the entry.
func raceUse(e *Env) {
	s := e.open(store.Expiry{TouchAfter: -1})
	each := e.n(60, 40)
	var stop atomic.Bool
	e.set(s, "key", "0")
	e.together(8, func(i int) {
		switch {
		case i == 0:
			defer stop.Store(true)
			for range each {
				e.count(s, "key", 1)
				time.Sleep(100 * time.Microsecond) // let the users in
			}
		case i%2 == 0:
			for !stop.Load() {
				store.Touch(e.ctx, s, "key")
				e.yield()
			}
		default:
			for !stop.Load() {
				if _, err := s.Get(e.ctx, "key"); err != nil {
					e.Errorf("Get: %v", err)
					return
				}
				e.yield()
			}
		}
	})
	e.want(s, "key", strconv.Itoa(each))
}

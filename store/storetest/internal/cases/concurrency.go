package cases

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/larder-go/larder/store"
)

func concurrencyCases() []Case {
	const rule = "Concurrency: Every store serves many goroutines."
	return []Case{
		{Name: "concurrency/mixed", Rule: rule + " What one reads, somebody has written under that key.", Run: concurrencyMixed},
		{Name: "concurrency/cancels", Rule: rule + " A call that was cut off leaves nothing for the next one to find: no value of another key is ever returned.",
			Waits: true, Run: concurrencyCancels},
		{Name: "concurrency/own", Rule: rule + " What only one goroutine writes, it reads as it wrote it.", Run: concurrencyOwn},
		{Name: "concurrency/new-keys", Rule: rule + " New keys that are written at the same time are all there.", Run: concurrencyNew},
	}
}

// signed is a value that tells whether it is whole and where it belongs: the key, and a length of noise that begins with it.
func signed(key string, n int) []byte {
	return append([]byte(fmt.Sprintf("%s|%d|", key, n)), noise(n)...)
}

func whole(key string, value []byte) bool {
	rest, ok := bytes.CutPrefix(value, []byte(key+"|"))
	number, rest, more := bytes.Cut(rest, []byte("|"))
	n, err := strconv.Atoi(string(number))
	return ok && more && err == nil && n == len(rest) && bytes.Equal(value, signed(key, n))
}

func concurrencyMixed(e *Env) {
	s := e.open(store.Expiry{TouchAfter: -1})
	e.mixed(s, func() (context.Context, func()) { return e.ctx, func() {} })
}

func concurrencyCancels(e *Env) {
	s := e.open(store.Expiry{TouchAfter: -1})
	e.mixed(s, func() (context.Context, func()) {
		ctx, cancel := context.WithCancel(e.ctx)
		timer := time.AfterFunc(rand.N(2*time.Millisecond), cancel)
		return ctx, func() { timer.Stop(); cancel() }
	})
}

// mixed lets 16 goroutines do all sorts of things to 8 keys.
func (e *Env) mixed(s store.Store, limit func() (context.Context, func())) {
	calls := e.calls()
	e.together(16, func(i int) {
		r := rand.New(rand.NewPCG(uint64(i), 7))
		for range e.n(120, 40) {
			key := fmt.Sprintf("key %d", r.IntN(8))
			ctx, done := limit()
			var err error
			var value []byte
			switch r.IntN(8) {
			case 0, 1, 2:
				err = s.Set(ctx, key, signed(key, r.IntN(3000)))
			case 3:
				err = s.Delete(ctx, key)
			case 4:
				if c := calls[r.IntN(len(calls))]; !c.write {
					err = c.do(ctx, s, key)
				}
			default:
				value, err = s.Get(ctx, key)
			}
			done()
			if err != nil && err != store.ErrNotFound && !errors.Is(err, context.Canceled) {
				e.Errorf("beside others: %v", err)
			}
			if value != nil && !whole(key, value) {
				e.Errorf("Get(%s) returns %s, which nobody has written there", show(key), show(value))
			}
		}
	})
	for i := range 8 { // and afterwards all is as before
		key := fmt.Sprintf("key %d", i)
		if value, err := s.Get(e.ctx, key); err == nil && !whole(key, value) {
			e.Errorf("afterwards Get(%s) returns %s, which nobody has written there", show(key), show(value))
		}
		e.set(s, key, "after")
		e.want(s, key, "after")
	}
}

func concurrencyOwn(e *Env) {
	s := e.forever()
	e.together(16, func(i int) {
		key := fmt.Sprintf("key %d", i)
		for n := range e.n(40, 15) {
			want := signed(key, n*50)
			if err := s.Set(e.ctx, key, want); err != nil {
				e.Errorf("Set: %v", err)
				return
			}
			if got, err := s.Get(e.ctx, key); err != nil || !bytes.Equal(got, want) {
				e.Errorf("Get returns %s, %v; its only writer wrote %s", show(got), err, show(want))
				return
			}
			if n%5 == 4 {
				if err := s.Delete(e.ctx, key); err != nil {
					e.Errorf("Delete: %v", err)
				}
				if ok, err := s.Contains(e.ctx, key); ok || err != nil {
					e.Errorf("Contains = %v, %v; its only writer deleted it", ok, err)
					return
				}
			}
		}
	})
}

func concurrencyNew(e *Env) {
	s := e.forever()
	each := e.n(60, 25)
	var failed atomic.Bool
	e.together(8, func(i int) {
		for n := range each {
			if err := s.Set(e.ctx, fmt.Sprintf("key %d of %d", n, i), []byte("value")); err != nil {
				e.Errorf("Set: %v", err)
				failed.Store(true)
				return
			}
		}
	})
	if failed.Load() {
		return
	}
	for i := range 8 {
		for n := range each {
			if key := fmt.Sprintf("key %d of %d", n, i); !e.contains(s, key) {
				e.Errorf("%s is not there", show(key))
				return
			}
		}
	}
}

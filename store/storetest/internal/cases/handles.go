package cases

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/larder-go/larder/store"
)

func handleCases() []Case {
	const rule = "Concurrency: A store that several processes may open serves them too: a second handle sees the same entries."
	return []Case{
		{Name: "handles/seen", Rule: rule, Needs: []string{reopen}, Run: handlesSeen},
		{Name: "handles/swap", Rule: "Version: It is kept in the record: a Swap through one handle conflicts with one through another.", Needs: []string{reopen, Swap},
			Run: handlesSwap},
		{Name: "handles/create-once", Rule: "Swap: Of those who create with \"\", through whichever handle, one wins.", Needs: []string{reopen, Swap}, Run: handlesCreate},
		{Name: "handles/counter", Rule: "Swap: Update loses no change of anybody who uses it, through whichever handle.", Needs: []string{reopen, Swap}, Run: handlesCounter},
		{Name: "handles/use", Rule: "Use: A use through one handle is one for all.", Needs: []string{reopen, Timeout}, Waits: true, Run: handlesUse},
		{Name: "handles/cleaners", Rule: "Cleanup: However many cleaners race, through whichever handle, each entry is removed and counted once, and no live one is.",
			Needs: []string{reopen, Swap, Cleanup}, Run: handlesCleaners},
	}
}

// handles opens a new store and a second handle on it.
func (e *Env) handles(x store.Expiry) [2]store.Store {
	e.Helper()
	s := e.open(x)
	return [2]store.Store{s, e.Reopen(e.T, s)}
}

func handlesSeen(e *Env) {
	h := e.handles(store.Expiry{})
	for i := range 10 {
		one, other := h[i%2], h[(i+1)%2]
		value := strconv.Itoa(i)
		e.set(one, "key", value)
		e.want(other, "key", value)
		e.want(one, "key", value)
		e.set(other, "another", value)
		e.want(one, "another", value)
		e.delete(one, "another")
		e.gone(other, "another")
		if !e.lacks(List) {
			if n := len(e.list(other, "")); n != 1 {
				e.Errorf("through the other handle List yields %d entries; want 1", n)
			}
		}
	}
}

func handlesSwap(e *Env) {
	h := e.handles(store.Expiry{})
	v := e.swap(h[0], "key", "", &store.Item{Value: []byte("0")})
	if got := e.peek(h[1], "key").Version; got != v {
		e.Errorf("through the other handle the entry has another version")
	}
	for i := 1; i <= 6; i++ {
		one, other := h[i%2], h[(i+1)%2]
		old := v
		v = e.swap(one, "key", old, &store.Item{Value: []byte(strconv.Itoa(i))})
		e.conflict(other, "key", old, &store.Item{Value: []byte("late")})
		e.conflict(other, "key", "", &store.Item{Value: []byte("late")})
		e.want(other, "key", strconv.Itoa(i))
	}
	e.delete(h[0], "key")
	e.conflict(h[1], "key", v, &store.Item{Value: []byte("late")})
	e.gone(h[0], "key")
}

func handlesCreate(e *Env) {
	h := e.handles(store.Expiry{})
	for round := range e.n(30, 10) {
		key := fmt.Sprintf("key %d", round)
		i := e.onlyOne("Swap from \"\" through two handles", func(i int) error {
			_, err := store.Swap(e.ctx, h[i%2], key, "", &store.Item{Value: []byte(strconv.Itoa(i))})
			return err
		})
		if e.Failed() {
			return
		}
		e.want(h[(i+1)%2], key, strconv.Itoa(i))
	}
}

func handlesCounter(e *Env) {
	h := e.handles(store.Expiry{})
	each := e.n(40, 15)
	e.together(8, func(i int) { e.count(h[i%2], "key", each) })
	for _, s := range h {
		e.want(s, "key", strconv.Itoa(8*each))
	}
}

func handlesUse(e *Env) {
	e.patiently(func(timeout time.Duration) bool {
		x := store.Expiry{Timeout: timeout}
		h := e.handles(x)
		begin := time.Now()
		e.set(h[0], "key", "value")
		time.Sleep(timeout / 2)
		used := time.Now()
		_, err := h[1].Get(e.ctx, "key")
		if time.Since(begin) > timeout {
			return false
		}
		if err != nil {
			e.Errorf("Get through the other handle: %v", err)
		}
		return e.early(h[0], used, timeout, func() bool { return e.contains(h[0], "key") })
	})
}

func handlesCleaners(e *Env) {
	h := e.handles(store.Expiry{Timeout: time.Hour})
	n := e.n(200, 60)
	for i := range n {
		e.swap(h[0], fmt.Sprintf("dead %d", i), "", &store.Item{Value: []byte("value"), Atime: time.Now().Add(-3 * time.Hour)})
	}
	e.fill(h[1], "live ", 10)
	var removed atomic.Int64
	e.together(4, func(i int) {
		n, err := h[i%2].Cleanup(e.ctx, 0)
		if err != nil {
			e.Errorf("Cleanup: %v", err)
		}
		removed.Add(int64(n))
	})
	again, err := h[0].Cleanup(e.ctx, 0)
	if err != nil || int(removed.Load())+again != n {
		e.Errorf("cleaners through two handles removed %d, one after them %d, %v; want %d in sum", removed.Load(), again, err, n)
	}
	for i := range 10 {
		e.want(h[i%2], fmt.Sprintf("live %d", i), "value")
	}
}

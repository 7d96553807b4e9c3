package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larder-go/larder/store"
)

var errLost = errors.New("lost") // not ErrUnavailable, for which fast would be left alone

// TestLayerStress has writers count up and readers see to it that none of them reads less than what was written when he began, nor less than he has
// read before. The fast store fails now and then, and another Layer fills it too.
func TestLayerStress(t *testing.T) {
	const keys, readers = 4, 4
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	fast := fickle(store.NewMap(nil), map[string]func(context.Context, func() error) error{
		"delete": func(ctx context.Context, call func() error) error {
			switch rand.IntN(4) {
			case 0:
				return errLost
			case 1:
				call()
				return errLost
			}
			return call()
		},
	})
	slow := store.NewMap(nil)
	layer, other := store.Layer(fast, slow, &store.LayerOptions{Loads: true}), store.Layer(fast, slow, &store.LayerOptions{Loads: true})
	var written [keys]atomic.Int64
	var reads atomic.Int64
	var wg sync.WaitGroup
	bg := context.Background()
	for k := range keys {
		key := fmt.Sprint("key", k)
		layer.Set(bg, key, []byte("0"))
		wg.Go(func() {
			for n := int64(1); ctx.Err() == nil; n++ {
				if err := layer.Set(bg, key, strconv.AppendInt(nil, n, 10)); err != nil {
					t.Error(err)
				}
				written[k].Store(n)
				if n%8 == 0 {
					time.Sleep(50 * time.Microsecond) // for copies to answer meanwhile
				}
			}
		})
		wg.Go(func() {
			for ctx.Err() == nil {
				other.Get(bg, key)
			}
		})
	}
	for range readers {
		wg.Go(func() {
			var seen [keys]int64
			for ctx.Err() == nil {
				k := rand.IntN(keys)
				least := max(written[k].Load(), seen[k])
				v, err := layer.Get(bg, fmt.Sprint("key", k))
				n, _ := strconv.ParseInt(string(v), 10, 64)
				if err != nil || n < least {
					t.Errorf("read %q, %v after %d was written or read", v, err, least)
					return
				}
				seen[k] = n
				reads.Add(1)
			}
		})
	}
	wg.Wait()
	t.Logf("%d writes of key 0, %d reads", written[0].Load(), reads.Load())
}

package codec_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/larder-go/larder/codec"
	"github.com/larder-go/larder/store"
)

type Visitor struct {
	Name   string    `json:"name"`
	Visits int       `json:"visits"`
	Since  time.Time `json:"since"`
}

func ExampleNewTyped() {
	ctx := context.Background()
	visitors := codec.NewTyped[Visitor](store.NewMap(nil), codec.MsgPack)

	if err := visitors.Set(ctx, "ada", Visitor{Name: "Ada", Visits: 1}); err != nil {
		fmt.Println(err)
	}
	v, err := visitors.Get(ctx, "ada")
	fmt.Println(v.Name, v.Visits, err)

	_, err = visitors.Get(ctx, "bob")
	fmt.Println(errors.Is(err, store.ErrNotFound))
	// Output:
	// Ada 1 <nil>
	// true
}

// Update loses no change, however many make one at the same time.
func ExampleTyped_Update() {
	ctx := context.Background()
	visitors := codec.NewTyped[Visitor](store.NewMap(nil), codec.MsgPack)
	for range 3 {
		err := visitors.Update(ctx, "ada", func(old *Visitor) (*Visitor, error) {
			if old == nil {
				old = &Visitor{Name: "Ada"}
			}
			old.Visits++
			return old, nil
		})
		if err != nil {
			fmt.Println(err)
		}
	}
	v, err := visitors.Get(ctx, "ada")
	fmt.Println(v.Name, v.Visits, err)
	// Output: Ada 3 <nil>
}

// A deployment that changes its codec reads what it wrote before.
func ExampleTyped_changeOfCodec() {
	ctx := context.Background()
	s := store.NewMap(nil)
	if err := codec.NewTyped[Visitor](s, codec.JSON).Set(ctx, "ada", Visitor{Name: "Ada", Visits: 1}); err != nil {
		fmt.Println(err)
	}

	visitors := codec.NewTyped[Visitor](s, codec.MsgPack)
	v, err := visitors.Get(ctx, "ada")
	fmt.Println(v.Name, v.Visits, err)

	before, _ := s.Get(ctx, "ada")
	err = visitors.Set(ctx, "ada", v)
	after, _ := s.Get(ctx, "ada")
	fmt.Printf("%c then %c, %v\n", before[0], after[0], err)
	// Output:
	// Ada 1 <nil>
	// J then M, <nil>
}

// Ints come back from an any as int64, bytes as bytes, times as times.
func Example_any() {
	data, err := codec.MsgPack.Encode(map[string]any{
		"count": 5,
		"raw":   []byte{1, 2},
		"at":    time.Unix(0, 0),
		"names": map[int]string{1: "one"},
	})
	if err != nil {
		fmt.Println(err)
	}
	var m map[string]any
	if err := codec.MsgPack.Decode(data, &m); err != nil {
		fmt.Println(err)
	}
	for _, key := range []string{"count", "raw", "at", "names"} {
		fmt.Printf("%-5s %T\n", key, m[key])
	}
	// Output:
	// count int64
	// raw   []uint8
	// at    time.Time
	// names map[interface {}]interface {}
}

// Five bytes that announce four thousand million elements are an error like any other.
func Example_hostile() {
	var v any
	err := codec.MsgPack.Decode([]byte{0xdd, 0xff, 0xff, 0xff, 0xff}, &v)
	fmt.Println(err)
	fmt.Println(errors.Is(err, store.ErrCorrupt))

	var small struct{ N int8 }
	data, _ := codec.MsgPack.Encode(map[string]int{"N": 300})
	err = codec.MsgPack.Decode(data, &small)
	fmt.Println(err)
	fmt.Println(errors.Is(err, codec.ErrMismatch))
	// Output:
	// codec: decode: msgpack: at byte 0 of 5: it announces more elements than it has bytes left
	// true
	// codec: decode: msgpack: near byte 6: a number does not fit int8
	// true
}

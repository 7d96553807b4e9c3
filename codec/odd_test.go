package codec_test

import (
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/larder-go/larder/codec"
	"github.com/larder-go/larder/store"
)

type octet byte

// Types that are nearly what the fast paths know, and many of them.
func TestOddTypes(t *testing.T) {
	pointers := make([]*any, 3*1000)
	for i := range pointers {
		pointers[i] = new(any(int64(i)))
	}
	deep := new(new(new(5)))
	for _, in := range []any{
		[4]octet{1, 2, 3, 255}, [0]byte{}, []octet{9}, pointers, deep, map[octet]octet{1: 2}, map[[2]octet]bool{{1, 2}: true},
		map[bool]struct{}{true: {}}, [][]string{nil, {}, {"x"}}, map[string][]byte{"a": nil, "b": {}, "c": {1}}, struct{}{}, []struct{}{{}, {}},
		map[string]*int{"nil": nil, "five": new(5)}, [2][2]int8{{1, 2}, {3, 4}}, map[float32]uint16{0.5: 1}, map[any]any{nil: nil},
		strings.Repeat("x", 70_000), make([]bool, 70_000), map[string]any{"": strings.Repeat("k", 300)},
	} {
		data, err := codec.MsgPack.Encode(in)
		if err != nil {
			t.Errorf("%T: %v", in, err)
			continue
		}
		out := reflect.New(reflect.TypeOf(in))
		if err := codec.MsgPack.Decode(data, out.Interface()); err != nil || !reflect.DeepEqual(in, out.Elem().Interface()) {
			t.Errorf("%T: got %v, %v", in, out.Elem(), err)
		}
		var loose any
		if err := codec.MsgPack.Decode(data, &loose); err != nil && !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%T into an any: %v", in, err)
		}
		wantReadable(t, in)
	}
}

// One codec serves many goroutines.
func TestConcurrent(t *testing.T) {
	want, err := codec.MsgPack.Encode(filledIn())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				got, err := codec.MsgPack.Encode(filledIn())
				if err != nil || string(got) != string(want) {
					t.Error("other bytes", err)
				}
				var m map[string]any
				if err := codec.MsgPack.Decode(got, &m); err != nil || m["text"] != "text" {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

package store

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// entries counts what takes memory, absent or not.
func entries(m *Map) (n int) {
	for i := range m.shards {
		n += len(m.shards[i].entries)
	}
	return n
}

// TestLayerTidies: copies that nobody reads do not pile up in memory, though nobody cleans it up; nor through wrappers.
func TestLayerTidies(t *testing.T) {
	for name, wrap := range map[string]func(Store) Store{
		"bare":    func(s Store) Store { return s },
		"wrapped": func(s Store) Store { return Observe(Prefix(s, "p:"), deaf{}) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				fast, slow := NewMap(nil), NewMap(nil)
				s := Layer(wrap(fast), slow, &LayerOptions{MaxAge: 10 * time.Second})
				const perSecond, seconds = 100, 120
				for i := range perSecond * seconds {
					key := fmt.Sprint("key", i)
					slow.Set(ctx, key, nil)
					s.Get(ctx, key)
					time.Sleep(time.Second / perSecond)
				}
				if n, most := entries(fast), 12*perSecond; n > most {
					t.Errorf("%d copies take memory, where %d may answer", n, 10*perSecond)
				}
				time.Sleep(time.Minute)
				s.Cleanup(ctx, time.Hour)
				s.Cleanup(ctx, time.Hour)
				s.Cleanup(ctx, time.Hour)
				if n := entries(fast); n > 0 {
					t.Errorf("%d copies are left that are over", n)
				}
			})
		})
	}
}

// TestCopyFormat pins the format: programs of several versions may share a fast store.
func TestCopyFormat(t *testing.T) {
	l := &layer{maxAge: time.Minute, slack: time.Minute, loads: true}
	l.id = 0x0102030405060708
	item := &Item{Value: []byte("value"), Version: "v", Atime: time.Unix(0, 1_000_000_000), Expires: time.Unix(0, 50_000_000_000)}
	for loads, want := range map[bool]string{
		true: "4c02" + "0807060504030201" + "0500000000000000" + "0094357700000000" + "00e0052d0b000000" +
			"00ca9a3b00000000" + "00743ba40b000000" + "01" + "76" + "76616c7565",
		false: "4c01" + "0807060504030201" + "0500000000000000" + "0094357700000000" + "00e0052d0b000000" + "76616c7565",
	} {
		l.loads = loads
		c := l.copyOf(item, 5, time.Unix(0, 2_000_000_000))
		if got := fmt.Sprintf("%x", []byte(c)); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if !c.valid() || string(c.value()) != "value" || c.life() != int64(48*time.Second) || !c.until().Equal(item.Expires) {
			t.Errorf("it reads back otherwise: %q", c)
		}
	}
	for _, item := range []*Item{{Version: Version(strings.Repeat("v", 256))}, {Expires: time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC)}} {
		l.loads = true
		if c := l.copyOf(item, 1, time.Unix(1, 0)); c != nil {
			t.Errorf("what the header cannot hold was copied: %q", c)
		}
	}
}

func FuzzCopy(f *testing.F) {
	l := &layer{maxAge: time.Minute, slack: time.Minute, loads: true}
	f.Add([]byte(l.copyOf(&Item{Value: []byte("v"), Version: NewVersion()}, 1, time.Unix(1, 0))))
	l.loads = false
	f.Add([]byte(l.copyOf(&Item{Value: []byte("v")}, 1, time.Unix(1, 0))))
	f.Add([]byte("L\x02"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := copied(data)
		if !c.valid() {
			return
		}
		value := c.value()
		if string(data[len(data)-len(value):]) != string(value) || value == nil {
			t.Errorf("the value of %q is %q", data, value)
		}
		if c.answersLoad() && string(c.item().Value) != string(value) {
			t.Errorf("the item's value of %q is %q", data, c.item().Value)
		}
		c.until()
		c.before(c)
	})
}

package codec_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/larder-go/larder/codec"
)

// session is what a shop keeps for a visitor: five items, about 500 bytes.
func session() map[string]any {
	return map[string]any{
		"user": map[string]any{"id": int64(4711), "name": "Grace Hopper", "mail": "grace@example.org", "admin": false},
		"csrf": "kTz1rY3qQm0vV5s8bW2nC7xJ4hL9pF6d",
		"seen": int64(1_760_000_000),
		"cart": []any{
			map[string]any{"sku": "A-100-blue", "count": int64(2), "price": 19.5, "note": "gift"},
			map[string]any{"sku": "B-200-green", "count": int64(1), "price": 249.95, "note": ""},
			map[string]any{"sku": "C-300-red", "count": int64(12), "price": 3.25, "note": "to the neighbour, please"},
		},
		"flash": []any{
			"Your order has been placed. You will find it under your account, where you can change it until it has been packed.",
			"We have sent a mail to grace@example.org, with all that you need to know.",
		},
	}
}

// contender is one way to encode and decode a session.
type contender struct {
	name   string
	encode func(v any) ([]byte, error)
	decode func(data []byte, v any) error
}

func contenders() []contender {
	gob.Register(map[string]any{})
	gob.Register([]any{})
	return []contender{
		{"encoding/json", json.Marshal, json.Unmarshal},
		{"encoding/gob", func(v any) ([]byte, error) {
			var b bytes.Buffer
			err := gob.NewEncoder(&b).Encode(v)
			return b.Bytes(), err
		}, func(data []byte, v any) error { return gob.NewDecoder(bytes.NewReader(data)).Decode(v) }},
		{"vmihailenco alone", msgpack.Marshal, msgpack.Unmarshal},
		{"codec.JSON", codec.JSON.Encode, codec.JSON.Decode},
		{"codec.MsgPack", codec.MsgPack.Encode, codec.MsgPack.Decode},
	}
}

func (c *contender) encodes(t testing.TB, v any) {
	if _, err := c.encode(v); err != nil {
		t.Fatal(c.name, err)
	}
}

func (c *contender) decodes(t testing.TB, data []byte) {
	var m map[string]any
	if err := c.decode(data, &m); err != nil || len(m) != 5 {
		t.Fatal(c.name, err)
	}
}

// BenchmarkSession compares the contenders in interleaved rounds, reports medians, and how the time of codec.MsgPack relates to
// that of encoding/json. With -v it prints the table of the package's comment.
func BenchmarkSession(b *testing.B) {
	const rounds, repeat = 15, 300
	all := contenders()
	v := session()
	data := make([][]byte, len(all))
	times := make([][2][]float64, len(all)) // encode, decode
	for i := range all {
		data[i], _ = all[i].encode(v)
	}
	measure := func(f func()) float64 {
		start := time.Now()
		for range repeat {
			f()
		}
		return float64(time.Since(start)) / repeat
	}
	for b.Loop() {
		for range rounds {
			for i := range all {
				times[i][0] = append(times[i][0], measure(func() { all[i].encodes(b, v) }))
				times[i][1] = append(times[i][1], measure(func() { all[i].decodes(b, data[i]) }))
			}
		}
	}
	median := func(list []float64) float64 { list = slices.Sorted(slices.Values(list)); return list[len(list)/2] }
	w := tabwriter.NewWriter(os.Stderr, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "codec\tbytes\tencode ns\tallocs\tdecode ns\tallocs\n")
	for i, c := range all {
		fmt.Fprintf(w, "%s\t%d\t%.0f\t%.0f\t%.0f\t%.0f\n", c.name, len(data[i]),
			median(times[i][0]), testing.AllocsPerRun(100, func() { c.encodes(b, v) }),
			median(times[i][1]), testing.AllocsPerRun(100, func() { c.decodes(b, data[i]) }))
	}
	if testing.Verbose() {
		w.Flush()
	}
	ours := len(all) - 1
	ratio := func(k int) float64 {
		ratios := make([]float64, len(times[0][k]))
		for r := range ratios {
			ratios[r] = times[ours][k][r] / times[0][k][r]
		}
		return median(ratios)
	}
	b.ReportMetric(ratio(0), "encode/json")
	b.ReportMetric(ratio(1), "decode/json")
	b.ReportMetric(0, "ns/op")
}

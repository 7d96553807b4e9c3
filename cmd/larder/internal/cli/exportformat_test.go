package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/store"
)

// TestExportLines: what appendEntry writes, parseLine reads, and so does anybody's JSON.
func TestExportLines(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	now := time.Date(2026, 11, 22, 12, 0, 0, 123456789, time.UTC)
	for _, e := range []store.Entry{
		{Key: "k", Item: store.Item{Value: []byte{}}},
		{Key: "k", Item: store.Item{Value: all, Atime: now}},
		{Key: strings.Repeat("k", store.MaxKeyLen), Item: store.Item{Value: bytes.Repeat(all, 4096), Atime: now, Expires: now.Add(time.Hour)}},
		{Key: "\x01\x7f\u009b\u202e\ufffd\"\\</>&\u2028😀", Item: store.Item{Value: []byte("\t\r\n\"\\\u2028😀\u202e")}},
		{Key: "k", Item: store.Item{Value: []byte("\ufffd")}},
		{Key: "k", Item: store.Item{Value: []byte("\xed\xa0\x80")}}, // half a character
		{Key: "k", Item: store.Item{Value: []byte("v"), Expires: lastTime}},
	} {
		line := appendEntry(nil, &e)
		if bytes.Count(line, []byte("\n")) != 1 || !json.Valid(line) {
			t.Errorf("%.100q is not one line of JSON", line)
		}
		for _, r := range string(line[:len(line)-1]) {
			if hostile(r) {
				t.Errorf("%.100q holds %U", line, r)
			}
		}
		got, end, err := parseLine(line)
		if err != nil || end != nil || got.Key != e.Key || !bytes.Equal(got.Value, e.Value) || got.Value == nil || !got.Atime.Equal(e.Atime) || !got.Expires.Equal(e.Expires) {
			t.Errorf("%.100q became %.100q, %v", e.Key, got.Key, err)
		}
	}
	far := store.Entry{Key: "k", Item: store.Item{Expires: now.AddDate(10_000, 0, 0)}}
	if got, _, err := parseLine(appendEntry(nil, &far)); err != nil || !got.Expires.Equal(lastTime) {
		t.Errorf("%v, %v", got.Expires, err)
	}
}

// TestExportBadLines: what is no entry is refused, and what is in it is not shown.
func TestExportBadLines(t *testing.T) {
	for _, line := range []string{
		"", "{}", "[]", "null", "secret", `{"key":"secret"}`, `{"key":"secret","text":"v","value":"dg=="}`, `{"key":"","text":"v"}`, `{"text":"v"}`,
		`{"key":"sec\u0000ret","text":"v"}`, `{"key":"secret","value":"not base64!"}`, `{"key":"secret","text":7}`, `{"key":"secret","text":"v"`,
		`{"key":"secret","text":"v","atime":"yesterday"}`, `{"key":"secret\ud800","text":"v"}`, `{"key":"secret","text":"\udc00"}`,
		`{"key":"secret","text":"\ud800\u0041"}`, "{\"key\":\"secret\xff\",\"text\":\"v\"}", `{"key":"secret","text":null}`, `{"key":"secret","text":"v"} {}`,
		`{"key":"` + strings.Repeat("secret", 200) + `","text":"v"}`, `{"unreadable":true}`,
	} {
		_, end, err := parseLine([]byte(line))
		if !errors.Is(err, store.ErrCorrupt) || end != nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%.60s: %v", line, err)
		}
	}
	for _, line := range []string{
		`{"key":"k","text":"","x":{"later":[1]}}`, ` { "value" : "" , "key" : "k" } `, `{"key":"k","text":"\ud83d\ude00\\ud800"}`, `{"key":"\u006b","value":"dg=="}`,
	} {
		if e, _, err := parseLine([]byte(line)); err != nil || e.Key != "k" {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// FuzzExportLine: no line makes parseLine panic, and what it takes for an entry is one that comes back from a line of our own.
func FuzzExportLine(f *testing.F) {
	f.Add([]byte(`{"key":"k","text":"v\ud83d\ude00","atime":"2026-11-22T12:00:00Z"}`))
	f.Add([]byte(`{"key":"k","value":"dg==","expires":"2026-11-22T12:00:00.123456789+01:00"}`))
	f.Add([]byte(`{"end":true,"count":1,"sha256":"00"}`))
	f.Add([]byte(`{"unreadable":true}`))
	f.Add([]byte(`{"key":"\ud800","text":"\udfff"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, end, err := parseLine(line)
		if err != nil || end != nil {
			if err != nil && !errors.Is(err, store.ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		if err := store.CheckKey(e.Key); err != nil {
			t.Fatal(err)
		}
		again, _, err := parseLine(appendEntry(nil, &e))
		if err != nil || again.Key != e.Key || !bytes.Equal(again.Value, e.Value) {
			t.Fatalf("%q became %q, %v", e.Key, again.Key, err)
		}
		if e.Atime.Year() > 0 && e.Atime.Before(lastTime) && !again.Atime.Equal(e.Atime) {
			t.Fatalf("%v became %v", e.Atime, again.Atime)
		}
	})
}

// FuzzExportValue: each value comes back.
func FuzzExportValue(f *testing.F) {
	f.Add("k", []byte("v"))
	f.Add("\u202e", []byte("\xff\x00"))
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		if store.CheckKey(key) != nil {
			return
		}
		e, _, err := parseLine(appendEntry(nil, &store.Entry{Key: key, Item: store.Item{Value: value}}))
		if err != nil || e.Key != key || !bytes.Equal(e.Value, value) {
			t.Fatalf("%q, %q: %q, %q, %v", key, value, e.Key, e.Value, err)
		}
	})
}

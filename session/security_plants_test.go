package session_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/larder-go/larder/codec"
)

// hostilePlant is what stands in the store in place of what the manager has written there.
type hostilePlant struct {
	name    string
	entries map[string][]byte
}

func aliasTo(target []byte, grace time.Duration, strict byte) []byte {
	b := append([]byte("LS\x01A"), target...)
	return append(binary.BigEndian.AppendUint64(b, uint64(time.Now().Add(grace).UnixNano())), strict)
}

// sessionRecord is a live session with these bytes for fields, or for what its flags say.
func sessionRecord(rest []byte, flags byte) []byte {
	now := time.Now()
	return timedRecord(now.UnixNano(), now.UnixNano(), now.Add(time.Hour).UnixNano(), int64(time.Hour), rest, flags)
}

func timedRecord(created, seen, deadline, idle int64, rest []byte, flags byte) []byte {
	b := []byte("LS\x01S")
	for _, n := range []int64{created, seen, deadline, idle} {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	return append(append(b, flags), rest...)
}

func text(s string) []byte { return append(binary.AppendUvarint(nil, uint64(len(s))), s...) }

func field(name, value string) []byte { return append(text(name), text(value)...) }

// subjectOf is what a record says of its subject.
func subjectOf(epoch, device, subject string) []byte {
	return append([]byte(epoch+device), text(subject)...)
}

func hostilePlants(id []byte) (plants []hostilePlant) {
	at := recordKey(id)
	key := func(hash []byte) string { return "session:s:" + b64.EncodeToString(hash) }
	subjectKey := func(subject string) string { return "session:u:" + b64.EncodeToString(idHash([]byte(subject))) }
	add := func(name string, entries map[string][]byte) { plants = append(plants, hostilePlant{name, entries}) }
	here := func(name string, value []byte) { add(name, map[string][]byte{at: value}) }

	for name, value := range map[string]string{"nothing": "", "a letter": "L", "a magic": "LS\x01", "a session's head": "LS\x01S", "an alias's head": "LS\x01A", "a key": "LS\x01K" + strings.Repeat("k", 32),
		"a subject": "LS\x01U" + strings.Repeat("e", 16), "another kind": "LS\x01Z", "another version": "LS\x02S" + strings.Repeat("\x00", 64), "a megabyte": strings.Repeat("LS\x01S", 1<<18)} {
		here(name, []byte(value))
	}
	msgpack, _ := codec.NewTagged(codec.MsgPack)
	null, _ := msgpack.Encode(nil)
	tag := string(null[:len(null)-1])
	asJSON, _ := codec.NewTagged(codec.JSON)
	null, _ = asJSON.Encode(nil)
	jsonTag := string(null[:len(null)-4])
	for name, value := range map[string]string{
		"deep lists": tag + strings.Repeat("\x91", 1<<20), "deep maps": tag + strings.Repeat("\x81\xa1a", 1<<19), "a list of 4 billion": tag + "\xdd\xff\xff\xff\xff",
		"a map of 4 billion": tag + "\xdf\xff\xff\xff\xff", "bytes of 4 GB": tag + "\xc6\xff\xff\xff\xff", "an extension of 4 GB": tag + "\xc9\xff\xff\xff\xff\x01", "a million empty lists": tag + "\xdd\x00\x10\x00\x00" + strings.Repeat("\x90", 1<<20),
		"deep JSON": jsonTag + strings.Repeat("[", 1<<20), "a long number": jsonTag + strings.Repeat("9", 1<<20), "no tag": "plain", "an unknown tag": "\xc1\x05hello" + strings.Repeat("x", 100),
	} {
		here("value: "+name, sessionRecord(field("mark", value), 0))
		here("flash: "+name, sessionRecord(field("\x00flash", value), 0))
	}
	var many []byte
	for n := range 200_000 {
		many = append(many, field(fmt.Sprintf("%06d", n), "")...)
	}
	for name, rest := range map[string][]byte{
		"a length of 2⁶²": append(text("mark"), binary.AppendUvarint(nil, 1<<62)...), "a length of 2⁶⁴-1": binary.AppendUvarint(nil, math.MaxUint64), "a length without end": bytes.Repeat([]byte{0xff}, 1000),
		"a long way to write a length": {0x81, 0x00, 'a', 0x01, 'b'}, "200,000 fields": many, "10 MB": field("mark", strings.Repeat("x", 10<<20)),
		"a name twice": append(field("a", "1"), field("a", "2")...), "names out of order": append(field("b", "1"), field("a", "2")...), "a name that is not UTF-8": field("\xff", "1"),
		"a name too long": field(strings.Repeat("a", 256), "1"), "no name": field("", "1"), "hidden names": append(field("\x00", "1"), field("\x00\x00flash", "1")...), "a name without value": text("mark"),
	} {
		here(name, sessionRecord(rest, 0))
	}
	for flags := range 32 {
		here(fmt.Sprintf("flags %d and nothing", flags), sessionRecord(nil, byte(flags)))
		here(fmt.Sprintf("flags %d and zeros", flags), sessionRecord(make([]byte, 200), byte(flags)))
	}
	edges := []int64{math.MinInt64, -1, 0, 1, time.Now().UnixNano(), math.MaxInt64}
	for _, seen := range edges {
		for _, deadline := range edges {
			for _, idle := range []int64{math.MinInt64, 0, 1, int64(time.Hour), math.MaxInt64} {
				here(fmt.Sprintf("seen %d, deadline %d, idle %d", seen, deadline, idle), timedRecord(seen, seen, deadline, idle, nil, byte(uint64(idle)&1)))
			}
		}
	}

	hash := idHash(id)
	for _, strict := range []byte{0, 1, 2} {
		for _, grace := range []time.Duration{-time.Hour, time.Hour, 200 * 365 * 24 * time.Hour} {
			here(fmt.Sprintf("an alias to itself, %v, %d", grace, strict), aliasTo(hash, grace, strict))
			here(fmt.Sprintf("an alias to nowhere, %v, %d", grace, strict), aliasTo(make([]byte, 32), grace, strict))
		}
	}
	here("an alias and more", append(aliasTo(hash, time.Hour, 0), 0))
	here("half an alias", aliasTo(hash, time.Hour, 0)[:20])
	for _, length := range []int{2, 100, 1000} {
		for _, circle := range []bool{true, false} {
			entries, from := map[string][]byte{}, hash
			for range length - 1 {
				to := randomBytes(32)
				entries[key(from)] = aliasTo(to, time.Hour, 0)
				from = to
			}
			entries[key(from)] = aliasTo(hash, time.Hour, 0)
			if !circle {
				entries[key(from)] = sessionRecord(nil, 0)
			}
			add(fmt.Sprintf("%d aliases, in a circle: %v", length, circle), entries)
		}
	}
	other := randomBytes(32)
	add("provisional, from itself", map[string][]byte{at: sessionRecord(hash, 2)})
	add("provisional, from an alias to another", map[string][]byte{at: sessionRecord(other, 2), key(other): aliasTo(make([]byte, 32), time.Hour, 0)})
	add("provisional, from a session", map[string][]byte{at: sessionRecord(other, 2), key(other): sessionRecord(nil, 0)})
	add("two that are provisional from each other", map[string][]byte{at: sessionRecord(other, 2), key(other): sessionRecord(hash, 2)})

	alice := sessionRecord(subjectOf(strings.Repeat("e", 16), strings.Repeat("d", 12), "alice"), 4|8)
	head := "LS\x01U" + strings.Repeat("e", 16)
	listed := strings.Repeat("d", 12) + strings.Repeat("\x7f", 24)
	for name, entry := range map[string]string{
		"nothing": "", "an epoch": head, "half an epoch": head[:10], "a session": string(sessionRecord(nil, 0)), "an alias": string(aliasTo(hash, time.Hour, 0)), "a megabyte": strings.Repeat("U", 1<<20),
		"a device without end": head + listed, "a label of 2⁶² bytes": head + listed + string(binary.AppendUvarint(nil, 1<<62)), "a megabyte of label": head + listed + string(text(strings.Repeat("l", 1<<20))),
		"20,000 devices": head + strings.Repeat(listed+"\x00", 20_000), "another epoch": "LS\x01U" + strings.Repeat("f", 16) + listed + "\x00",
	} {
		add("subject: "+name, map[string][]byte{at: alice, subjectKey("alice"): []byte(entry)})
	}
	add("a subject of a megabyte", map[string][]byte{at: sessionRecord(subjectOf(strings.Repeat("e", 16), strings.Repeat("d", 12), strings.Repeat("s", 1<<20)), 4)})
	return plants
}

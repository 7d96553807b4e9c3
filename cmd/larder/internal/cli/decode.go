package cli

import (
	"encoding/json"
	"time"
	"unicode/utf8"

	"github.com/larder-go/larder/codec"
	"github.com/larder-go/larder/session"
)

// The formats in which values stand in stores, as get --decode names them. Those of package session are "session" and the name of the kind.
const (
	formatJSON    = "json"
	formatMsgPack = "msgpack"
	formatText    = "text"
	formatBytes   = "bytes"
	formatTagged  = "tagged " // by package codec, before the codec's name
)

// decode finds out what a value is, and writes it as JSON into v. It returns the name of its format.
//
// A value may be several things: "MA" is the number 65 as codec.Typed keeps it, and a word. What the more specific format would make
// of chance is taken for the plainer one.
func (v *viewer) decode(data []byte) (format string) {
	if session.IsKey(data) { // also a damaged one
		v.redacted()
		return "session " + session.KindKey.String()
	}
	if stored, ok := session.ReadStored(data); ok {
		v.stored(stored)
		return "session " + stored.Kind.String()
	}
	if format, ok := v.tagged(data); ok {
		return format
	}
	return v.plain(data)
}

// tagged writes what package codec has put a tag in front of.
func (v *viewer) tagged(data []byte) (format string, ok bool) {
	if len(data) < 2 {
		return "", false
	}
	switch rest := data[1:]; data[0] {
	case 'M':
		if len(rest) == 1 && rest[0] < utf8.RuneSelf && isText(rest) {
			return "", false // a word of two letters, more likely than a small number
		}
		return formatTagged + formatMsgPack, v.msgPack(rest)
	case 'J':
		return formatTagged + formatJSON, v.json(rest, 0)
	case 'C':
		n := int(rest[0])
		if n == 0 || n > 32 || n > len(rest)-1 || !isCodecName(rest[1:1+n]) {
			return "", false
		}
		v.plain(rest[1+n:])
		return formatTagged + string(rest[1:1+n]), true
	}
	return "", false
}

func isCodecName(name []byte) bool {
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return true
}

// plain writes a value that says nothing of its format.
func (v *viewer) plain(data []byte) (format string) {
	switch {
	case len(data) == 0:
		v.text("")
		return formatText
	case v.json(data, 0):
		return formatJSON
	case isText(data):
		v.text(string(data))
		return formatText
	// Each byte is a value of MessagePack, of one kind or another: only what has a length that fits is taken for one.
	case len(data) > 1 && v.msgPack(data):
		return formatMsgPack
	}
	v.marked("$bytes", data)
	return formatBytes
}

// isText reports whether somebody could have written this as a text.
func isText(data []byte) bool {
	if !utf8.Valid(data) {
		return false
	}
	for _, c := range data {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// msgPack decodes by package codec, which has looked through all of it before it takes memory for any, and takes a bounded amount.
func (v *viewer) msgPack(data []byte) bool {
	var x any
	if codec.MsgPack.Decode(data, &x) != nil {
		return false
	}
	v.value(x, 0)
	return true
}

// storedSession and its like are what get --decode shows of the entries of package session.
type storedSession struct {
	Subject     string          `json:"subject"` // "": nobody is logged in
	Created     time.Time       `json:"created"`
	LastSeen    time.Time       `json:"last_seen"`
	Ends        time.Time       `json:"ends"`     // if it is not used again
	Deadline    time.Time       `json:"deadline"` // however much it is used
	Idle        float64         `json:"idle"`     // seconds
	Remembered  bool            `json:"remembered"`
	Provisional bool            `json:"provisional"`
	Device      string          `json:"device"`
	Fields      json.RawMessage `json:"fields"`
	Flashes     json.RawMessage `json:"flashes"`
}

type storedAlias struct {
	Target string    `json:"target"` // of the new session's key, the end, shortened
	Until  time.Time `json:"until"`
	Strict bool      `json:"strict"`
	Used   bool      `json:"used"`
}

type storedSubject struct {
	Devices []storedDevice `json:"devices"`
}

type storedDevice struct {
	ID       string    `json:"id"`
	Label    string    `json:"label"`
	Created  time.Time `json:"created"`
	LastSeen time.Time `json:"last_seen"`
	Ends     time.Time `json:"ends"`
}

func (v *viewer) stored(s *session.Stored) {
	switch s.Kind {
	case session.KindSession:
		fields, flashes := v.fields(s)
		v.object(storedSession{s.Subject, s.Created.UTC(), s.LastSeen.UTC(), s.Ends.UTC(), s.Deadline.UTC(), s.Idle.Seconds(),
			s.Remembered, s.Provisional, s.Device, fields, flashes})
	case session.KindAlias:
		v.object(storedAlias{shorten(s.Target), s.Until.UTC(), s.Strict, s.Used})
	case session.KindSubject:
		devices := storedSubject{[]storedDevice{}}
		for _, d := range s.Devices {
			devices.Devices = append(devices.Devices, storedDevice{d.ID, d.Label, d.Created.UTC(), d.LastSeen.UTC(), d.Expires.UTC()})
		}
		v.object(devices)
	default:
		v.redacted()
	}
}

// fields writes the fields of a session, and the messages that wait, each decoded by the codec that it names.
func (v *viewer) fields(s *session.Stored) (fields, flashes json.RawMessage) {
	inner := &viewer{fence: v.fence}
	one := func(data []byte) {
		if _, ok := inner.tagged(data); !ok {
			inner.plain(data)
		}
	}
	inner.out.WriteByte('{')
	for i, f := range s.Fields {
		inner.name(i, f.Name)
		if inner.fence.hides(f.Name) {
			inner.redacted()
		} else {
			one(f.Value)
		}
	}
	inner.out.WriteByte('}')
	end := inner.out.Len()
	inner.out.WriteString("[]")
	if s.Flashes != nil {
		inner.out.Truncate(end)
		one(s.Flashes)
	}
	v.hidden += inner.hidden
	return inner.out.Bytes()[:end], inner.out.Bytes()[end:]
}

package session

import (
	"encoding/binary"
	"errors"
	"time"
)

// What the manager keeps in the store. All integers are big-endian, times are nanoseconds since 1970 in UTC, lengths are
// unsigned varints. Every record begins with
//
//	offset  size  field
//	0       2     "LS"
//	2       1     format version, 1
//	3       1     kind: 'S' session, 'A' alias, 'U' subject, 'K' MAC key
//
// and goes on, for a session, with
//
//	4       8     created: time of the login, or else of the first save
//	12      8     last seen, at most the manager's slack behind the last use
//	20      8     deadline, the absolute end
//	28      8     idle time-out
//	36      1     flags: 1 remembered, 2 provisional, 4 has a subject, 8 stands in the subject's list
//	37      32    where provisional: SHA-256 of the id that it was renewed from
//	then, where it has a subject: 16 epoch, 12 device, length and bytes of the subject
//	then          the fields, to the end: length, name, length, value; sorted by name
//
// for an alias, which stands where the id of a renewed session was, with
//
//	4       32    SHA-256 of the new id
//	36      8     end of the grace
//	44      1     flags: 1 strict, never followed; 2 used: some client had this id, before it was renewed
//
// for a subject with
//
//	4       16    epoch, random
//	then, for each listed session: 12 device, 8 created, 8 last seen, 8 end, length and bytes of the label
//
// and for a MAC key with its 32 bytes. Nothing may follow. There is no checksum: that is the store's affair.
const (
	magic       = "LS\x01"
	kindSession = 'S'
	kindAlias   = 'A'
	kindSubject = 'U'
	kindKey     = 'K'

	flagRemembered  = 1
	flagProvisional = 2
	flagSubject     = 4
	flagListed      = 8

	aliasStrict = 1
	aliasUsed   = 2
)

type (
	hash   [32]byte // SHA-256 of an id: what the store knows of it
	epoch  [16]byte
	device [12]byte
)

// errRecord says that what stands in the store is no record of ours. It shows nothing of it.
var errRecord = errors.New("the record cannot be read")

// record is a session as it stands in the store.
type record struct {
	created, seen, deadline time.Time
	idle                    time.Duration
	remembered              bool
	provisional             bool // nobody has used this id yet: it counts only while from is an alias to it
	from                    hash
	subject                 string
	epoch                   epoch
	device                  device
	listed                  bool
	fields                  fields
}

// alias stands where the record of a renewed session stood.
type alias struct {
	target hash
	grace  time.Time
	strict bool // the new session has another subject: whoever knows the old id must not reach it
	used   bool // a client had this id: whoever comes with one from before is late
}

func appendTime(b []byte, t time.Time) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(t.UnixNano()))
}

func appendText[T ~string | ~[]byte](b []byte, text T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

func (r *record) encode() []byte {
	b := make([]byte, 0, 128+len(r.subject)+len(r.fields))
	b = append(append(b, magic...), kindSession)
	b = appendTime(appendTime(appendTime(b, r.created), r.seen), r.deadline)
	b = binary.BigEndian.AppendUint64(b, uint64(r.idle))
	var flags byte
	if r.remembered {
		flags |= flagRemembered
	}
	if r.provisional {
		flags |= flagProvisional
	}
	if r.subject != "" {
		flags |= flagSubject
	}
	if r.listed {
		flags |= flagListed
	}
	b = append(b, flags)
	if r.provisional {
		b = append(b, r.from[:]...)
	}
	if r.subject != "" {
		b = append(append(b, r.epoch[:]...), r.device[:]...)
		b = appendText(b, r.subject)
	}
	return append(b, r.fields...)
}

func (a *alias) encode() []byte {
	b := make([]byte, 0, 45)
	b = append(append(b, magic...), kindAlias)
	b = appendTime(append(b, a.target[:]...), a.grace)
	var flags byte
	if a.strict {
		flags |= aliasStrict
	}
	if a.used {
		flags |= aliasUsed
	}
	return append(b, flags)
}

// reader takes a record apart. After a failure everything it reads is empty, so callers look at bad once.
type reader struct {
	rest []byte
	bad  bool
}

func read(data []byte, kind byte) reader {
	if len(data) < 4 || string(data[:3]) != magic || data[3] != kind {
		return reader{bad: true}
	}
	return reader{rest: data[4:]}
}

func (r *reader) take(n int) []byte {
	if r.bad || n > len(r.rest) {
		r.bad, r.rest = true, nil
		return nil
	}
	taken := r.rest[:n:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) int64() int64 {
	if b := r.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (r *reader) time() time.Time { return time.Unix(0, r.int64()) }

func (r *reader) text() []byte {
	n, size := binary.Uvarint(r.rest)
	if r.bad || size <= 0 || n > uint64(len(r.rest)-size) || size > 1 && n>>(7*(size-1)) == 0 { // the last: written longer than need be
		r.bad, r.rest = true, nil
		return nil
	}
	r.take(size)
	return r.take(int(n))
}

// isAlias tells the two kinds apart that may stand under a hash.
func isAlias(data []byte) bool { return len(data) > 3 && data[3] == kindAlias }

// decodeRecord reads a session. Its fields stay part of data.
func decodeRecord(data []byte) (record, error) {
	in := read(data, kindSession)
	r := record{created: in.time(), seen: in.time(), deadline: in.time(), idle: time.Duration(in.int64())}
	flags := in.byte()
	r.remembered, r.provisional, r.listed = flags&flagRemembered != 0, flags&flagProvisional != 0, flags&flagListed != 0
	if r.provisional {
		copy(r.from[:], in.take(len(r.from)))
	}
	if flags&flagSubject != 0 {
		copy(r.epoch[:], in.take(len(r.epoch)))
		copy(r.device[:], in.take(len(r.device)))
		r.subject = string(in.text())
		in.bad = in.bad || r.subject == ""
	}
	r.fields = fields(in.rest)
	if in.bad || flags > 15 || flags&(flagListed|flagSubject) == flagListed || r.idle <= 0 || !r.fields.valid() {
		return record{}, errRecord
	}
	return r, nil
}

func decodeAlias(data []byte) (alias, error) {
	in := read(data, kindAlias)
	var a alias
	copy(a.target[:], in.take(len(a.target)))
	a.grace = in.time()
	flags := in.byte()
	a.strict, a.used = flags&aliasStrict != 0, flags&aliasUsed != 0
	if in.bad || len(in.rest) > 0 || flags > aliasStrict|aliasUsed {
		return alias{}, errRecord
	}
	return a, nil
}

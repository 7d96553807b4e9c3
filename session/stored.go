package session

import (
	"bytes"
	"time"

	"github.com/larder-go/larder/store"
)

// Kind is what kind of entry a [Stored] is.
type Kind byte

// The kinds of entries that a [Manager] keeps in a store.
const (
	KindSession Kind = kindSession
	KindAlias   Kind = kindAlias   // stands where a session was until its id was renewed
	KindSubject Kind = kindSubject // without it, no session of the subject counts
	KindKey     Kind = kindKey     // the key that signs tokens
)

// String returns "session", "alias", "subject" or "key".
func (k Kind) String() string {
	switch k {
	case KindSession:
		return "session"
	case KindAlias:
		return "alias"
	case KindSubject:
		return "subject"
	case KindKey:
		return "key"
	}
	return "unknown"
}

// Stored is what one of the entries of a [Manager] says, for operators who look into a store. It never holds a key, an id, or what would let
// anybody in. Only what its Kind has is set.
type Stored struct {
	Kind Kind

	// Of a session.
	Subject     string    // who is logged in; "": nobody
	Created     time.Time // of the login, or else of the first save
	LastSeen    time.Time // the last use may be up to TouchAfter later
	Ends        time.Time // if it is not used again; as recorded, so up to TouchAfter too early
	Deadline    time.Time // its absolute end
	Idle        time.Duration
	Remembered  bool
	Provisional bool    // nobody has come with this id yet: its session was renewed
	Device      string  // Device.ID, where it stands on its subject's list
	Fields      []Field // by name
	Flashes     []byte  // the messages that wait, encoded as a field; nil: none

	// Of an alias.
	Target string    // what the key of the new session ends with
	Until  time.Time // end of the grace
	Strict bool      // it is not followed: somebody else is logged in by now
	Used   bool      // some client had this id

	// Of a subject: its live sessions, the one that was seen last first.
	Devices []Device
}

// Field is a field of a session: its value as Options.Codec has encoded it, behind the tag by which [codec.Tagged] knows the codec.
type Field struct {
	Name  string
	Value []byte
}

// IsKey reports whether value begins as the entry of a MAC key does: it must not be shown, even where it is damaged.
func IsKey(value []byte) bool { return bytes.HasPrefix(value, []byte(magic+string(rune(kindKey)))) }

// ReadStored reads the value of an entry that a [Manager] has stored. It returns false for what is none, or is damaged.
func ReadStored(value []byte) (*Stored, bool) {
	if len(value) <= len(magic) {
		return nil, false
	}
	s := &Stored{Kind: Kind(value[len(magic)])}
	switch s.Kind {
	case KindSession:
		r, err := decodeRecord(value)
		if err != nil {
			return nil, false
		}
		s.session(&r)
	case KindAlias:
		a, err := decodeAlias(value)
		if err != nil {
			return nil, false
		}
		s.Target, s.Until, s.Strict, s.Used = b64.EncodeToString(a.target[:]), a.grace, a.strict, a.used
	case KindSubject:
		e, err := decodeSubject(&store.Item{Value: value})
		if err != nil {
			return nil, false
		}
		s.Devices = e.devices(time.Now())
	case KindKey:
		if in := read(value, kindKey); in.take(minKey) == nil || len(in.rest) > 0 {
			return nil, false
		}
	default:
		return nil, false
	}
	return s, true
}

func (s *Stored) session(r *record) {
	s.Subject, s.Created, s.LastSeen, s.Deadline, s.Idle = r.subject, r.created, r.seen, r.deadline, r.idle
	s.Remembered, s.Provisional = r.remembered, r.provisional
	if s.Ends = r.deadline; r.seen.Add(r.idle).Before(r.deadline) {
		s.Ends = r.seen.Add(r.idle)
	}
	if r.listed {
		s.Device = r.device.String()
	}
	for name, value := range r.fields.all() {
		if name := string(name); name == flashField {
			s.Flashes = value
		} else {
			s.Fields = append(s.Fields, Field{name, value})
		}
	}
}

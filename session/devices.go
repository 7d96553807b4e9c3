package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/larder-go/larder/store"
)

// Device is one session on its subject's list.
type Device struct {
	ID       string    // for [Manager.Revoke]; not secret, and it does not open the session
	Label    string    // from Options.Label; by default the User-Agent, which the client chooses: escape it in HTML
	Created  time.Time // time of the login
	LastSeen time.Time // the last use may be up to TouchAfter later
	Expires  time.Time // when it ends, at the latest, if it is not used again
}

// Sessions returns the live sessions of a subject, the one that was seen last first. It fails unless Options.Devices is set, and does not
// know of sessions that began before it was set.
func (m *Manager) Sessions(ctx context.Context, subject string) ([]Device, error) {
	if !m.o.Devices {
		return nil, errors.New("session: sessions: Options.Devices is not set")
	}
	item, err := store.Load(ctx, m.s, m.subjectKey(subject))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, store.Wrap("session", "sessions", err)
	}
	entry, err := decodeSubject(item)
	if err != nil {
		return nil, store.Wrap("session", "sessions", errors.Join(err, store.ErrCorrupt))
	}
	return entry.devices(time.Now()), nil
}

// Revoke ends one session of a subject, by its Device.ID. It is no error if that is not on the list. An empty subject is one; see
// [Manager.RevokeAll].
func (m *Manager) Revoke(ctx context.Context, subject, deviceID string) error {
	if subject == "" {
		return fmt.Errorf("session: revoke: %w", errNobody)
	}
	var d device
	if n, err := b64.Decode(d[:], []byte(cut(deviceID, 16))); err != nil || n != len(d) || len(deviceID) != 16 {
		return nil
	}
	ctx, cancel := m.saving(ctx)
	defer cancel()
	return store.Wrap("session", "revoke", m.unlist(ctx, subject, d))
}

func (d device) String() string { return b64.EncodeToString(d[:]) }

// subjectEntry is what stands in the store under a subject. A session that says it is listed and is not has been signed out: that is all
// that Revoke and MaxSessions do, in one step with the list.
type subjectEntry struct {
	epoch   epoch
	expires time.Time // the latest deadline of its sessions
	list    []listed
}

type listed struct {
	device             device
	created, seen, end time.Time // seen is up to TouchAfter behind what stands in the session
	label              string
}

func (e *subjectEntry) index(d device) int {
	return slices.IndexFunc(e.list, func(l listed) bool { return l.device == d })
}

// take takes a device off the list, and returns it, or nil.
func (e *subjectEntry) take(d device) (taken []listed) {
	if n := e.index(d); n >= 0 {
		taken = []listed{e.list[n]}
		e.list = slices.Delete(e.list, n, n+1)
	}
	return taken
}

// listEnd is the latest end of a session that the list has seen at r.seen: whatever is taken off the list sooner would be signed out.
func (m *Manager) listEnd(r *record) time.Time {
	later := *r
	later.seen = r.seen.Add(m.o.TouchAfter)
	return m.end(&later)
}

// live returns those that have not ended by themselves.
func (e *subjectEntry) live(now time.Time) (list []listed) {
	for _, l := range e.list {
		if now.Before(l.end) {
			list = append(list, l)
		}
	}
	return list
}

// cap drops those that were unseen for longest, until n are left. One stays in any case.
func (e *subjectEntry) cap(n int, stays device) {
	for n > 0 && len(e.list) > n {
		oldest := -1
		for i, l := range e.list {
			if l.device == stays {
				break
			}
			if oldest < 0 || l.seen.Before(e.list[oldest].seen) {
				oldest = i
			}
		}
		if oldest < 0 {
			return
		}
		e.list = slices.Delete(e.list, oldest, oldest+1)
	}
}

func (e *subjectEntry) encode() []byte {
	b := append(append(make([]byte, 0, 64+128*len(e.list)), magic...), kindSubject)
	b = append(b, e.epoch[:]...)
	for _, l := range e.list {
		b = append(b, l.device[:]...)
		b = appendTime(appendTime(appendTime(b, l.created), l.seen), l.end)
		b = appendText(b, l.label)
	}
	return b
}

// listed reads one entry of the list. Its label is apart, as a part of the record.
func (r *reader) listed() (l listed, label []byte) {
	copy(l.device[:], r.take(len(l.device)))
	l.created, l.seen, l.end = r.time(), r.time(), r.time()
	return l, r.text()
}

func decodeSubject(item *store.Item) (*subjectEntry, error) {
	in := read(item.Value, kindSubject)
	e := &subjectEntry{expires: item.Expires}
	copy(e.epoch[:], in.take(len(e.epoch)))
	for len(in.rest) > 0 {
		l, label := in.listed()
		l.label = string(label)
		e.list = append(e.list, l)
	}
	if in.bad {
		return nil, errRecord
	}
	return e, nil
}

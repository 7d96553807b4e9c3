package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/larder-go/larder/store"
)

// Operator acts on the sessions of a subject from outside the programs that have them: from a shell, as the command larder does, or a job.
// It needs none of their options but the Prefix, draws no key, and puts nothing into the store, as [New] may.
type Operator struct {
	Store  store.Store
	Prefix string // Options.Prefix of those programs; "": the default
}

// Sessions returns the live sessions on the list of a subject, the one that was seen last first, and [store.ErrNotFound] where the store knows
// nothing of the subject: nobody of that name is logged in. The list is empty where the programs keep none, see Options.Devices. It is
// no use of the subject's entry, unless the store cannot look without.
func (o Operator) Sessions(ctx context.Context, subject string) ([]Device, error) {
	m, err := o.manager(subject)
	if err != nil {
		return nil, fmt.Errorf("session: sessions: %w", err)
	}
	key := m.subjectKey(subject)
	item, err := store.Peek(ctx, o.Store, key)
	if errors.Is(err, errors.ErrUnsupported) {
		item = new(store.Item)
		item.Value, err = o.Store.Get(ctx, key)
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil, store.ErrNotFound
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

// RevokeAll is [Manager.RevokeAll]: it ends all sessions of the subject, listed or not, from their next request on.
func (o Operator) RevokeAll(ctx context.Context, subject string) error {
	m, err := o.manager(subject)
	if err != nil {
		return fmt.Errorf("session: revoke all: %w", err)
	}
	return store.Wrap("session", "revoke all", o.Store.Delete(ctx, m.subjectKey(subject)))
}

// manager knows where things stand, and can do nothing else.
func (o Operator) manager(subject string) (*Manager, error) {
	opts, err := (&Options{Prefix: o.Prefix}).withDefaults()
	switch {
	case err != nil:
		return nil, err
	case o.Store == nil:
		return nil, errors.New("there is no store")
	case subject == "":
		return nil, errNobody
	}
	return &Manager{o: opts}, nil
}

// devices returns what is told of the sessions on the list.
func (e *subjectEntry) devices(now time.Time) (devices []Device) {
	for _, l := range e.live(now) {
		devices = append(devices, Device{ID: l.device.String(), Label: l.label, Created: l.created, LastSeen: l.seen, Expires: l.end})
	}
	slices.SortStableFunc(devices, func(a, b Device) int { return b.LastSeen.Compare(a.LastSeen) })
	return devices
}

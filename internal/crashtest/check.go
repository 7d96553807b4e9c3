package crashtest

import (
	"context"
	"errors"
	"os"
	"runtime/debug"
	"time"

	"github.com/larder-go/larder/store"
)

// check opens the store in dir, as the next process would, and holds every key against the account. It ends quietly in
// findings; a panic of the store is one too, for a file with pages missing makes some stores panic.
func (m *model) check(ctx context.Context, s *Subject, dir string, cut bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			m.find(Broken, nil, "the store panicked when it was opened again: %v", p)
		}
	}()
	if s.Verify != nil {
		if err := s.Verify(dir); err != nil {
			m.find(Broken, nil, "structure: %v", err)
			return
		}
	}
	o, err := s.Open(dir)
	if err != nil {
		m.find(Broken, nil, "open: %v", err)
		return
	}
	live := m.look(ctx, o, cut)
	m.list(ctx, o, live)
	if s.Temps != nil {
		m.temps(ctx, s, o, dir, cut)
	}
	if err := o.Close(); err != nil {
		m.find(Broken, nil, "close: %v", err)
	}
}

// look judges every key and returns those that are there and stay.
func (m *model) look(ctx context.Context, o Opened, cut bool) map[string]bool {
	live := make(map[string]bool)
	for _, e := range m.entries {
		m.report.Checked++
		s := seen{before: time.Now()}
		item, err := o.Peek(ctx, e.key)
		s.after = time.Now()
		switch {
		case errors.Is(err, store.ErrNotFound):
		case errors.Is(err, store.ErrCorrupt):
			m.find(Torn, e, "%v", err)
			continue
		case err != nil:
			m.find(Broken, e, "%v", err)
			continue
		default:
			s.present = true
			if s.value, err = decode(e.key, item.Value); err != nil {
				m.find(Torn, e, "%d bytes: %v", len(item.Value), err)
				continue
			}
			if !item.Expires.IsZero() {
				s.expires = item.Expires.UnixNano()
			}
			live[e.key] = s.expires == 0 || s.expires > time.Now().Add(time.Minute).UnixNano()
		}
		m.judge(e, s, cut)
	}
	return live
}

// list holds the listing against what was found key by key: orders and folders must agree with the entries.
func (m *model) list(ctx context.Context, o Opened, live map[string]bool) {
	for info, err := range o.List(ctx, "") {
		if err != nil {
			m.find(Broken, nil, "list: %v", err)
			return
		}
		if _, ok := live[info.Key]; !ok {
			m.find(Ghost, nil, "the list shows an entry that Peek does not: %.12q", info.Key)
		}
		delete(live, info.Key)
	}
	for key, stays := range live {
		if stays {
			m.find(Lost, nil, "the list lacks an entry that Peek shows: %.12q", key)
		}
	}
}

// temps counts what the killed writers left, makes it old, and wants a cleanup to remove it. What is young a cleanup must
// leave alone: a writer may still be at work on it.
func (m *model) temps(ctx context.Context, s *Subject, o Opened, dir string, cut bool) {
	killed := m.killed
	m.killed = 0
	names, err := s.Temps(dir)
	if err != nil {
		m.find(Broken, nil, "looking for temporary files: %v", err)
		return
	}
	if len(names) == 0 {
		return
	}
	// A cut also brings back what was removed and not synced, as it may with a temporary file.
	if most := killed * max(s.TempsPerWorker, 1); len(names) > most && !cut {
		m.find(Litter, nil, "%d temporary files after %d workers were killed", len(names), killed)
	}
	m.report.Temps += len(names)
	young := 0
	for _, name := range names {
		if info, err := os.Stat(name); err == nil && time.Since(info.ModTime()) < time.Minute {
			young++
		}
	}
	if left, err := m.cleaned(ctx, s, o, dir); err != nil || left < young {
		m.find(Litter, nil, "of %d young temporary files a cleanup left %d (%v)", young, left, err)
		return
	}
	for _, name := range names {
		old := time.Now().Add(-3 * time.Hour)
		if err := os.Chtimes(name, old, old); err != nil && !errors.Is(err, os.ErrNotExist) {
			m.find(Litter, nil, "%v", err)
		}
	}
	if left, err := m.cleaned(ctx, s, o, dir); err != nil || left > 0 {
		m.find(Litter, nil, "a cleanup left %d old temporary files (%v)", left, err)
	}
}

// cleaned cleans up, which removes nothing of the keys that are there, and counts the temporary files that are left.
func (m *model) cleaned(ctx context.Context, s *Subject, o Opened, dir string) (int, error) {
	if _, err := o.Cleanup(ctx, 0); err != nil {
		return 0, err
	}
	names, err := s.Temps(dir)
	return len(names), err
}

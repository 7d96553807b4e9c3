package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
	"github.com/spf13/cobra"
)

type signOutFlags struct{ subject, prefix string }

// signOutResult is what rm --subject prints with --json.
type signOutResult struct {
	Subject string         `json:"subject"`
	Devices []storedDevice `json:"devices"` // its sessions that are listed; null: they cannot be read, or the program keeps no list
	DryRun  bool           `json:"dry_run"`
}

func (a *app) signOut(c *cobra.Command, f *signOutFlags, dryRun bool) error {
	if f.subject == "" {
		return usage("name the user, as the program calls him in Session.SetSubject", "--subject is empty")
	}
	if f.prefix == "" || len(f.prefix) > 512 || store.CheckKey(f.prefix) != nil {
		return usage("leave it out for the default", "--prefix must be UTF-8 of 1 to 512 bytes without NUL")
	}
	return a.withStore(c, false, func(ctx context.Context, s store.Closer) error {
		return a.signOutOf(ctx, session.Operator{Store: s, Prefix: f.prefix}, f, dryRun)
	})
}

func (a *app) signOutOf(ctx context.Context, o session.Operator, f *signOutFlags, dryRun bool) error {
	devices, err := o.Sessions(ctx, f.subject)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return &failure{exitNoKey, errors.New("no session of this subject is in the store"),
			fmt.Sprintf("is it spelt as the program does? its session.Options.Prefix may be another than %q: "+
				"--prefix names it (larder-demo: of larder demo)", f.prefix)}
	case err != nil && !errors.Is(err, store.ErrCorrupt): // what cannot be read can be removed
		return err
	}
	if !dryRun {
		if err := o.RevokeAll(ctx, f.subject); err != nil {
			return err
		}
	}
	r := signOutResult{Subject: f.subject, DryRun: dryRun}
	for _, d := range devices {
		r.Devices = append(r.Devices, storedDevice{d.ID, d.Label, d.Created.UTC(), d.LastSeen.UTC(), d.Expires.UTC()})
	}
	return a.summary(r, r.text(time.Now()))
}

func (r *signOutResult) text(now time.Time) string {
	text := "signed " + quoteUnlessPlain(r.Subject) + " out everywhere"
	if r.DryRun {
		text = "would sign " + quoteUnlessPlain(r.Subject) + " out everywhere"
	}
	if len(r.Devices) == 0 {
		return text + "; the store has no list of the sessions, so how many they are is not known"
	}
	text += ": " + count(len(r.Devices), "session", "sessions")
	for _, d := range r.Devices {
		text += fmt.Sprintf("\n  %s, last seen %s ago", quoteUnlessPlain(d.Label), age(max(now.Sub(d.LastSeen), 0).Truncate(time.Second)))
	}
	return text
}

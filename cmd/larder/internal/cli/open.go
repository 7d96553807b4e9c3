package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/larder-go/larder/internal/traits"
	"github.com/larder-go/larder/store"
)

// Where the store's URL comes from, in this order.
const (
	storeFlag    = "store"
	envStore     = "LARDER_STORE"
	envStoreFile = "LARDER_STORE_FILE"
	defaultStore = "file:./larder-data"

	storeAnnotation = "store" // of a command whose default is another
	noStore         = "none"  // and of one that takes its stores from its arguments
)

// storeURL finds the URL and says where it found it, for messages. An empty --store is an error: it is a variable of a script that
// is not set, and falling back to another store would be worse. An empty LARDER_STORE counts as not set, as is the custom.
func (a *app) storeURL(flagGiven bool) (rawURL, from string, err error) {
	if flagGiven {
		if a.url == "" {
			return "", "", usage("name the store, as in --store file:./larder-data", "--store is empty")
		}
		return a.url, "--store", nil
	}
	if rawURL := a.env(envStore); rawURL != "" {
		return rawURL, envStore, nil
	}
	path := a.env(envStoreFile)
	if path == "" {
		return a.fallback, "the default", nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", "", usage("it names a file that holds the store's URL", "%s: %w", envStoreFile, err)
	}
	rawURL = strings.TrimSpace(string(content))
	if rawURL == "" || strings.ContainsAny(rawURL, "\r\n") {
		return "", "", usage("write the store's URL into it, and nothing else", "%s: the file %q must hold one line", envStoreFile, path)
	}
	return rawURL, envStoreFile, nil
}

// open opens the store that flag and environment name. Without create, a folder or file that is not there is not
// made: a cleanup with a misspelt path must not report that all is clean.
func (a *app) open(ctx context.Context, flagGiven, create bool) (store.Closer, error) {
	rawURL, from, err := a.storeURL(flagGiven)
	if err != nil {
		return nil, err
	}
	return a.openURL(ctx, rawURL, from, create)
}

// openURL opens the store that rawURL names; from says where that comes from, for messages.
func (a *app) openURL(ctx context.Context, rawURL, from string, create bool) (store.Closer, error) {
	a.secret, a.from = rawURL, from
	// The openers stand behind Mux, which alone knows how a URL is read.
	checked := make(store.Mux, len(a.mux))
	for scheme, open := range a.mux {
		checked[scheme] = func(ctx context.Context, u *url.URL) (store.Closer, error) {
			shown := store.Redact(rawURL)
			if strings.HasPrefix(rawURL, handoverScheme+":") {
				shown = store.Redact(u.String()) // of the two that it names, one
			}
			if err := checkPath(u, create, fmt.Sprintf("%s (%s)", shown, from)); err != nil {
				return nil, err
			}
			a.expiry = store.NewParams(u).Expiry() // what is wrong with it, the opener says
			a.backend, _ = traits.Find(u.Scheme)
			return open(ctx, u)
		}
	}
	if _, ok := a.mux[handoverScheme]; ok {
		checked[handoverScheme] = a.handoverOpener(checked)
	}
	if _, ok := a.mux[shardScheme]; ok {
		checked[shardScheme] = a.shardOpener(create)
	}
	s, err := checked.Open(ctx, rawURL)
	f := explainOpen(err)
	if a.backend.Scheme == "redis" && errors.Is(err, store.ErrUnavailable) && !errors.Is(err, syscall.ECONNREFUSED) {
		// A server without TLS waits for the end of what it takes for a command, and one with TLS hangs up: neither says why.
		f.hint += "; rediss: is with TLS and redis: without"
	}
	if f != nil && f.hint == "" {
		f.hint = fmt.Sprintf("the URL comes from %s; file:./larder-data and redis://host are examples", from)
	}
	if f != nil {
		return nil, f
	}
	return s, nil
}

// explainOpen leaves the hint empty where the URL may be at fault.
func explainOpen(err error) *failure {
	if err == nil {
		return nil
	}
	f := explain(err)
	var postgres *pgconn.PgError
	switch {
	case errors.As(err, &postgres) && slices.Contains([]string{"3D000", "28000", "28P01"}, postgres.Code), // no such database, not let in
		strings.Contains(err.Error(), "WRONGPASS"), strings.Contains(err.Error(), "NOAUTH"):
		return &failure{f.code, err, "the server is there: look at user, password and database in the store's URL"}
	case errors.Is(err, store.ErrInvalidURL):
		return &failure{exitUsage, err, ""}
	case f.hint == adviceOfLastResort || errors.Is(err, errors.ErrUnsupported):
		return &failure{f.code, err, ""}
	}
	return f
}

package store

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Opener opens the store that u names, with all that u's parameters say, and refuses parameters that it does not know.
// The host of u may be a list with commas, see [Mux.Open].
type Opener func(ctx context.Context, u *url.URL) (Closer, error)

// Mux opens stores by URL. It maps schemes to openers, and is a value built in sight: nothing registers itself.
//
//	store.Mux{"map": store.OpenMap, "file": diskstore.OpenURL}
type Mux map[string]Opener

// Open opens the store that rawURL names.
//
// What has no scheme is a path, and means "file:"; so does a Windows drive. A list of hosts, "memcached://h1,[::1]:2",
// which package url refuses, reaches the opener as URL.Host. The parameter x-prefix is settled here for every
// backend: the store is seen through [Prefix]. No error shows a password.
func (m Mux) Open(ctx context.Context, rawURL string) (Closer, error) {
	u, err := parseURL(rawURL)
	if err != nil {
		return nil, Wrap("store", "open", err)
	}
	open, ok := m[u.Scheme]
	if !ok {
		return nil, Wrap("store", "open", fmt.Errorf("%w %q: unknown scheme %q; there are: %s",
			ErrInvalidURL, Redact(rawURL), u.Scheme, strings.Join(slices.Sorted(maps.Keys(m)), ", ")))
	}
	if u.Host == "" && !hasNoUser(u.Scheme) && !strings.HasSuffix(u.Scheme, "+unix") && strings.Contains(u.Opaque+u.Path, "@") {
		// The backend would take user and password for a path, and say so.
		return nil, Wrap("store", "open", fmt.Errorf("%w %q: two slashes come before user and host, as in %s://user@host", ErrInvalidURL, Redact(rawURL), u.Scheme))
	}
	prefix, err := takePrefix(u)
	if err != nil {
		return nil, Wrap("store", "open", err)
	}
	s, err := open(ctx, u)
	if err != nil || prefix == "" {
		return s, err
	}
	return prefixedCloser{&prefixed{s: s, p: prefix}, s}, nil
}

// takePrefix takes the parameter x-prefix out of u.
func takePrefix(u *url.URL) (string, error) {
	query := u.Query()
	if !query.Has("x-prefix") {
		return "", nil
	}
	p := NewParams(u)
	prefix := p.String("x-prefix")
	if p.err != nil {
		return "", p.err
	}
	if err := CheckKey(prefix); err != nil {
		return "", fmt.Errorf("%w: x-prefix: %w", ErrInvalidURL, err)
	}
	// The others stay as they are written: to encode them anew would turn %20 into +, which PostgreSQL takes for a plus.
	var others []string
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if name, err := url.QueryUnescape(name); err != nil || name != "x-prefix" {
			others = append(others, pair)
		}
	}
	u.RawQuery = strings.Join(others, "&")
	return prefix, nil
}

// prefixedCloser closes what is under the prefix.
type prefixedCloser struct {
	*prefixed
	whole Closer
}

func (c prefixedCloser) Close() error { return c.whole.Close() }

// parseURL is url.Parse with bare paths and lists of hosts, and without secrets in its errors.
func parseURL(raw string) (*url.URL, error) {
	if raw == "" {
		return nil, fmt.Errorf("%w: it is empty", ErrInvalidURL)
	}
	if isPath(raw) {
		return pathURL(raw)
	}
	single, hosts := splitHosts(raw)
	u, err := url.Parse(single)
	if err != nil {
		// Not url's own reason: it quotes what it refuses, and that may be a piece of a password.
		return nil, fmt.Errorf("%w %q: percent-encode special characters, also those of a user name and a password, and give a port as a number",
			ErrInvalidURL, Redact(raw))
	}
	if len(hosts) > 1 {
		for _, host := range hosts {
			if !isHost(host) {
				return nil, fmt.Errorf("%w %q: %q is not a host", ErrInvalidURL, Redact(raw), host)
			}
		}
		u.Host = strings.Join(hosts, ",")
	}
	if u.Host != "" && !hasNoUser(u.Scheme) && misread(u) {
		return nil, fmt.Errorf("%w %q: percent-encode the special characters of its user name, password and path, @ as %%40, / as %%2F, ? as %%3F, # as %%23",
			ErrInvalidURL, Redact(raw))
	}
	if q, err := url.ParseQuery(u.RawQuery); err != nil || len(q) == 0 && u.RawQuery != "" {
		return nil, fmt.Errorf("%w %q: its parameters cannot be read; percent-encode them", ErrInvalidURL, Redact(raw))
	}
	return u, nil
}

// misread tells whether part of what was meant to come before the last @ has become path, parameter or fragment, as a password does that holds
// one of the characters that end a host. Taken for what they seem to be, they would be shown in messages.
func misread(u *url.URL) bool {
	if u.Fragment != "" || strings.Contains(u.EscapedPath(), "@") {
		return true
	}
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		if name, _, _ := strings.Cut(pair, "="); strings.Contains(name, "@") {
			return true
		}
	}
	return false
}

// isPath tells a bare path from a URL: it has no scheme, or one of a single letter, which is a drive.
func isPath(raw string) bool {
	scheme, _, ok := strings.Cut(raw, ":")
	if !ok || len(scheme) == 1 {
		return true
	}
	return strings.ContainsAny(scheme, `/\?#@`)
}

// pathURL refuses what somebody meant to be more than a path, before it becomes the name of a new folder.
func pathURL(path string) (*url.URL, error) {
	switch {
	case looksLikeDSN(path):
		return nil, fmt.Errorf("%w: it looks like a connection string; write it as scheme://user:password@host/name, or a path with such a name as file:PATH", ErrInvalidURL)
	case strings.Contains(path, "?"):
		return nil, fmt.Errorf("%w %q: a path with parameters needs its scheme; write file:PATH?PARAMETERS, or %%3F for a question mark in the path", ErrInvalidURL, path)
	case strings.HasPrefix(path, "/"):
		return &url.URL{Scheme: "file", Path: path}, nil
	}
	return &url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}, nil
}

// splitHosts cuts a list of hosts out of the authority and leaves a URL with the first of them.
func splitHosts(raw string) (single string, hosts []string) {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return raw, nil
	}
	end := len(rest)
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		end = i
	}
	user := ""
	authority := rest[:end]
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		user, authority = authority[:i+1], authority[i+1:]
	}
	hosts = strings.Split(authority, ",")
	return scheme + "://" + user + hosts[0] + rest[end:], hosts
}

// isHost tells whether host is a name or an address, in brackets if it has colons itself, with a port or without.
func isHost(host string) bool {
	u, err := url.Parse("x://" + host)
	if err != nil || u.Hostname() == "" || u.Host != host {
		return false
	}
	return strings.HasPrefix(host, "[") || strings.Count(host, ":") <= 1
}

package store

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Params reads a store's URL, for authors of an [Opener]. Each getter returns the zero value for what is not there; the first
// that cannot be read, and parameters that nobody asked for, are the error that [Params.Done] returns. It wraps [ErrInvalidURL].
type Params struct {
	u     *url.URL
	query url.Values
	known map[string]bool
	err   error
}

// NewParams begins to read u.
func NewParams(u *url.URL) *Params {
	return &Params{u: u, query: u.Query(), known: make(map[string]bool)}
}

// Path returns the path of a URL that names a file or a folder, "scheme:///abs" or "scheme:./rel", as this system writes it.
func (p *Params) Path() string {
	path := p.u.Path
	if p.u.Opaque != "" {
		var err error
		if path, err = url.PathUnescape(p.u.Opaque); err != nil {
			p.fail("its path is not percent-encoded as it must be")
		}
	}
	switch example := p.u.Scheme + ":///path or " + p.u.Scheme + ":./path"; {
	case p.u.User != nil || p.u.Host != "" && p.u.Host != "localhost":
		p.fail("it names a server where there is none; write three slashes, as in " + example)
	case p.u.Fragment != "":
		p.fail("a # in the path must be written as %23")
	case path == "" || strings.ContainsRune(path, 0):
		p.fail("it names no path; write " + example)
	}
	if len(path) > 2 && path[0] == '/' && filepath.VolumeName(path[1:]) != "" { // scheme:///C:/x on Windows
		path = path[1:]
	}
	return filepath.FromSlash(path)
}

// String returns the text of a parameter.
func (p *Params) String(name string) string {
	p.known[name] = true
	if len(p.query[name]) > 1 {
		p.fail("the parameter " + name + " is given twice")
	}
	return p.query.Get(name)
}

// given returns the text of a parameter that must not be empty where it is there: that is mostly a variable of a shell that
// was not set, and to take it for the default would keep entries for ever.
func (p *Params) given(name string) string {
	text := p.String(name)
	if text == "" && p.query.Has(name) {
		p.fail("the parameter " + name + " is empty")
	}
	return text
}

// Duration returns a Go duration, "90s" or "24h", or days, "30d"; a bare number is seconds.
func (p *Params) Duration(name string) time.Duration {
	text := p.given(name)
	if text == "" {
		return 0
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > -100_000 && n < 100_000 {
			return time.Duration(n) * 24 * time.Hour
		}
	}
	if _, err := strconv.Atoi(text); err == nil {
		text += "s"
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		p.fail("the parameter " + name + " is not a duration such as 90s, 24h or 30d")
	}
	return d
}

// Int returns a whole number.
func (p *Params) Int(name string) int {
	text := p.given(name)
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		p.fail("the parameter " + name + " is not a whole number")
	}
	return n
}

// Bool returns true for a parameter that is there, unless it says 0 or false.
func (p *Params) Bool(name string) bool {
	text := p.String(name)
	if text == "" {
		return p.query.Has(name)
	}
	b, err := strconv.ParseBool(text)
	if err != nil {
		p.fail("the parameter " + name + " is neither true nor false")
	}
	return b
}

// Expiry returns what x-timeout and x-touch-after say.
func (p *Params) Expiry() Expiry {
	e := Expiry{Timeout: p.Duration("x-timeout"), TouchAfter: p.Duration("x-touch-after")}
	if err := e.Validate(); err != nil {
		p.fail("the parameter x-timeout is negative")
	}
	return e
}

// Done returns the first error, or one that names the parameters nobody asked for and those there are.
func (p *Params) Done() error {
	if p.err != nil {
		return p.err
	}
	var unknown, known []string
	for name := range p.query {
		if !p.known[name] {
			unknown = append(unknown, strconv.Quote(name))
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	for name := range p.known {
		known = append(known, name)
	}
	slices.Sort(unknown)
	slices.Sort(known)
	return fmt.Errorf("%w: unknown parameter %s; there are: %s, x-prefix", ErrInvalidURL, strings.Join(unknown, ", "), strings.Join(known, ", "))
}

// fail is told names only: a value may be a secret in the wrong place.
func (p *Params) fail(problem string) {
	if p.err == nil {
		p.err = fmt.Errorf("%w: %s", ErrInvalidURL, problem)
	}
}

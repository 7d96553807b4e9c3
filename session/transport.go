package session

import (
	"iter"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

const bearer = "Bearer "

// transport carries the token between the client and the manager: in a cookie, or in a header.
type transport struct {
	name   string // of the cookie, or of the header in requests
	header bool
	cookie Cookie
}

func newTransport(o *Options) transport {
	if o.Header != "" {
		return transport{name: http.CanonicalHeaderKey(o.Header), header: true}
	}
	return transport{name: o.Cookie.fullName(), cookie: o.Cookie}
}

// tokens yields what the request brings under our name: several where a cookie was tossed in from another path or domain.
func (t *transport) tokens(r *http.Request) iter.Seq[string] {
	return func(yield func(string) bool) {
		if t.header {
			value := r.Header.Get(t.name)
			if len(value) > len(bearer) && strings.EqualFold(value[:len(bearer)], bearer) {
				value = value[len(bearer):]
			}
			if value != "" {
				yield(value)
			}
			return
		}
		for _, line := range r.Header["Cookie"] {
			for line != "" {
				var pair string
				pair, line, _ = strings.Cut(line, ";")
				name, value, ok := strings.Cut(strings.Trim(pair, " \t"), "=")
				if ok && strings.TrimRight(name, " \t") == t.name && !yield(unquote(value)) {
					return
				}
			}
		}
	}
}

// unquote takes off the one pair of quotes that a cookie's value may have, as net/http does.
func unquote(value string) string {
	if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
		return value[1 : n-1]
	}
	return value
}

// send gives the client a token. until is when the cookie ends; zero: with the browser.
func (t *transport) send(h http.Header, token string, until time.Time) {
	if t.header {
		h.Set(t.responseHeader(), token)
		return
	}
	maxAge := 0
	if !until.IsZero() {
		maxAge = max(int(time.Until(until)/time.Second), 1)
	}
	t.set(h, t.cookie.template(token, maxAge))
}

// drop tells the client to forget its token.
func (t *transport) drop(h http.Header) {
	if t.header {
		h.Set(t.responseHeader(), "")
		return
	}
	t.set(h, t.cookie.template("", -1))
}

func (t *transport) set(h http.Header, c *http.Cookie) {
	c.Name = t.name
	// Of two cookies with one name, browsers keep the last, other clients who knows.
	h["Set-Cookie"] = slices.DeleteFunc(h["Set-Cookie"], func(line string) bool { return strings.HasPrefix(line, t.name+"=") })
	h.Add("Set-Cookie", c.String())
}

func (t *transport) responseHeader() string {
	if t.name == "Authorization" {
		return "Session-Token"
	}
	return t.name
}

// template is the cookie with all that does not change.
func (c *Cookie) template(value string, maxAge int) *http.Cookie {
	return &http.Cookie{Name: c.fullName(), Value: value, Domain: c.Domain, Path: c.Path, MaxAge: maxAge, Secure: !c.Insecure,
		HttpOnly: !c.Readable, SameSite: c.SameSite, Partitioned: c.Partitioned}
}

// vary and private keep caches from giving one client's page to another.
func (t *transport) vary(h http.Header) {
	on := t.name
	if !t.header {
		on = "Cookie"
	}
	for _, line := range h["Vary"] {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.TrimSpace(name); name == "*" || strings.EqualFold(name, on) {
				return
			}
		}
	}
	h.Add("Vary", on)
}

// private forbids caching where the handler has said nothing about it, and, when a token is sent, also where it has allowed it.
func private(h http.Header, token bool) {
	if token || h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
}

// isPlainLocal reports whether r came over plain http to this very machine, where some browsers drop Secure cookies without a word.
func isPlainLocal(r *http.Request) bool {
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") != "" || r.Header.Get("Forwarded") != "" {
		return false
	}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

package store

import (
	"errors"
	"net/url"
	"strings"
)

// hidden stands where a secret stood.
const hidden = "xxxxx"

// Redact returns rawURL fit to be shown: without its password, and without the values of parameters that may be secrets.
// Where it cannot tell what is what, for a password with a raw slash or percent sign ends the host early, it hides too much rather
// than too little.
func Redact(rawURL string) string {
	raw, query, hasQuery := strings.Cut(rawURL, "?")
	if at := strings.LastIndexByte(query, '@'); hasQuery && at >= 0 && mayBePassword(raw) {
		// A question mark in a password: what looks like a query begins inside it.
		if amp := strings.IndexByte(query, '='); amp < 0 || amp > at {
			raw, query, hasQuery = rawURL, "", false
		}
	}
	raw = redactUser(raw)
	if hasQuery {
		raw += "?" + redactQuery(query)
	}
	return raw
}

// mayBePassword tells whether raw is cut off in what may be a password: "scheme://user:pass" with no @.
func mayBePassword(raw string) bool {
	_, rest, ok := strings.Cut(raw, "://")
	return ok && !strings.HasPrefix(rest, "/") && strings.Contains(rest, ":")
}

func redactUser(raw string) string {
	scheme, rest, ok := strings.Cut(raw, "://")
	at := strings.LastIndexByte(rest, '@')
	if !ok || at < 0 || strings.HasPrefix(rest, "/") { // an at sign in the path of a file is no secret
		return raw
	}
	user, _, hasPassword := strings.Cut(rest[:at], ":")
	if !hasPassword {
		return raw
	}
	if strings.ContainsAny(user, "/?#") {
		user = hidden
	}
	return scheme + "://" + user + ":" + hidden + rest[at:]
}

func redactQuery(query string) string {
	params := strings.Split(query, "&")
	for i, param := range params {
		name, value, _ := strings.Cut(param, "=")
		plain, err := url.QueryUnescape(value)
		switch {
		case isSecret(name) || err != nil:
			params[i] = name + "=" + hidden
		case strings.Contains(plain, "://"): // a URL inside, as those of shard: have
			if clean := Redact(plain); clean != plain {
				params[i] = name + "=" + clean
			}
		}
	}
	return strings.Join(params, "&")
}

func isSecret(param string) bool {
	param = strings.ToLower(param)
	for _, word := range []string{"pass", "pwd", "secret", "token", "auth", "key"} {
		if strings.Contains(param, word) {
			return true
		}
	}
	return false
}

// hideParse keeps the reason of url.Parse's error where it cannot hold a piece of a password: url quotes what it refuses.
func hideParse(raw string, err error) error {
	var parse *url.Error
	if strings.Contains(raw, "@") || !errors.As(err, &parse) {
		return errors.New("percent-encode the special characters of the user name and the password")
	}
	return parse.Err
}

package store

import (
	"errors"
	"net/url"
	"strings"
)

// hidden stands where a secret stood.
const hidden = "xxxxx"

// Redact returns rawURL fit to be shown: without its password, and without the values of parameters that may be secrets.
// Passwords often hold the very characters that end a host, unescaped, so everything up to the last at sign counts as one:
// it hides too much rather than too little.
func Redact(rawURL string) string {
	raw, query, hasQuery := strings.Cut(redactUser(rawURL), "?")
	if hasQuery {
		raw += "?" + redactQuery(query)
	}
	return raw
}

func redactUser(raw string) string {
	scheme, rest, ok := strings.Cut(raw, "://")
	at := strings.LastIndexByte(rest, '@')
	if !ok || at < 0 || strings.ContainsAny(scheme, ":/?#") || strings.HasPrefix(rest, "/") { // in a path it is no secret
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

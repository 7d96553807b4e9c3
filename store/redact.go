package store

import (
	"net/url"
	"slices"
	"strings"
)

// hidden stands where a secret stood.
const hidden = "xxxxx"

// Redact returns rawURL fit to be shown: without its password, and without the values of parameters that may be secrets.
// Passwords often hold the very characters that end a host, unescaped, so everything up to the last at sign counts as one; what
// stands where a port does and is no number counts as one too. It hides too much rather than too little.
func Redact(rawURL string) string {
	if isPath(rawURL) {
		if looksLikeDSN(rawURL) {
			return hidden
		}
		return rawURL
	}
	raw, fragment, hasFragment := strings.Cut(redactUser(rawURL), "#")
	raw, query, hasQuery := strings.Cut(raw, "?")
	if hasQuery {
		raw += "?" + redactQuery(query)
	}
	if hasFragment && fragment != "" {
		raw += "#" + hidden
	}
	return raw
}

// redactUser hides what stands between the first colon and the last at sign, or else ports that are none.
func redactUser(raw string) string {
	scheme, rest, _ := strings.Cut(raw, ":")
	at := strings.LastIndexByte(rest, '@')
	after, isURL := strings.CutPrefix(rest, "//")
	switch {
	case hasNoUser(scheme):
		return raw
	case at < 0 && isURL:
		return scheme + "://" + redactPorts(after)
	case at < 0:
		return raw
	case !isURL: // "user:password@host", or a URL that lacks its slashes
		return scheme + ":" + hidden + rest[at:]
	}
	user, _, hasPassword := strings.Cut(rest[len("//"):at], ":")
	if !hasPassword {
		return raw
	}
	if strings.ContainsAny(user, "/?#") {
		user = hidden
	}
	return scheme + "://" + user + ":" + hidden + rest[at:]
}

// hasNoUser tells whether an at sign in a URL of this scheme is one of a path.
func hasNoUser(scheme string) bool {
	return slices.Contains([]string{"file", "bolt", "map", "shard", "handover"}, scheme)
}

func redactPorts(rest string) string {
	end := len(rest)
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		end = i
	}
	hosts := strings.Split(rest[:end], ",")
	for i, host := range hosts {
		if colon := strings.LastIndexByte(host, ':'); colon > strings.LastIndexByte(host, ']') && strings.Trim(host[colon+1:], "0123456789") != "" {
			hosts[i] = host[:strings.IndexByte(host, ':')+1] + hidden
		}
	}
	return strings.Join(hosts, ",") + rest[end:]
}

func redactQuery(query string) string {
	var out strings.Builder
	for query != "" {
		param, separator := query, ""
		if i := strings.IndexAny(query, "&;"); i >= 0 {
			param, separator = query[:i], query[i:i+1]
		}
		query = query[len(param)+len(separator):]
		out.WriteString(redactParam(param) + separator)
	}
	return out.String()
}

func redactParam(param string) string {
	name, value, hasValue := strings.Cut(param, "=")
	plainName, err := url.QueryUnescape(name)
	if err != nil {
		return hidden
	}
	plain, err := url.QueryUnescape(value)
	switch {
	case strings.Contains(plainName, "@"): // the rest of a password with a & in it, in a URL within a URL that nobody has encoded
		return hidden
	case !hasValue:
		return param
	case isSecret(plainName) || err != nil:
		return name + "=" + hidden
	case strings.Contains(plain, ":"): // perhaps a URL, as those of shard: have; after a name and an equals sign of its own
		label, inner, ok := strings.Cut(plain, "=")
		if !ok || strings.Contains(label, ":") {
			label, inner = "", plain
		} else {
			label += "="
		}
		if clean := Redact(inner); clean != inner {
			return name + "=" + label + clean
		}
	}
	return param
}

// looksLikeDSN tells whether raw is "host=db password=..." rather than a path or a URL.
func looksLikeDSN(raw string) bool {
	return strings.Contains(raw, "=") && strings.ContainsAny(raw, " \t\n")
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

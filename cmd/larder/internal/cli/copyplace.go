package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/larder-go/larder/store"
)

// whereabouts is what of a URL tells one store from another, and the prefix under which it is seen. What it cannot tell, as two names of one
// server, store.Copy finds out.
func whereabouts(rawURL string) (where, prefix string) {
	scheme, rest, ok := strings.Cut(rawURL, ":")
	if !ok || len(scheme) == 1 || strings.ContainsAny(scheme, `/\?#@`) {
		return "file " + absolute(rawURL), ""
	}
	rest, query, _ := strings.Cut(rest, "?")
	params, err := url.ParseQuery(query)
	if err != nil {
		params = nil // the opener says it better
	}
	prefix = params.Get("x-prefix")
	switch scheme {
	case "file", "bolt":
		path := strings.TrimPrefix(strings.TrimPrefix(rest, "//localhost"), "//")
		if plain, err := url.PathUnescape(path); err == nil {
			path = plain
		}
		return scheme + " " + absolute(path), prefix
	case "map":
		return "", prefix // each is another
	}
	scheme, _, _ = strings.Cut(scheme, "+")
	switch scheme {
	case "postgresql":
		scheme = "postgres"
	case "rediss":
		scheme = "redis"
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = "//" + rest[at+1:]
	}
	host, path, _ := strings.Cut(strings.TrimPrefix(rest, "//"), "/")
	return strings.Join([]string{scheme, strings.ToLower(host), strings.Trim(path, "/"),
		params.Get("host"), params.Get("dbname"), params.Get("x-schema"), params.Get("x-table")}, " "), prefix
}

// absolute finds out what path comes to, also where some of it is not there yet.
func absolute(path string) string {
	path, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	for head, tail := path, ""; ; {
		if real, err := filepath.EvalSymlinks(head); err == nil {
			return filepath.Join(real, tail)
		}
		if filepath.Dir(head) == head {
			return path
		}
		head, tail = filepath.Dir(head), filepath.Join(filepath.Base(head), tail)
	}
}

// refuseWithin refuses a copy within one store where it would never end, or cannot begin.
func refuseWithin(from, to, prefix string) error {
	src, under := whereabouts(from)
	dst, below := whereabouts(to)
	switch {
	case src != dst || src == "":
		return nil
	case strings.HasPrefix(src, "bolt "):
		return usage("copy to another file, and from there", "SRC and DST are the same bbolt file, which can be opened once only")
	case strings.HasPrefix(below, under+prefix):
		return usage("name two stores, or x-prefix=PREFIX in both URLs with prefixes that do not begin alike",
			"SRC and DST are the same store, and what is copied would be copied again")
	}
	return nil
}

// checkpointName is the name under which DST keeps how far a copy has come: the same for the same copy, and without secrets.
func checkpointName(from, prefix string, o store.Overwrite) string {
	where, under := whereabouts(from)
	sum := sha256.Sum256([]byte(strconv.Quote(store.Redact(where)) + strconv.Quote(under) + strconv.Quote(prefix) + o.String()))
	return hex.EncodeToString(sum[:16])
}

// enoughConns lets each worker have a connection to PostgreSQL, unless the URL says how many there are to be: by default it has four.
func enoughConns(rawURL string, workers int) string {
	if scheme, rest, _ := strings.Cut(rawURL, ":"); !strings.HasPrefix(scheme, "postgres") || strings.Contains(rest, "pool_max_conns") {
		return rawURL
	}
	if workers <= 0 {
		workers = 8
	}
	separator := "?"
	if strings.Contains(rawURL, "?") {
		separator = "&"
	}
	return rawURL + separator + "pool_max_conns=" + strconv.Itoa(max(workers+1, 4))
}

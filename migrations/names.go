package migrations

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName is how many bytes of a name PostgreSQL keeps; it cuts the rest off in silence, so that two long names may be one.
const maxName = 63

// The names that come with the table.
const (
	atimeIndex   = "_atime_idx"
	expiresIndex = "_expires_idx"
	journal      = "_migrations"
)

// Journal is the name of the table in which dbstore notes what it has applied, in the same schema: the table's name and "_migrations".
// A name that would be too long is cut and ends with a hash of the whole.
func Journal(table string) string {
	if table == "" {
		table = DefaultTable
	}
	return derived(table, journal)
}

func derived(table, suffix string) string {
	if len(table)+len(suffix) <= maxName {
		return table + suffix
	}
	sum := sha256.Sum256([]byte(table))
	suffix = "_" + hex.EncodeToString(sum[:4]) + suffix
	end := maxName - len(suffix)
	for !utf8.RuneStart(table[end]) {
		end--
	}
	return table[:end] + suffix
}

// names puts other names in the place of the default ones.
type names struct{ *strings.Replacer }

func (n names) replace(text string) string { return n.Replace(text) }

// resolve checks the names and quotes them.
func resolve(schema, table string) (names, error) {
	if table == "" {
		table = DefaultTable
	}
	if err := check("table", table); err != nil {
		return names{}, err
	}
	prefix := ""
	if schema != "" {
		if err := check("schema", schema); err != nil {
			return names{}, err
		}
		prefix = quote(schema) + "."
	}
	var pairs []string
	for _, suffix := range []string{atimeIndex, expiresIndex} {
		index := quote(derived(table, suffix))
		pairs = append(pairs,
			"INDEX IF NOT EXISTS "+DefaultTable+suffix, "INDEX IF NOT EXISTS "+index, // an index is born in its table's schema: PostgreSQL takes none here
			DefaultTable+suffix, prefix+index)
	}
	return names{strings.NewReplacer(append(pairs, DefaultTable, prefix+quote(table))...)}, nil
}

// check refuses what PostgreSQL would change or refuse, and control characters, which could end a line of the file.
func check(what, name string) error {
	problem := ""
	switch {
	case len(name) > maxName:
		problem = fmt.Sprintf("has %d bytes, and PostgreSQL keeps %d", len(name), maxName)
	case !utf8.ValidString(name):
		problem = "is not UTF-8"
	case strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }):
		problem = "has control characters"
	default:
		return nil
	}
	return fmt.Errorf("migrations: %w", fmt.Errorf("the name of the %s %s", what, problem))
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

package migrations

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// DefaultTable is the name of the table where no other is asked for.
const DefaultTable = "larder_entries"

// FS holds the files, numbered and in goose's format, for [DefaultTable] in the first schema of the search_path.
//
//go:embed *.sql
var FS embed.FS

// Migration is one file.
type Migration struct {
	Number   int64
	Name     string // of the file
	Checksum string // of the file in FS: it is the same whatever the table is called
	Up, Down string // statements, each ended by a semicolon; comments stay
}

// All returns the migrations of that table in the order of their numbers. An empty schema leaves the table to the search_path, an empty
// table is [DefaultTable].
func All(schema, table string) ([]Migration, error) {
	n, err := resolve(schema, table)
	if err != nil {
		return nil, err
	}
	files, err := fs.Glob(FS, "*.sql") // sorted, and numbers have the same number of digits
	if err != nil {
		return nil, err
	}
	all := make([]Migration, len(files))
	for i, file := range files {
		data, err := FS.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if all[i], err = read(file, string(data), n); err != nil {
			return nil, fmt.Errorf("migrations: %s: %w", file, err)
		}
	}
	return all, nil
}

func read(file, text string, n names) (m Migration, err error) {
	m.Name = file
	digits, _, _ := strings.Cut(file, "_")
	if m.Number, err = strconv.ParseInt(digits, 10, 64); err != nil || m.Number <= 0 {
		return m, fmt.Errorf("its name does not begin with a number")
	}
	sum := sha256.Sum256([]byte(strings.ReplaceAll(text, "\r\n", "\n"))) // git may have changed the ends of lines
	m.Checksum = hex.EncodeToString(sum[:])
	m.Up, m.Down, err = parse(n.replace(text))
	return m, err
}

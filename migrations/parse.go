package migrations

import (
	"errors"
	"fmt"
	"strings"
)

// parse splits a file of goose's format into what goes up and what goes down. It knows the annotations that the files here use, and
// refuses the others: to pass over one in silence would run something else than goose does.
func parse(text string) (up, down string, err error) {
	var sections [3]strings.Builder // before the first, up, down
	at, inStatement := 0, false
	number := 0
	for line := range strings.Lines(text) {
		number++
		comment, isComment := strings.CutPrefix(strings.TrimSpace(line), "--")
		note, ok := strings.CutPrefix(strings.TrimSpace(comment), "+goose")
		if !isComment || !ok {
			if at == 0 && !isComment && comment != "" {
				return "", "", fmt.Errorf("line %d: a statement stands before -- +goose Up", number)
			}
			sections[at].WriteString(line)
			continue
		}
		switch note = strings.TrimSpace(note); {
		case note == "StatementBegin" && at > 0 && !inStatement:
			inStatement = true
		case note == "StatementEnd" && inStatement:
			inStatement = false
		case note == "Up" && at == 0:
			at = 1
		case note == "Down" && at == 1 && !inStatement:
			at = 2
		case note == "NO TRANSACTION":
			return "", "", fmt.Errorf("line %d: NO TRANSACTION: a migration and its row in the journal are one transaction", number)
		default:
			return "", "", fmt.Errorf("line %d: -- +goose %.40q is not expected here", number, note)
		}
	}
	switch {
	case at == 0:
		return "", "", errors.New("there is no -- +goose Up")
	case inStatement:
		return "", "", errors.New("a -- +goose StatementEnd is missing")
	}
	return strings.TrimSpace(sections[1].String()), strings.TrimSpace(sections[2].String()), nil
}

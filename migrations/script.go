package migrations

import "strings"

// Script returns what goes up, or comes down, as one transaction for psql. What it makes, dbstore.Migrate takes over; what it takes
// back goes with all entries.
func Script(schema, table string, down bool) (string, error) {
	all, err := All(schema, table)
	if err != nil {
		return "", err
	}
	steps := make([]string, len(all))
	for i, m := range all {
		if down {
			steps[len(all)-1-i] = "-- " + m.Name + "\n" + m.Down
		} else {
			steps[i] = "-- " + m.Name + "\n" + m.Up
		}
	}
	prefix := ""
	if schema != "" {
		prefix = quote(schema) + "."
	}
	begin, end := "BEGIN;\n\n", "\n\nCOMMIT;\n"
	if down {
		end = "\n\n-- The journal of dbstore.Migrate and larder migrate.\nDROP TABLE IF EXISTS " + prefix + quote(Journal(table)) + ";" + end
	} else if schema != "" {
		begin += "-- Needs CREATE on the database, also where the schema is there: leave it out then.\n" +
			"CREATE SCHEMA IF NOT EXISTS " + quote(schema) + ";\n\n"
	}
	return begin + strings.Join(steps, "\n\n") + end, nil
}

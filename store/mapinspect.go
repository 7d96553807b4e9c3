package store

import (
	"context"
	"strconv"
)

// Inspect tells what there is to tell of the memory of a process.
func (m *Map) Inspect(ctx context.Context) ([]Fact, error) {
	if err := m.ready(ctx, "inspect"); err != nil {
		return nil, err
	}
	largest := "as memory has room"
	if m.maxValue > 0 {
		largest = strconv.Itoa(m.maxValue) + " bytes"
	}
	return []Fact{
		{Name: "server", Value: "none: the memory of this process"},
		{Name: "persistence", Value: "none: entries end with the process"},
		{Name: "largest value", Value: largest},
	}, nil
}

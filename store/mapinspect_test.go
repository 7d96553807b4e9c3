package store

import (
	"context"
	"errors"
	"os"
	"testing"
)

func TestMapInspect(t *testing.T) {
	m := NewMap(&MapOptions{MaxValue: 100})
	facts, err := Inspect(t.Context(), Prefix(m, "p:"))
	if err != nil || len(facts) != 3 || facts[2] != (Fact{Name: "largest value", Value: "100 bytes"}) {
		t.Errorf("%+v, %v", facts, err)
	}
	for _, f := range facts {
		if f.Name == "" || f.Value == "" || f.Warn != "" {
			t.Errorf("%+v", f)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Inspect(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	m.Close()
	if _, err := m.Inspect(t.Context()); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
}

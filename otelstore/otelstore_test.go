package otelstore_test

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/larder-go/larder/otelstore"
	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest"
)

// What is told to an SDK is tested in internal/compat/otel, since only that module has one.

// TestDependsOnTheAPIAlone: who imports otelstore chooses the SDK, or none. Nor is anything taken from the global providers.
func TestDependsOnTheAPIAlone(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.FieldsSeq(string(out)) {
		if name == "go.opentelemetry.io/otel" || strings.HasPrefix(name, "go.opentelemetry.io/otel/sdk") || strings.HasPrefix(name, "go.opentelemetry.io/auto") {
			t.Errorf("it depends on %s", name)
		}
	}
}

func TestConformance(t *testing.T) {
	storetest.Run(t, storetest.Config{New: func(t *testing.T, e store.Expiry) store.Store {
		o, err := otelstore.New(&otelstore.Options{TracerProvider: tracenoop.NewTracerProvider(), MeterProvider: noop.NewMeterProvider()})
		if err != nil {
			t.Fatal(err)
		}
		return store.Observe(store.NewMap(&store.MapOptions{Expiry: e}), o)
	}})
}

// The providers are the program's; these do nothing.
func Example() {
	observer, err := otelstore.New(&otelstore.Options{
		TracerProvider: tracenoop.NewTracerProvider(),
		MeterProvider:  noop.NewMeterProvider(),
		System:         "postgresql",
		Namespace:      "site",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	s := store.Observe(store.NewMap(nil), observer)

	ctx := context.Background()
	fmt.Println(s.Set(ctx, "session:8f3a", []byte("alice")))
	// Output: <nil>
}

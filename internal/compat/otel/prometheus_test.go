package otel

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/larder-go/larder/otelstore"
	"github.com/larder-go/larder/store"
)

// TestPrometheus is the program of docs/observability.md, scraped.
func TestPrometheus(t *testing.T) {
	s := store.Store(store.NewMap(&store.MapOptions{MaxValue: 10}))
	registry := prometheus.NewRegistry()
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry))
	if err != nil {
		log.Fatal(err)
	}
	observer, err := otelstore.New(&otelstore.Options{
		MeterProvider: metric.NewMeterProvider(metric.WithReader(exporter)),
		System:        "postgresql",
		Namespace:     "site",
	})
	if err != nil {
		log.Fatal(err)
	}
	s = store.Observe(s, observer)
	http.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))

	s.Set(t.Context(), "secret-key", nil)
	s.Set(t.Context(), "secret-key", make([]byte, 11))
	server := httptest.NewServer(http.DefaultServeMux)
	defer server.Close()
	resp, err := http.Get(server.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`db_client_operation_duration_seconds_count{db_namespace="site",db_operation_name="set",db_system_name="postgresql",`,
		`db_client_operation_duration_seconds_count{db_namespace="site",db_operation_name="set",db_system_name="postgresql",error_type="too_large",`,
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
	if strings.Contains(string(page), "secret") {
		t.Errorf("a key was told:\n%s", page)
	}
}

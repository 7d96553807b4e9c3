package otel

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/larder-go/larder/otelstore"
	"github.com/larder-go/larder/store"
)

// bed is a store observed by a real SDK.
type bed struct {
	store.Store
	spans   *tracetest.InMemoryExporter
	tracers *sdktrace.TracerProvider
	reader  *metric.ManualReader
}

func newBed(t testing.TB, s store.Store) *bed {
	t.Helper()
	b := &bed{spans: tracetest.NewInMemoryExporter(), reader: metric.NewManualReader()}
	b.tracers = sdktrace.NewTracerProvider(sdktrace.WithSyncer(b.spans))
	o, err := otelstore.New(&otelstore.Options{
		TracerProvider: b.tracers, MeterProvider: metric.NewMeterProvider(metric.WithReader(b.reader)), System: "postgresql", Namespace: "site",
	})
	if err != nil {
		t.Fatal(err)
	}
	b.Store = store.Observe(s, o)
	return b
}

// take returns the spans since the last call, as "name kind status attributes".
func (b *bed) take() []string {
	var told []string
	for _, s := range b.spans.GetSpans() {
		told = append(told, fmt.Sprintf("%s %s %s %s", s.Name, s.SpanKind, s.Status.Code, attributes(s.Attributes)))
	}
	b.spans.Reset()
	return told
}

func attributes(attrs []attribute.KeyValue) string {
	var all []string
	for _, a := range attrs {
		all = append(all, string(a.Key)+"="+a.Value.String())
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

const common = "db.namespace=site db.operation.name="

func TestSpans(t *testing.T) {
	ctx := t.Context()
	m := store.NewMap(&store.MapOptions{MaxValue: 10})
	b := newBed(t, m)
	over, cancel := context.WithCancel(ctx)
	cancel()
	for _, test := range []struct {
		call func()
		want string
	}{
		{func() { b.Set(ctx, "secret-key", []byte("value")) }, "set site client Unset " + common + "set db.system.name=postgresql larder.bytes=5"},
		{func() { b.Get(ctx, "secret-key") }, "get site client Unset " + common + "get db.system.name=postgresql larder.bytes=5"},
		{func() { b.Get(ctx, "secret-none") }, "get site client Unset " + common + "get db.system.name=postgresql larder.outcome=not_found"},
		{func() { store.Swap(ctx, b.Store, "secret-key", "", nil) }, "swap site client Unset " + common + "swap db.system.name=postgresql larder.outcome=conflict"},
		{func() { b.Get(over, "secret-key") }, "get site client Unset " + common + "get db.system.name=postgresql larder.outcome=canceled"},
		{func() { b.Set(ctx, "secret-key", make([]byte, 11)) }, "set site client Error " + common + "set db.system.name=postgresql error.type=too_large"},
		{func() { store.List(ctx, b.Store, "")(func(store.Info, error) bool { return true }) }, "list site client Unset " + common + "list db.system.name=postgresql larder.entries=1"},
		{func() { m.Close(); b.Delete(ctx, "secret-key") }, "delete site client Error " + common + "delete db.system.name=postgresql error.type=error"},
	} {
		test.call()
		got := b.take()
		if len(got) != 1 || got[0] != test.want {
			t.Errorf("got  %q\nwant %q", got, test.want)
		}
		if strings.Contains(fmt.Sprint(got), "secret") {
			t.Errorf("a key was told: %q", got)
		}
	}
}

// TestSpansNest: the span stands under its caller's, and a driver's under it.
func TestSpansNest(t *testing.T) {
	driver := &spanning{Store: store.NewMap(nil)}
	b := newBed(t, driver)
	driver.tracer = b.tracers.Tracer("driver")
	ctx, request := b.tracers.Tracer("test").Start(t.Context(), "request")
	b.Get(ctx, "k")
	request.End()
	spans := map[string]tracetest.SpanStub{}
	for _, s := range b.spans.GetSpans() {
		spans[s.Name] = s
	}
	get := spans["get site"]
	if spans["driver"].Parent.SpanID() != get.SpanContext.SpanID() || get.Parent.SpanID() != request.SpanContext().SpanID() {
		t.Errorf("%v", slices.Collect(maps.Keys(spans)))
	}
	if get.InstrumentationScope.Name != "github.com/larder-go/larder/otelstore" || !strings.HasSuffix(get.InstrumentationScope.SchemaURL, "/1.43.0") {
		t.Errorf("scope %+v", get.InstrumentationScope)
	}
}

// spanning is a store whose driver makes spans.
type spanning struct {
	store.Store
	tracer trace.Tracer
}

func (s *spanning) Get(ctx context.Context, key string) ([]byte, error) {
	ctx, span := s.tracer.Start(ctx, "driver")
	defer span.End()
	return s.Store.Get(ctx, key)
}

// TestTwoTracers: each of two observers in one Tee ends the span that it began.
func TestTwoTracers(t *testing.T) {
	var observers []store.Observer
	exporter := tracetest.NewInMemoryExporter()
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
	for _, system := range []string{"outer", "inner"} {
		o, err := otelstore.New(&otelstore.Options{TracerProvider: tracers, System: system})
		if err != nil {
			t.Fatal(err)
		}
		observers = append(observers, o)
	}
	store.Observe(store.NewMap(nil), store.Tee(observers...)).Get(t.Context(), "k")
	var order []string
	for _, s := range exporter.GetSpans() { // in the order of their ends
		order = append(order, attributes(s.Attributes))
	}
	if len(order) != 2 || !strings.Contains(order[0], "inner") || !strings.Contains(order[1], "outer") {
		t.Error(order)
	}
}

func TestMetrics(t *testing.T) {
	ctx := t.Context()
	b := newBed(t, store.NewMap(&store.MapOptions{MaxValue: 10}))
	b.Set(ctx, "secret-key", []byte("value"))
	b.Get(ctx, "secret-key")
	b.Get(ctx, "secret-none")
	b.Set(ctx, "secret-key", make([]byte, 11))

	var got metricdata.ResourceMetrics
	if err := b.reader.Collect(ctx, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.ScopeMetrics) != 1 || len(got.ScopeMetrics[0].Metrics) != 1 {
		t.Fatalf("%+v", got)
	}
	m := got.ScopeMetrics[0].Metrics[0]
	if m.Name != "db.client.operation.duration" || m.Unit != "s" {
		t.Errorf("%s in %s", m.Name, m.Unit)
	}
	points := map[string]uint64{}
	for _, p := range m.Data.(metricdata.Histogram[float64]).DataPoints {
		points[attributes(p.Attributes.ToSlice())] = p.Count
		if want := []float64{0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10}; !slices.Equal(p.Bounds, want) {
			t.Errorf("bounds %v", p.Bounds)
		}
		if p.Sum < 0 || p.Sum > time.Minute.Seconds() {
			t.Errorf("a sum of %v s", p.Sum)
		}
	}
	want := map[string]uint64{
		common + "set db.system.name=postgresql":                      1,
		common + "set db.system.name=postgresql error.type=too_large": 1,
		common + "get db.system.name=postgresql":                      2,
	}
	if !maps.Equal(points, want) {
		t.Errorf("got %v, want %v", points, want)
	}
}

func TestNothingToTell(t *testing.T) {
	o, err := otelstore.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := store.Observe(store.NewMap(nil), o)
	if allocs := testing.AllocsPerRun(100, func() { s.Contains(t.Context(), "k") }); allocs > 0 {
		t.Errorf("%v allocations with nobody to tell", allocs)
	}
}

func BenchmarkGet(b *testing.B) {
	ctx := context.Background()
	m := store.NewMap(nil)
	m.Set(ctx, "k", make([]byte, 600))
	for name, o := range map[string]*otelstore.Options{
		"metrics":   {MeterProvider: metric.NewMeterProvider(metric.WithReader(metric.NewManualReader()))},
		"unsampled": {TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample()))},
		"spans":     {TracerProvider: sdktrace.NewTracerProvider()},
	} {
		b.Run(name, func(b *testing.B) {
			observer, err := otelstore.New(o)
			if err != nil {
				b.Fatal(err)
			}
			s := store.Observe(m, observer)
			b.ReportAllocs()
			for b.Loop() {
				s.Get(ctx, "k")
			}
		})
	}
}

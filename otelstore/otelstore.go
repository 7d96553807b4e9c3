package otelstore

import (
	"cmp"
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/larder-go/larder/store"
)

// Options are the options of [New]. nil means the zero value, which observes nothing.
type Options struct {
	TracerProvider trace.TracerProvider // nil: no spans
	MeterProvider  metric.MeterProvider // nil: no metrics

	// System is db.system.name: "postgresql", "redis", "memcached". "" means "other", which fits files, bbolt and process memory. Anything
	// is taken: of a Layer, say, "larder.layer".
	System string

	// Namespace is db.namespace: the name of the database in its server, or whatever tells two stores of one program apart.
	Namespace string
}

const (
	scope     = "github.com/larder-go/larder/otelstore"
	schemaURL = "https://opentelemetry.io/schemas/1.43.0"
)

// New returns an Observer for [store.Observe]. The error is that of the MeterProvider.
func New(o *Options) (store.Observer, error) {
	if o == nil {
		o = &Options{}
	}
	w := &observer{shared: []attribute.KeyValue{attribute.String("db.system.name", cmp.Or(o.System, "other"))}}
	if o.Namespace != "" {
		w.target = " " + o.Namespace
		w.shared = append(w.shared, attribute.String("db.namespace", o.Namespace))
	}
	if o.TracerProvider != nil {
		w.tracer = o.TracerProvider.Tracer(scope, trace.WithSchemaURL(schemaURL))
	}
	if o.MeterProvider != nil {
		var err error
		meter := o.MeterProvider.Meter(scope, metric.WithSchemaURL(schemaURL))
		w.duration, err = meter.Float64Histogram("db.client.operation.duration", metric.WithUnit("s"),
			metric.WithDescription("Duration of database client operations."),
			metric.WithExplicitBucketBoundaries(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10))
		if err != nil {
			return nil, err
		}
	}
	w.prepare()
	return w, nil
}

type observer struct {
	tracer   trace.Tracer            // nil: none
	duration metric.Float64Histogram // nil: none
	target   string
	shared   []attribute.KeyValue

	// Made once, for they are the same each time.
	begin  map[store.Op]begin
	record map[kind][]metric.RecordOption
}

// begin is how the span of an operation begins.
type begin struct {
	name    string
	options []trace.SpanStartOption
}

// kind is what the histogram tells apart.
type kind struct {
	op     store.Op
	failed store.Outcome // "": it did not
}

func (w *observer) prepare() {
	w.begin, w.record = make(map[store.Op]begin), make(map[kind][]metric.RecordOption)
	for _, op := range store.Ops() {
		attrs := append(w.shared[:len(w.shared):len(w.shared)], attribute.String("db.operation.name", string(op)))
		w.begin[op] = begin{string(op) + w.target, []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attrs...)}}
		w.record[kind{op: op}] = recordOptions(attrs)
		for _, o := range store.Outcomes() {
			if failure(o) == "" {
				continue
			}
			w.record[kind{op, o}] = recordOptions(append(attrs[:len(attrs):len(attrs)], attribute.String("error.type", string(o))))
		}
	}
}

func recordOptions(attrs []attribute.KeyValue) []metric.RecordOption {
	return []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(attrs...))}
}

// failure returns the outcome where it is an error, else "".
func failure(o store.Outcome) store.Outcome {
	if o.Failed() {
		return o
	}
	return ""
}

func (w *observer) Begin(ctx context.Context, op store.Op) context.Context {
	if w.tracer == nil {
		return ctx
	}
	b := w.begin[op]
	ctx, span := w.tracer.Start(ctx, b.name, b.options...)
	return context.WithValue(ctx, spanKey{w}, span)
}

// spanKey finds the span that this observer began: another one may have begun a later span in the same context.
type spanKey struct{ w *observer }

func (w *observer) End(ctx context.Context, e store.Event) {
	failed := failure(e.Outcome)
	if w.duration != nil {
		w.duration.Record(ctx, e.Duration.Seconds(), w.record[kind{e.Op, failed}]...)
	}
	if w.tracer == nil {
		return
	}
	span, ok := ctx.Value(spanKey{w}).(trace.Span)
	if !ok {
		return
	}
	if span.IsRecording() {
		tell(span, &e, failed)
	}
	span.End()
}

func tell(span trace.Span, e *store.Event, failed store.Outcome) {
	attrs := make([]attribute.KeyValue, 0, 3)
	switch {
	case failed != "":
		attrs = append(attrs, attribute.String("error.type", string(failed)))
		text := string(failed)
		if e.Err != nil {
			text = e.Err.Error() // which shows no key
		}
		span.SetStatus(codes.Error, text)
	case e.Outcome != store.OutcomeOK: // an answer, or the doing of the caller
		attrs = append(attrs, attribute.String("larder.outcome", string(e.Outcome)))
	}
	if e.Bytes != 0 {
		attrs = append(attrs, attribute.Int64("larder.bytes", e.Bytes))
	}
	if e.Entries != 0 {
		attrs = append(attrs, attribute.Int("larder.entries", e.Entries))
	}
	span.SetAttributes(attrs...)
}

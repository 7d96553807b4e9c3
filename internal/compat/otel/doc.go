// Package otel has tests only: of package otelstore with OpenTelemetry's own SDK and its exporter for Prometheus.
package otel

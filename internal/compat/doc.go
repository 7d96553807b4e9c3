// Package compat tests Larder together with programs and libraries of others, in a module of its own so that nobody who imports Larder
// downloads them. Here: goose, on the same table as our migrations. Below it:
//
//   - browser drives Chromium, which logs in to `larder demo` and reports the cookies that it keeps.
//   - routers has an Example of package session for chi, echo and gin, and sessions within a websocket and a stream of events.
//   - bridge takes over who is logged in by alexedwards/scs or gorilla/sessions: the code of the guide to changing from them.
//   - otel gives package otelstore OpenTelemetry's SDK and its exporter for Prometheus.
//   - units, a module of its own, reads what contrib has to paste with systemd, sh, Kubernetes' types and Prometheus' engine.
//   - peers measures what a request costs, beside alexedwards/scs and gorilla/sessions in the same run.
package compat

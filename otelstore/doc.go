// Package otelstore tells OpenTelemetry what happens on a store: a span for each operation, and a histogram of how long they take.
//
//	o, err := otelstore.New(&otelstore.Options{
//		TracerProvider: tracerProvider,
//		MeterProvider:  meterProvider,
//		System:         "postgresql",
//	})
//	if err != nil {
//		return err
//	}
//	s = store.Observe(s, o)
//
// It imports the packages of OpenTelemetry's API alone, and no SDK; which one, and where to that exports, the program decides that makes the
// providers.
//
// # Conventions
//
// Names follow the stable semantic conventions for database clients, version 1.43.0. A span has the kind client and the name
// "{operation} {namespace}", or with no namespace, the operation alone, and these attributes, as has the metric
// db.client.operation.duration, in seconds:
//
//	db.system.name       Options.System
//	db.namespace         Options.Namespace, where it is set
//	db.operation.name    the store.Op: get, set, delete, ...
//	error.type           the store.Outcome of an operation that failed, by its method Failed: unavailable, corrupt, error, ...
//
// Attributes that the conventions do not have stand on the span alone, and begin with larder: larder.outcome where an operation did not fail
// and yet found no entry (not_found) or another version (conflict), had a caller who left (canceled) or an invalid key (invalid), larder.bytes, and
// larder.entries of lists and sweeps.
//
// That an entry is absent, or has changed, is an answer and no error; nor is what its caller did an error of the store. No key and no value is told: keys are bearer tokens.
package otelstore

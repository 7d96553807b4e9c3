// Package units tests what contrib has for operators to paste, with the programs and libraries that will read it: systemd-analyze for the
// service and the timer, a shell for the line of cron, Kubernetes' own types and its pod security checks for the CronJob, Prometheus' parser and
// engine for the alert rules, its text format for the file that `larder cleanup --metrics-file` writes. It is a module of its own, since the libraries of
// Prometheus would hold back what the other tests of package compat need.
package units

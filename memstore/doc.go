// Package memstore keeps entries in memcached servers.
package memstore

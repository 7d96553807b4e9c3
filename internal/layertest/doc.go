// Package layertest has tests only: of store.Layer over the stores that it is for, with the servers that they need. What needs none stands in
// package store.
package layertest

// Package compat tests Larder against programs of others that work on the same data.
package compat

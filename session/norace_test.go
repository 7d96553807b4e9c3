//go:build !race

package session

// raced: the race detector allocates too.
const raced = false

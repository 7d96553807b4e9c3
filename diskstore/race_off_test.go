//go:build !race

package diskstore_test

const raceOn = false

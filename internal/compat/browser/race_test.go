//go:build race

package browser

// The demo is built with the race detector where its tests are.
var raceFlag = []string{"-race"}

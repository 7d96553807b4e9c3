//go:build unix && !linux

package cli

const hasDeathSignal = false

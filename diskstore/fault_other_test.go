//go:build !linux

package diskstore_test

func errnoOf(error) int { return 0 }

func (r role) limit() error { return nil }

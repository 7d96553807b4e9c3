//go:build !windows

package boltstore

const cannotSyncFolders = false

//go:build !unix

package cli

import "io/fs"

const noFollow = 0

func isLink(error) bool { return false }

// ownFile and privateFile are what this system's modes do not tell.
func ownFile(fs.FileInfo) bool { return true }

func privateFile(fs.FileInfo) bool { return true }

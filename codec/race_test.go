//go:build race

package codec_test

// raceFactor is how much more the race detector lets small blocks take: it gives each a block of its own.
const raceFactor = 2

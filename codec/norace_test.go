//go:build !race

package codec_test

const raceFactor = 1

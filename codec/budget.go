package codec

import "errors"

// A list of a million nils is a megabyte of input and sixteen of interfaces; a million empty maps are fifty. Decoding may take
// memoryFactor times the input and memorySlack besides, whatever the input says, and stops with errMemory before it takes more.
const (
	memoryFactor = 8
	memorySlack  = 1 << 20
	reserve      = 8 << 10 // of the slack, for what is not counted piece by piece
)

var errMemory = errors.New("it would take more than 8 times its size and 1 MiB of memory")

// What a value costs when it is put into an interface: the words that the interface points to.
const (
	wordCost   = 8
	stringCost = 16
	sliceCost  = 24
	timeCost   = 24
	ifaceSize  = 16
)

func budgetFor(data []byte) int { return memoryFactor*len(data) + memorySlack - reserve }

// bytesCost is what a block of n bytes takes once the allocator has rounded it up: to one of its classes, by at most an eighth
// where they are far apart, and with a header of 8 bytes where a large block holds pointers.
func bytesCost(n int) int {
	switch {
	case n <= 16:
		return (n + 7) &^ 7
	case n <= 512:
		return (n + 31) &^ 31
	}
	return n + n/8 + 16
}

// mapCost is what a map made for n entries of slot bytes takes. The runtime keeps 8 entries and 8 bytes in a group, makes room
// for n·8/7 rounded up to a power of two, or where that fits closely splits half of its tables later: twice n·8/7 either way.
func mapCost(n, slot int) int {
	const header = 48
	switch {
	case n == 0:
		return header
	case n <= 8:
		return header + bytesCost(8*(slot+1))
	}
	return 400 + bytesCost(n*18/7*(slot+2))
}

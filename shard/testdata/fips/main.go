// Fips prints the algorithms that a program which may not use MD5 does without. TestPlacementFIPS runs it, for the tests themselves are linked with clients that use SHA-1.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/larder-go/larder/shard"
)

func main() {
	nodes := []shard.Node{{Name: "n0"}, {Name: "n1"}, {Name: "n2"}}
	for _, algorithm := range shard.Algorithms() {
		for _, weight := range []int{1, 2} {
			nodes[0].Weight = weight
			p, err := shard.NewPlacement(algorithm, nodes)
			if err == nil {
				p.Place("key")
			} else if !errors.Is(err, errors.ErrUnsupported) {
				fmt.Println(err)
				os.Exit(1)
			} else if weight == 1 {
				fmt.Println(algorithm)
			}
		}
	}
}

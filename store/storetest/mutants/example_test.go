package mutants_test

import (
	"fmt"

	"github.com/larder-go/larder/store/storetest/mutants"
)

func ExampleAll() {
	for _, m := range mutants.All() {
		if m.Name == "closed-absent" {
			fmt.Printf("%s: a store that %s; caught by %s\n", m.Name, m.Fault, m.Case)
		}
	}
	fmt.Println(len(mutants.All()) >= 45)
	// Output:
	// closed-absent: a store that says that an entry is absent where Close has met the call; caught by errors/closing
	// true
}

package live_test

import (
	"context"
	"fmt"

	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest/live"
)

// Give Run an Open that opens your deployment with the Expiry that a case asks for.
func ExampleRun() {
	open := func(_ context.Context, e store.Expiry) (store.Closer, error) {
		return store.NewMap(&store.MapOptions{Expiry: e}), nil // each has entries of its own, therefore Alone
	}
	report, err := live.Run(context.Background(), live.Config{Open: open, Alone: true, Cases: []string{"keys/pairs"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range report.Results {
		fmt.Printf("%s: kept: %v\n%s: %s\n", r.Case, r.Kept(), r.Heading, r.Rule)
	}
	// Output:
	// keys/pairs: kept: true
	// Keys: Distinct keys never meet: nothing is folded, trimmed, cut or normalised, and no key reaches what the backend uses for itself.
}

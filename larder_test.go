package larder_test

import (
	"context"
	"fmt"
	"os"

	"github.com/larder-go/larder"
)

func ExampleOpen() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "larder")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	// The same program on another backend: change the URL, to "map:" or "bolt:./larder.db".
	s, err := larder.Open(ctx, "file:"+dir+"?x-timeout=24h")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()

	if err := s.Set(ctx, "session:8f3a", []byte("alice")); err != nil {
		fmt.Println(err)
	}
	value, err := s.Get(ctx, "session:8f3a")
	fmt.Printf("%s %v\n", value, err)
	// Output: alice <nil>
}

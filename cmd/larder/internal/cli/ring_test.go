package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/larder-go/larder"
)

// TestRings runs the scripts in testdata/ring on nodes of every embedded kind. $A to $D are the URLs of nodes, $LARDER_STORE has the first three of
// them, and $CLOSED is an address where nothing listens.
func TestRings(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for name, url := range map[string]string{"file": "file:./%s", "bolt": "bolt:./%s.db"} {
		t.Run(name, func(t *testing.T) {
			testscript.Run(t, testscript.Params{
				Dir:                 "testdata/ring",
				RequireExplicitExec: true,
				RequireUniqueNames:  true,
				Setup: func(e *testscript.Env) error {
					nodes := ""
					for _, node := range []string{"a", "b", "c", "d"} {
						e.Setenv(strings.ToUpper(node), fmt.Sprintf(url, node))
						if node != "d" {
							nodes += "&node=" + node + "=" + fmt.Sprintf(url, node)
						}
					}
					e.Setenv("NODES", nodes[1:])
					e.Setenv("LARDER_STORE", "shard:?"+nodes[1:])
					e.Setenv("CLOSED", closed.Addr().String())
					e.Setenv("PLACE", strings.TrimPrefix(fmt.Sprintf(url, "d"), name+":./"))
					e.Setenv("GORACE", "atexit_sleep_ms=0")
					return nil
				},
				Condition: func(cond string) (bool, error) {
					switch cond {
					case "file", "bolt":
						return cond == name, nil
					case "devfull":
						_, err := os.Stat("/dev/full")
						return err == nil, nil
					}
					return false, fmt.Errorf("unknown condition %q", cond)
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"exits": exits, "interrupts": interrupts, "within": within, "damage": damage,
				},
			})
		})
	}
}

// fillMain puts N entries, key-0 and so on, of a few bytes each into $LARDER_STORE.
func fillMain() {
	ctx, n := context.Background(), 0
	_, err := fmt.Sscan(os.Args[1], &n)
	s, openErr := larder.Open(ctx, os.Getenv("LARDER_STORE"))
	if err = errors.Join(err, openErr); err == nil {
		defer s.Close()
		for i := 0; err == nil && i < n; i++ {
			err = s.Set(ctx, fmt.Sprintf("key-%d", i), fmt.Append(nil, i))
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

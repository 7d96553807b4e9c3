// Command larder looks after a store from a shell or a cron job: set, get, ls, stat, rm, touch and cleanup.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/larder-go/larder/cmd/larder/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(cli.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv))
}

// Package cli is the larder command without its process: what main hands over are arguments, streams, environment and a context
// that ends with a signal, and what it gets back is an exit code. Tests run it as a function or, as scripts, in a process.
package cli

import (
	"bufio"
	"context"
	"io"
	"sync"

	"github.com/redis/go-redis/v9/logging"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/internal/traits"
	"github.com/larder-go/larder/store"
)

// quietRedis is for go-redis, which writes to standard error as it likes; what it knows, our errors say. Tests run commands beside each other, and it
// keeps its logger in a variable without a lock.
var quietRedis = sync.OnceFunc(logging.Disable)

// Run does what args say and returns the exit code. Results go to stdout and everything else to stderr; env looks
// up a variable of the environment. When ctx ends, the command stops, reports what it has done and returns 130.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env func(string) string) int {
	quietRedis()
	return newApp(stdin, stdout, stderr, env, larder.Mux()).run(ctx, args)
}

// app is one run of the command.
type app struct {
	stdin  io.Reader
	raw    io.Writer     // stdout itself: asked only whether it is a terminal
	out    *bufio.Writer // stdout
	stderr io.Writer
	env    func(string) string
	mux    store.Mux
	exits  exitTable
	tty    func(stream any) bool // isTerminal; a test of what only a terminal gets has another

	url      string         // of --store
	json     bool           // --json
	quiet    bool           // --quiet
	expiry   store.Expiry   // of the store that was opened, as its URL says
	fallback string         // the store where nobody names one
	from     string         // where the URL comes from, as storeURL says
	backend  traits.Backend // what that store's kind promises; zero where it is none of ours
	secret   string         // the URL of that store, which no message may show
}

func newApp(stdin io.Reader, stdout, stderr io.Writer, env func(string) string, mux store.Mux) *app {
	return &app{
		stdin: stdin, raw: stdout, out: bufio.NewWriter(stdout), stderr: stderr, env: env, mux: mux, exits: make(exitTable),
		fallback: defaultStore,
		tty:      isTerminal,
	}
}

func (a *app) run(ctx context.Context, args []string) int {
	root := a.rootCommand(args)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if flushErr := a.out.Flush(); err == nil && flushErr != nil {
		err = &failure{exitError, flushErr, "the results could not be written; look at where standard output goes"}
	}
	if err == nil {
		return exitDone
	}
	f := explain(err)
	a.complain(f, a.json || asksForJSON(args))
	return f.code
}

// asksForJSON finds --json also in arguments that could not be parsed, so that the error about them is JSON too.
func asksForJSON(args []string) bool {
	for _, arg := range args {
		switch arg {
		case "--":
			return false
		case "--json", "--json=true":
			return true
		}
	}
	return false
}

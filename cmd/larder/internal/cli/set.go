package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/larder-go/larder/internal/words"
	"github.com/larder-go/larder/store"
	"github.com/spf13/cobra"
)

// maxInput bounds what is read into memory before the store can say whether it takes so much.
const maxInput = 1 << 30

type setResult struct {
	Key  string `json:"key"` // shortened
	Size int    `json:"size"`
}

func (a *app) setCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "set KEY [FILE]",
		Short: "Store a value under a key: a file, or standard input",
		Long: "Store a value under a key: what FILE holds or, without FILE or with -, what\n" +
			"standard input does, to the byte. A store that does not exist is created. A key\n" +
			"that begins with a dash goes behind --.",
		Example: "  echo hello | larder set greeting\n" +
			"  larder set photo cat.jpg\n" +
			"  larder set --store bolt:./larder.db -- -odd-key <value.bin",
		Args: takes(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			key := args[0]
			if err := store.CheckKey(key); err != nil {
				return err
			}
			// The value comes first: where it cannot be read, no store is created.
			value, err := a.input(c.Context(), args[1:])
			if err != nil {
				return err
			}
			return a.withStore(c, true, func(ctx context.Context, s store.Closer) error {
				if err := s.Set(ctx, key, value); err != nil {
					return err
				}
				a.noteForEver()
				return a.summary(setResult{shorten(key), len(value)},
					fmt.Sprintf("stored %s under %s", words.Size(int64(len(value))), showKey(key, false)))
			})
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return nil, cobra.ShellCompDirectiveDefault // FILE
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
	}
	return a.exits.add(c, exitError, exitLocked)
}

// input reads the value.
func (a *app) input(ctx context.Context, args []string) ([]byte, error) {
	from, typed := a.stdin, false
	if len(args) > 0 && args[0] != "-" {
		file, err := os.Open(args[0])
		if err != nil {
			return nil, err
		}
		defer file.Close()
		from = file
	} else if typed = a.tty(a.stdin); typed && a.tty(a.stderr) {
		a.note("type the value and end it with Ctrl-D")
	}
	counted := &countingReader{from: from}
	if !typed { // else it would stand in the middle of what is being typed
		defer a.progress(func() string { return "reading: " + words.Size(counted.n.Load()) }).stop()
	}
	type read struct {
		value []byte
		err   error
	}
	// A read from a terminal or pipe cannot be called off, and must not hold up the answer to a signal. The goroutine ends
	// with the process.
	done := make(chan read, 1)
	go func() {
		value, err := readAll(counted, maxInput)
		done <- read{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// countingReader tells another goroutine how much was read.
type countingReader struct {
	from io.Reader
	n    atomic.Int64
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	r.n.Add(int64(n))
	return n, err
}

func readAll(r io.Reader, limit int64) ([]byte, error) {
	value, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(value)) > limit {
		return nil, &failure{exitError, errors.New("the input is over " + words.Size(limit)), "a store keeps its values in memory; give it something smaller"}
	}
	return value, err
}

// isTerminal is as good as it gets without asking the kernel: /dev/null counts as one, which does no harm where it is used.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

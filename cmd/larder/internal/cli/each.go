package cli

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/larder-go/larder/store"
)

// problem is one key of several that a command could not serve. The key is shortened; index says which of the
// arguments it was, from 0.
type problem struct {
	Index int    `json:"index"`
	Key   string `json:"key"`
	Code  int    `json:"code"`
	Error string `json:"error"`
}

// checkKeys refuses the whole command line for one bad key, before anything is done.
func checkKeys(args []string) error {
	for i, key := range args {
		if err := store.CheckKey(key); err != nil {
			return fmt.Errorf("key %d of %d: %w", i+1, len(args), err)
		}
	}
	return nil
}

// each runs do for every key and goes on where one fails, but not after a signal. A key that is given twice counts once; n is how many
// there are then. doing says for the progress what is done.
func (a *app) each(ctx context.Context, args []string, doing string, do func(key string) error) (n int, problems []problem, failures []*failure) {
	first := make(map[string]int, len(args))
	for i := len(args) - 1; i >= 0; i-- {
		first[args[i]] = i
	}
	n = len(first)
	var seen atomic.Int64
	defer a.progress(func() string {
		return fmt.Sprintf("%s: %s of %s", doing, thousands(int(seen.Load())), count(n, "key", "keys"))
	}).stop()
	for i, key := range args {
		if first[key] != i {
			continue
		}
		err := do(key)
		seen.Add(1)
		if err == nil {
			continue
		}
		f := explain(err)
		failures = append(failures, f)
		if errors.Is(err, context.Canceled) || ctx.Err() != nil {
			break
		}
		problems = append(problems, problem{i, shorten(key), f.code, a.redact(f.Error())})
	}
	return n, problems, failures
}

// outcome makes one failure of those of n keys: their own where all failed in the same way, else that some did.
func (a *app) outcome(n int, problems []problem, failures []*failure) error {
	if len(failures) == 0 {
		return nil
	}
	last := failures[len(failures)-1]
	if last.code == exitInterrupted || n == 1 {
		return last
	}
	if !a.json {
		for _, p := range problems {
			fmt.Fprintf(a.stderr, "larder: %s: %s\n", quoteUnlessPlain(p.Key), printable(p.Error))
		}
	}
	code, hint := exitPartial, "the others are done; run it again for those that failed"
	if len(failures) == n {
		hint = last.hint
		code = last.code
		for _, f := range failures {
			if f.code != code {
				code, hint = exitPartial, "see each key's own error"
			}
		}
	}
	return &failure{code, fmt.Errorf("%d of %s failed", len(failures), count(n, "key", "keys")), hint}
}

package cases

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
)

// Recorder is a [T] that writes down what happens to it. It lets a case fail without failing anything else: where a store is
// expected to break a rule.
type Recorder struct {
	ctx context.Context

	mu       sync.Mutex
	failures []string
	skipped  string
	cleanups []func()
}

// Try runs c and returns the failures, and the reason where the case was skipped. A panic is a failure.
func Try(ctx context.Context, c *Case, cfg Config) (failures []string, skipped string) {
	ctx, cancel := context.WithCancel(ctx)
	r := &Recorder{ctx: ctx}
	if need, _ := cfg.Missing(c); need != "" {
		cancel()
		return nil, "without " + need
	}
	var done sync.WaitGroup
	done.Go(func() {
		defer r.clean(cancel)
		defer func() {
			if p := recover(); p != nil {
				r.Errorf("panic: %v", p)
			}
		}()
		c.Run(NewEnv(r, cfg))
	})
	done.Wait()
	return r.failures, r.skipped
}

func (r *Recorder) clean(cancel func()) {
	cancel()
	for _, f := range slices.Backward(r.cleanups) {
		f()
	}
}

func (r *Recorder) Helper()                  {}
func (r *Recorder) Logf(string, ...any)      {}
func (r *Recorder) Context() context.Context { return r.ctx }

func (r *Recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *Recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *Recorder) Skipf(format string, args ...any) {
	r.mu.Lock()
	r.skipped = fmt.Sprintf(format, args...)
	r.mu.Unlock()
	runtime.Goexit()
}

func (r *Recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.failures) > 0
}

func (r *Recorder) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}

package cli

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/larder-go/larder/internal/words"
	"github.com/larder-go/larder/store"
)

type copyResult struct {
	Copied   int           `json:"copied"` // with dry_run: that would be
	Kept     int           `json:"kept"`   // DST had them
	Gone     int           `json:"gone"`   // removed or expired meanwhile, or too long unused for DST
	Corrupt  int           `json:"corrupt"`
	Failed   int           `json:"failed"`
	Bytes    int64         `json:"bytes"`    // of the values copied
	Resumed  int           `json:"resumed"`  // of all these, earlier runs did so many
	Since    *time.Time    `json:"since"`    // when the first of them began; null: there was none
	Late     int           `json:"late"`     // of copied: came or changed in SRC since, in front of where they had stopped
	Duration float64       `json:"duration"` // seconds
	Done     bool          `json:"done"`     // all is copied, and equal with --verify
	DryRun   bool          `json:"dry_run"`
	Verify   *verifyResult `json:"verify"`   // null: not asked for, or not come to
	Problems []copyProblem `json:"problems"` // the first hundred
}

type verifyResult struct {
	Same      int    `json:"same"`
	Changed   int    `json:"changed"` // in SRC since this run copied them
	Newer     int    `json:"newer"`   // used later in DST
	Missing   int    `json:"missing"`
	Different int    `json:"different"`
	Corrupt   int    `json:"corrupt"`
	SourceSum string `json:"source_sum"`
	TargetSum string `json:"target_sum"`
}

type copyProblem struct {
	Entry int    `json:"entry"` // which it was, from 1, in the order of SRC
	Key   string `json:"key"`   // shortened; empty: a damaged record does not tell
	Error string `json:"error"`
}

// problemList keeps the first problems: a store of a million entries may have as many.
type problemList struct {
	first []copyProblem
	n     int
}

const (
	mostProblems  = 100 // kept
	shownProblems = 10  // printed
)

func (l *problemList) add(p store.CopyProblem) {
	if l.n++; l.n > mostProblems {
		return
	}
	key := ""
	if p.Key != "" {
		key = shorten(p.Key)
	}
	l.first = append(l.first, copyProblem{p.N, key, p.Err.Error()})
}

// print shows the first few on stderr.
func (l *problemList) print(a *app, name func(copyProblem) string) {
	for i, p := range l.first {
		if i == shownProblems {
			fmt.Fprintf(a.stderr, "larder: and %s more\n", thousands(l.n-i))
			return
		}
		fmt.Fprintf(a.stderr, "larder: %s: %s\n", name(p), printable(a.redact(p.Error)))
	}
}

func newCopyResult(r store.CopyReport, problems *problemList, dryRun, done bool) copyResult {
	result := copyResult{Copied: r.Copied, Kept: r.Kept, Gone: r.Gone, Corrupt: r.Corrupt, Failed: r.Failed, Bytes: r.Bytes, Resumed: r.Resumed,
		Since: sinceOf(r), Late: r.Late, Duration: r.Duration.Seconds(), Done: done, DryRun: dryRun, Problems: problems.first}
	if result.Problems == nil {
		result.Problems = []copyProblem{}
	}
	if v := r.Verify; r.Verifying {
		result.Verify = &verifyResult{v.Same, v.Changed, v.Newer, v.Missing, v.Different, v.Corrupt, v.SourceSum, v.TargetSum}
	}
	return result
}

// sinceOf is when the first of several runs began.
func sinceOf(r store.CopyReport) *time.Time {
	if r.Since.IsZero() {
		return nil
	}
	since := r.Since.UTC()
	return &since
}

// copyText says what was done, and leaves out what is nothing.
func copyText(r store.CopyReport, f *copyFlags) string {
	var lines []string
	if !f.dryRun || !f.verify {
		lines = append(lines, putText(r, f.dryRun, "gone meanwhile, or not used for too long"))
	}
	if r.Verifying {
		v := r.Verify
		line := fmt.Sprintf("verified %s: %s the same", entries(v.Done()), thousands(v.Same))
		line += listCounts([]counted{{v.Changed, "changed in SRC since"}, {v.Newer, "newer in DST"}, {v.Missing, "missing"}, {v.Different, "different"},
			{v.Corrupt, "unreadable"}})
		lines = append(lines, line)
		if v.SourceSum != "" {
			lines = append(lines, "SHA-256 of SRC "+v.SourceSum, "SHA-256 of DST "+v.TargetSum)
		}
	}
	return strings.Join(lines, "\n")
}

func putText(r store.CopyReport, dryRun bool, gone string) string {
	line := "copied " + entries(r.Copied) + ", " + words.Size(r.Bytes)
	if dryRun {
		line = "would copy " + entries(r.Copied) + ", " + words.Size(r.Bytes)
	} else {
		line += ", in " + age(roundDuration(r.Duration))
	}
	earlier := "by earlier runs"
	if !r.Since.IsZero() {
		earlier += " since " + r.Since.UTC().Format(time.RFC3339)
	}
	return line + listCounts([]counted{{r.Resumed, earlier}, {r.Late, "of them had come or changed since, in front of where those had stopped"}, {r.Kept, "kept as they were"}, {r.Gone, gone}, {r.Corrupt, "unreadable"}, {r.Failed, "failed"}})
}

type counted struct {
	n    int
	what string
}

func listCounts(counts []counted) (text string) {
	for _, c := range counts {
		if c.n > 0 {
			text += "; " + thousands(c.n) + " " + c.what
		}
	}
	return text
}

// copyWatch is the progress of a copy on the terminal, which is told by one goroutine and shown by another.
type copyWatch struct {
	line    *progress
	src     *waiting
	dst     *waiting
	last    atomic.Pointer[store.CopyReport]
	total   atomic.Int64 // counted by another list so far
	counted atomic.Bool  // to its end
	cancel  context.CancelFunc
	gone    sync.WaitGroup
}

// watch begins the progress line and, where that is shown, counts what there is to do, beside the copy.
func (a *app) watch(ctx context.Context, src store.Store, f *copyFlags) *copyWatch {
	w := &copyWatch{cancel: func() {}, src: a.waiting("SRC: "), dst: a.waiting("DST: ")}
	w.line = a.progress(func() string {
		return w.src.or(func() string { return w.dst.or(w.text) })
	})
	if w.line == nil {
		return w
	}
	ctx, w.cancel = context.WithCancel(ctx)
	w.gone.Go(func() {
		for _, err := range store.List(ctx, src, f.prefix) {
			if err == nil {
				w.total.Add(1)
			} else if ctx.Err() != nil {
				return
			}
		}
		w.counted.Store(true)
	})
	return w
}

func (w *copyWatch) tell(r store.CopyReport) { w.last.Store(&r) }

func (w *copyWatch) stop() {
	w.cancel()
	w.gone.Wait()
	w.line.stop()
}

func (w *copyWatch) text() string {
	r := w.last.Load()
	if r == nil {
		return "copying"
	}
	return copyLine(r, int(w.total.Load()), w.counted.Load())
}

// copyLine says how far a copy is, at which rate, and how long it will take from here.
func copyLine(r *store.CopyReport, total int, counted bool) string {
	verb, done, before := "copying", r.Done(), r.Resumed
	if r.Verifying {
		verb, done, before = "verifying", r.Verify.Done(), 0
	}
	rate := float64(done-before) / max(r.Duration.Seconds(), 0.001)
	line := fmt.Sprintf("%s: %s", verb, thousands(done))
	if counted {
		line += " of " + thousands(max(total, done))
	} else if total > done {
		line += " of over " + thousands(total)
	}
	if r.Verifying { // its time is not told apart from that of the copy
		return line
	}
	line += fmt.Sprintf(", %s/s", thousands(int(rate)))
	if counted && rate > 0 && total > done {
		line += fmt.Sprintf(", %s left", age(time.Duration(float64(total-done)/rate*float64(time.Second)).Round(time.Second)))
	}
	return line
}

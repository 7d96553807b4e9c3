package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/larder-go/larder/internal/words"
	"github.com/larder-go/larder/store"
	"github.com/spf13/cobra"
)

type importResult struct {
	Copied   int             `json:"copied"` // entries; with dry_run: that would be
	Kept     int             `json:"kept"`   // the store had them
	Gone     int             `json:"gone"`   // expired, or too long unused for the store
	Corrupt  int             `json:"corrupt"`
	Failed   int             `json:"failed"`
	Bytes    int64           `json:"bytes"`    // of the values copied
	Resumed  int             `json:"resumed"`  // of all these, earlier runs did so many
	Since    *time.Time      `json:"since"`    // when the first of them began; null: there was none
	Duration float64         `json:"duration"` // seconds
	Done     bool            `json:"done"`     // all of the file is in the store
	DryRun   bool            `json:"dry_run"`
	Problems []importProblem `json:"problems"` // the first hundred
}

type importProblem struct {
	Line  int    `json:"line"`
	Key   string `json:"key"` // shortened; empty: the line does not tell
	Error string `json:"error"`
}

type importFlags struct {
	workers   int
	rate      float64
	overwrite overwrite
	dryRun    bool
	strict    bool
	restart   bool
}

func (a *app) importCommand() *cobra.Command {
	var f importFlags
	c := &cobra.Command{
		Use:   "import [FILE]",
		Short: "Read all entries from a file that larder export wrote",
		Long: "Read all entries from FILE or, without FILE or with -, from standard input, as\n" +
			"larder export wrote them, each with its deadline and the time of its last use. A\n" +
			"store that does not exist is created.\n\n" +
			"A line that cannot be read is named by its number, and the others are imported\n" +
			"all the same; so is what there is of a file that was cut off. An import that is\n" +
			"interrupted or killed goes on where it was when it is run again.",
		Example: "  larder import sessions.jsonl\n" +
			"  larder import --store bolt:./larder.db --overwrite older sessions.jsonl\n" +
			"  zstdcat users.jsonl.zst | larder import --dry-run",
		Args: takesFile,
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkPace(c, f.workers, f.rate); err != nil {
				return err
			}
			in := a.stdin
			if len(args) > 0 && args[0] != "-" {
				file, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer file.Close()
				in = file
			}
			return a.importAll(c, in, &f)
		},
	}
	flags := c.Flags()
	flags.Var(&f.overwrite, "overwrite", "replace entries: never, older or always")
	flags.IntVar(&f.workers, "workers", 0, "write `N` entries at once; 8 without it")
	flags.Float64Var(&f.rate, "rate", 0, "write at most `N` entries a second")
	flags.BoolVarP(&f.dryRun, "dry-run", "n", false, "say what would be imported, write nothing")
	flags.BoolVar(&f.strict, "strict", false, "stop at the first line that cannot be read")
	flags.BoolVar(&f.restart, "restart", false, "begin anew, also where an earlier import was interrupted")
	return a.exits.add(c, exitError, exitPartial, exitNoStore, exitLocked)
}

// importAll reads the header before a store is made: what is no export makes none.
func (a *app) importAll(c *cobra.Command, in io.Reader, f *importFlags) error {
	again := rewind(in)
	in, stop := cancellable(c.Context(), in)
	defer stop()
	counted := &countingReader{from: in}
	r, err := readExport(counted)
	if err != nil {
		return err
	}
	return a.withStore(c, !f.dryRun, func(ctx context.Context, s store.Closer) error {
		name := "import:" + r.header.ID + ":" + store.Overwrite(f.overwrite).String()
		if r.header.ID == "" || len(r.header.ID) > 64 || store.CheckKey(store.ReservedKey("copy:"+name)) != nil {
			name = "" // no export of ours
		}
		if f.restart && !f.dryRun && name != "" {
			if err := s.Delete(ctx, store.ReservedKey("copy:"+name)); err != nil {
				return err
			}
		}
		var problems problemList
		begun := false
		items := func(yield func(store.Entry, error) bool) {
			if begun { // it is not the file that an interrupted import had begun with, and all of it must be imported
				err := again()
				if err == nil {
					r, err = readExport(counted)
				}
				if err != nil {
					yield(store.Entry{}, err)
					return
				}
			}
			begun = true
			for e, err := range r.entries() {
				if f.strict && errors.Is(err, store.ErrCorrupt) { // in other words, for it ends the import; and nothing behind it is read
					yield(e, &failure{exitError, fmt.Errorf("line %d: %v", r.n, err), "what was imported until then stays; without --strict the line is left out"})
					return
				}
				if !yield(e, err) {
					return
				}
			}
		}
		waits := a.waiting("")
		line := a.progress(func() string {
			return waits.or(func() string { return "importing: " + words.Size(counted.n.Load()) + " read" })
		})
		report, err := store.PutItems(ctx, store.Observe(s, waits), items, &store.CopyOptions{
			Workers: f.workers, Rate: f.rate, Overwrite: store.Overwrite(f.overwrite), DryRun: f.dryRun, Checkpoint: name, Problem: problems.add,
		})
		line.stop()
		return a.importDone(report, &problems, f, r.wrong, err)
	})
}

// importDone prints what was done. wrong is what is wrong with the file as a whole.
func (a *app) importDone(r store.CopyReport, problems *problemList, f *importFlags, wrong, err error) error {
	if !a.json {
		problems.print(a, func(p copyProblem) string { return fmt.Sprintf("line %d", p.Entry+1) })
	}
	result := importResult{Copied: r.Copied, Kept: r.Kept, Gone: r.Gone, Corrupt: r.Corrupt, Failed: r.Failed, Bytes: r.Bytes, Resumed: r.Resumed,
		Since: sinceOf(r), Duration: r.Duration.Seconds(), Done: err == nil && wrong == nil, DryRun: f.dryRun, Problems: []importProblem{}}
	for _, p := range problems.first {
		result.Problems = append(result.Problems, importProblem{p.Entry + 1, p.Key, p.Error})
	}
	if printErr := a.summary(result, putText(r, f.dryRun, "expired, or not used for too long")); printErr != nil {
		return printErr
	}
	switch {
	case err != nil && !errors.Is(err, store.ErrPartial):
		if errors.Is(err, context.Canceled) {
			return &failure{exitInterrupted, errors.New("interrupted"), "what was imported stays; run it again and it goes on from there"}
		}
		return err
	case wrong != nil:
		return wrong
	case err != nil:
		return &failure{exitPartial, fmt.Errorf("%s of %s could not be imported", thousands(r.Failed+r.Corrupt), entries(r.Done())),
			"the others are imported; mend what is wrong with those and run it again"}
	}
	return nil
}

// rewind returns what goes back to where in stands, if anything can.
func rewind(in io.Reader) func() error {
	if file, ok := in.(*os.File); ok && isRegular(file) {
		if at, err := file.Seek(0, io.SeekCurrent); err == nil {
			return func() error {
				_, err := file.Seek(at, io.SeekStart)
				return err
			}
		}
	}
	return func() error {
		return &failure{exitError, errors.New("this is another file than the one of the same id whose import was interrupted"), "run it again, and it begins anew"}
	}
}

// cancellable returns a reader that ends with ctx, although a read from a terminal or a pipe cannot be called off.
func cancellable(ctx context.Context, in io.Reader) (_ io.Reader, stop func()) {
	if file, ok := in.(*os.File); ok && isRegular(file) {
		return in, func() {}
	}
	r, w := io.Pipe()
	go func() { // it ends with its input, or with the process
		_, err := io.Copy(w, in)
		w.CloseWithError(err)
	}()
	context.AfterFunc(ctx, func() { r.CloseWithError(ctx.Err()) })
	return r, func() { r.Close() }
}

func isRegular(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode().IsRegular()
}

package cli

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
	"time"

	"github.com/larder-go/larder/internal/words"
	"github.com/larder-go/larder/store"
	"github.com/spf13/cobra"
)

type exportResult struct {
	Exported int     `json:"exported"` // entries, with those of the runs that this one continues
	Bytes    int64   `json:"bytes"`    // of the values that this run wrote
	Corrupt  int     `json:"corrupt"`  // entries that cannot be read
	Resumed  int     `json:"resumed"`  // of all these, earlier runs wrote so many
	Duration float64 `json:"duration"` // seconds
	Done     bool    `json:"done"`     // the export has its last line
}

func (a *app) exportCommand() *cobra.Command {
	var prefix string
	var resume bool
	c := &cobra.Command{
		Use:   "export [FILE]",
		Short: "Write all entries to a file, one line of JSON each",
		Long: "Write all entries, with their deadlines and the times of their last use, as lines\n" +
			"of JSON to FILE or, without FILE or with -, to standard output. No entry counts as\n" +
			"used. docs/export.md describes the lines; larder import reads them.\n\n" +
			"The keys of sessions are bearer tokens: whoever reads the file is logged in. FILE\n" +
			"is made for its owner alone, and must not exist. With --resume, one that an\n" +
			"interrupted export has left is finished; what has changed in the store since it\n" +
			"was written stays as it was then.",
		Example: "  larder export sessions.jsonl\n" +
			"  larder export --resume sessions.jsonl\n" +
			"  larder export --prefix user: | zstd >users.jsonl.zst",
		Args: takesFile,
		RunE: func(c *cobra.Command, args []string) error {
			path := ""
			if len(args) > 0 && args[0] != "-" {
				path = args[0]
			}
			switch {
			case path == "" && a.json:
				return usage("name a FILE", "--json prints on standard output, where the export would go")
			case path == "" && resume:
				return usage("name the FILE", "--resume needs what was exported before")
			}
			return a.withStore(c, false, func(ctx context.Context, s store.Closer) error {
				if !store.CanList(s) {
					return cannotList()
				}
				return a.export(ctx, s, path, prefix, resume)
			})
		},
	}
	c.Flags().StringVar(&prefix, "prefix", "", "only keys that begin with `PREFIX`")
	c.Flags().BoolVar(&resume, "resume", false, "finish FILE, if there is one")
	return a.exits.add(c, exitError, exitPartial, exitNoStore, exitLocked)
}

func takesFile(c *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usage("usage: "+c.UseLine(), "%d arguments, but %s takes no more than one FILE", len(args), c.CommandPath())
	}
	return nil
}

// exporter is an export at work.
type exporter struct {
	out     *bufio.Writer
	file    *os.File // nil: standard output
	sum     hash.Hash
	header  exportHeader
	after   string // key of the last entry that an earlier run wrote
	count   int    // lines after the header
	line    []byte
	result  exportResult
	written atomic.Int64 // entries, for the progress
}

func (a *app) export(ctx context.Context, s store.Store, path, prefix string, resume bool) error {
	begun := time.Now()
	e := &exporter{sum: sha256.New(), header: exportHeader{exportName, exportVersion, rand.Text(), store.Redact(a.secret), prefix, time.Now().UTC().Truncate(time.Second)}}
	complete, err := e.open(a.raw, s, path, resume)
	if err != nil {
		return err
	}
	if !complete {
		waits := a.waiting("")
		line := a.progress(func() string {
			return waits.or(func() string { return "exporting: " + entries(int(e.written.Load())) })
		})
		err = e.write(ctx, store.Observe(s, waits))
		line.stop()
	}
	if e.file != nil {
		if closeErr := e.file.Close(); err == nil {
			err = closeErr
		}
	}
	e.result.Duration, e.result.Done = time.Since(begun).Seconds(), err == nil
	text := fmt.Sprintf("exported %s, %s, in %s%s", entries(e.result.Exported), words.Size(e.result.Bytes), age(roundDuration(time.Since(begun))),
		listCounts([]counted{{e.result.Resumed, "by earlier runs"}, {e.result.Corrupt, "unreadable"}}))
	if complete {
		text = "nothing to do: the export is complete, with " + entries(e.result.Exported)
	}
	if path == "" {
		a.note("%s", text)
	} else if err := a.summary(e.result, text); err != nil {
		return err
	}
	switch {
	case errors.Is(err, context.Canceled) && path != "" && store.CanListAfter(s):
		return &failure{exitInterrupted, errors.New("interrupted"), "larder export --resume finishes the file"}
	case err == nil && e.result.Corrupt > 0:
		return &failure{exitPartial, fmt.Errorf("%s cannot be read", entries(e.result.Corrupt)), adviceOnCorrupt}
	}
	return err
}

// open opens the file, or goes on with one that is not complete.
func (e *exporter) open(stdout io.Writer, s store.Store, path string, resume bool) (complete bool, err error) {
	if path == "" {
		e.out = bufio.NewWriterSize(stdout, 64<<10)
		return false, e.begin()
	}
	if resume {
		file, err := openOwn(path)
		if err == nil {
			e.file = file
			if complete, err = e.resume(s); err != nil {
				file.Close()
			}
			return complete, err
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
	}
	e.file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // keys are bearer tokens
	if errors.Is(err, fs.ErrExist) {
		return false, usage("--resume finishes what an interrupted export has left there; else remove it or name another", "there is a file %s already", quoteUnlessPlain(path))
	}
	if err != nil {
		return false, err
	}
	e.out = bufio.NewWriterSize(e.file, 64<<10)
	return false, e.begin()
}

// begin writes the header.
func (e *exporter) begin() error {
	line, err := marshal(e.header)
	if err != nil {
		return err
	}
	e.put(line)
	return e.out.Flush()
}

func (e *exporter) put(line []byte) {
	e.sum.Write(line)
	e.out.Write(line) // it keeps its first error until Flush
}

// write writes what is to come, and the trailer.
func (e *exporter) write(ctx context.Context, s store.Store) error {
	for entry, err := range store.Items(ctx, s, e.header.Prefix, e.after) {
		if errors.Is(err, store.ErrCorrupt) {
			e.result.Corrupt++
			e.count++
			e.put([]byte(unreadableLine))
			continue
		}
		if err != nil {
			return errors.Join(err, e.out.Flush())
		}
		e.line = appendEntry(e.line[:0], &entry)
		e.put(e.line)
		e.count++
		e.result.Exported++
		e.result.Bytes += int64(len(entry.Value))
		e.written.Store(int64(e.result.Exported))
		if e.result.Exported%64 == 0 { // a full disk is noticed soon
			if err := e.out.Flush(); err != nil {
				return err
			}
		}
	}
	trailer, err := marshal(exportTrailer{true, e.count, hex.EncodeToString(e.sum.Sum(nil))})
	if err != nil {
		return err
	}
	e.out.Write(trailer)
	if err := e.out.Flush(); err != nil || e.file == nil {
		return err
	}
	return e.file.Sync()
}

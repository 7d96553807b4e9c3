package crashtest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// roleEnv makes the test binary a writer.
const roleEnv = "LARDER_CRASHTEST_WRITER"

// order is what a writer gets to know: one line of JSON on its standard input.
type order struct {
	Subject string
	Dir     string
	Seed    uint64
	Workers int    // in all processes
	First   int    // number of this process's first worker
	Count   int    // of its workers
	Seq     uint64 // sequence numbers are above this
	Ops     int    // each worker falls silent after a seeded number of operations, at most this; 0: never
	Rest    bool   // pause at times
	Doom    int    // the system call that ends the process; -1: none
	DoomIn  time.Duration
	DoomOp  string // not before the next such operation begins; "": whatever is under way
	Retry   []retry
	Lone    bool // whoever has nothing to retry is silent, so that nobody's fsync covers a retry
}

// retry is the first thing a worker does: what its predecessor was at when it was killed.
type retry struct {
	Worker, Key int
	Op          string
}

// Writer runs the writer and never returns, where this process was started as one; otherwise it does nothing. Call it first in TestMain,
// with every subject of the package's campaigns.
func Writer(subjects ...Subject) {
	if os.Getenv(roleEnv) == "" {
		return
	}
	if err := write(subjects); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func write(subjects []Subject) error {
	in := bufio.NewReader(os.Stdin)
	text, err := in.ReadBytes('\n')
	if err != nil {
		return err
	}
	var o order
	if err := json.Unmarshal(text, &o); err != nil {
		return err
	}
	go func() { // whoever started us is gone, and nobody would end us
		_, _ = io.Copy(io.Discard, in)
		os.Exit(0)
	}()
	if o.Doom >= 0 && o.DoomOp == "" && o.DoomIn == 0 {
		if err := doom(o.Doom); err != nil {
			return err
		}
	} else if o.Doom >= 0 && o.DoomOp == "" {
		time.AfterFunc(o.DoomIn, func() { _ = doom(o.Doom) }) // else whoever started us kills us a little later
	}
	for _, s := range subjects {
		if s.Name == o.Subject {
			return work(s, o)
		}
	}
	return fmt.Errorf("crashtest: no subject named %q was given to Writer", o.Subject)
}

// work opens the store and lets the workers run until the process is killed.
func work(s Subject, o order) error {
	opened, err := s.Open(o.Dir)
	if err != nil {
		say(line{what: lineFail, op: "open", key: -1, text: err.Error()})
		return nil
	}
	say(line{what: lineReady, op: "-", key: -1})
	var all sync.WaitGroup
	for i := range o.Count {
		all.Go(func() { newWorker(opened, o, o.First+i).run() })
	}
	all.Wait()
	select {} // silent, not gone: whoever started us ends us
}

// say writes one line in one call, so that it is on the pipe, whole, before anything that comes after it.
func say(l line) {
	if _, err := os.Stdout.WriteString(l.String()); err != nil {
		os.Exit(0) // nobody listens
	}
}

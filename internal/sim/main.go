package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// config is what a run depends on.
type config struct {
	seed                    uint64
	nodes, sessions, events int
}

// defaults is the run that docs/simulation.md is about.
func defaults() config { return config{seed: 1, nodes: 1000, sessions: 1_000_000, events: 50} }

func main() {
	c := defaults()
	flag.Uint64Var(&c.seed, "seed", c.seed, "of the events and the sessions")
	flag.IntVar(&c.nodes, "nodes", c.nodes, "how many nodes there are at first")
	flag.IntVar(&c.sessions, "sessions", c.sessions, "how many sessions")
	flag.IntVar(&c.events, "events", c.events, "how many changes of the set of nodes")
	out := flag.String("out", "docs", "the folder for sim.csv and the plots")
	flag.Parse()
	if flag.NArg() > 0 || c.nodes < 2 || c.sessions < 1 || c.events < 0 {
		fmt.Fprintln(os.Stderr, "sim: no arguments, at least 2 nodes, 1 session and 0 events: see -h")
		os.Exit(2)
	}
	rows, err := c.run(os.Stdout)
	if err == nil {
		err = save(*out, rows)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sim:", err)
		os.Exit(1)
	}
}

// run goes through all events and writes a line for each, and the summary.
func (c config) run(w io.Writer) ([]row, error) {
	keys := sessions(c.seed, c.sessions)
	var states []*state
	for _, a := range algorithms() {
		states = append(states, &state{algorithm: a})
	}
	heading(w)
	var rows []row
	for number, e := range history(c.seed, c.nodes, c.events) {
		first := len(rows)
		for _, s := range states {
			r, err := s.apply(number, e, keys)
			if err != nil {
				return nil, err
			}
			rows = append(rows, r)
		}
		rows = append(rows, throw(c.seed, number, e, c.sessions))
		line(w, rows[first:])
	}
	_, err := fmt.Fprintf(w, "\n%s", summary(rows))
	return rows, err
}

// save writes all files, each whole or not at all where drawing it fails.
func save(folder string, rows []row) error {
	for _, f := range files() {
		var b bytes.Buffer
		if err := f.write(&b, rows); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, f.name), b.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/larder-go/larder/internal/chart"
)

// drawPlan draws the load of each node before and after.
func drawPlan(w io.Writer, r *ringPlanResult) error {
	now, next := 0, 0
	for _, n := range r.Nodes {
		now += n.Weight
		next += n.NextWeight
	}
	plot := chart.BarPlot{Title: "Load per node", Mark: "its share by weight afterwards"}
	share := percent(float64(r.Moving), float64(r.Entries))
	if r.Sampled {
		plot.Caption = fmt.Sprintf("Of %s keys made up for it; %s of them would move.", thousands(r.Entries), share)
	} else {
		plot.Caption = fmt.Sprintf("Entries on each node; %s of %s, %s, would move.", thousands(r.Moving), thousands(r.Entries), share)
	}
	for _, n := range r.Nodes {
		plot.Rows = append(plot.Rows, chart.Bar{Label: n.Node, Before: int64(n.Entries), After: int64(n.NextEntries),
			Mark: (int64(r.Entries)*int64(n.NextWeight) + int64(next)/2) / int64(next)})
	}
	return chart.Bars(w, plot)
}

// trySVG finds out whether the file can be written, before the nodes are counted for it.
func trySVG(path string) error {
	if path == "" || path == "-" {
		return nil
	}
	const advice = "name a file in a folder that is there and that this user can write to"
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return usage(advice, "--svg: %s is no file", quoteUnlessPlain(path))
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return usage(advice, "--svg: %w", err)
	}
	t, err := tempBeside(path)
	if err != nil {
		return usage(advice, "--svg: %w", err)
	}
	return errors.Join(t.Close(), os.Remove(t.Name()))
}

func tempBeside(path string) (*os.File, error) {
	return os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp")
}

// writeSVG puts the plot in place of the file, all at once. It shows names of nodes and numbers, so everybody may read it.
func writeSVG(path string, r *ringPlanResult) (err error) {
	t, err := tempBeside(path)
	if err != nil {
		return fmt.Errorf("--svg: %w", err)
	}
	w := bufio.NewWriter(t)
	err = errors.Join(drawPlan(w, r), w.Flush(), t.Chmod(0o644), t.Sync(), t.Close())
	if err == nil {
		err = os.Rename(t.Name(), path)
	}
	if err != nil {
		os.Remove(t.Name())
		return fmt.Errorf("--svg: %w", err)
	}
	return nil
}

package crashtest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync/atomic"
	"time"
)

// process is a running writer.
type process struct {
	cmd    *exec.Cmd
	doomed bool // is going to end by itself, perhaps
	stdin  io.WriteCloser
	stderr bytes.Buffer
	ready  chan struct{} // closed when it has said something, or ended
	ended  chan struct{} // closed when the pipe is drained
	heard  atomic.Int64  // how many lines so far
	lines  []line        // to be read after ended
	err    error         // likewise
}

// patience is how long a writer may take to open its store before that is a finding.
const patience = 30 * time.Second

func start(o order) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(self), doomed: o.Doom >= 0, ready: make(chan struct{}), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), roleEnv+"=1")
	p.cmd.Stderr = &p.stderr
	p.cmd.SysProcAttr = orphanless()
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go p.drain(stdout)
	if _, err := p.stdin.Write(append(text, '\n')); err != nil {
		return nil, errors.Join(err, p.kill())
	}
	return p, nil
}

// drain keeps what the writer says. It goes on after the writer's death until the pipe is empty.
func (p *process) drain(stdout io.Reader) {
	defer close(p.ended)
	for in := bufio.NewScanner(stdout); in.Scan(); {
		l, err := parseLine(in.Text())
		if err != nil {
			p.err = err
			break
		}
		p.lines = append(p.lines, l)
		if p.heard.Add(1) == 1 {
			close(p.ready)
		}
	}
	if p.heard.Load() == 0 {
		close(p.ready)
	}
}

// await waits until the writer has opened its store.
func (p *process) await() error {
	select {
	case <-p.ready:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("crashtest: a writer has not opened its store within %v", patience)
	}
}

// kill ends the writer by SIGKILL, frozen or not, and collects all that it said before. A doomed one gets a little time to end at
// its system call. It is an error if the writer had ended in another way before.
func (p *process) kill() error {
	if p.doomed {
		select {
		case <-p.ended:
		case <-time.After(20 * time.Millisecond):
		}
	}
	killErr := p.cmd.Process.Kill()
	<-p.ended // before Wait, which closes the pipe
	_ = p.cmd.Wait()
	_ = p.stdin.Close()
	switch {
	case p.err != nil:
		return p.err
	case p.cmd.ProcessState.Exited() && p.cmd.ProcessState.ExitCode() != 0:
		return fmt.Errorf("a writer ended by itself: %s: %s", p.cmd.ProcessState, firstLines(p.stderr.String()))
	case errors.Is(killErr, os.ErrProcessDone):
		return nil
	}
	return killErr
}

// firstLines is what fits a finding of what a panic prints.
func firstLines(s string) string { return s[:min(len(s), 2000)] }

package crashtest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// orphanless ends a writer with whoever started it, also one that is frozen and would not notice otherwise.
func orphanless() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

// freeze stops the writer and returns when no thread of it can run code of its own any more: each is stopped, or inside a system
// call from which it will not come back. What it has acknowledged is on the pipe then, and nothing follows.
//
// Without this a writer would acknowledge after the cut what a file system that is shut down pretends to have done.
func (p *process) freeze() error {
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(100 * time.Microsecond) {
		moving, err := movingThreads(p.cmd.Process.Pid)
		if moving == "" || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("crashtest: a writer does not stop: its threads are in the states %s", moving)
		}
	}
}

// movingThreads returns the states of the threads that are neither stopped (T), nor in a system call that nothing interrupts (D), nor
// dead (Z, X): a writer that ended by itself is not for us to judge here.
func movingThreads(pid int) (moving string, err error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil || len(tasks) == 0 {
		return "", fmt.Errorf("crashtest: the threads of a writer cannot be seen (%v)", err)
	}
	for _, task := range tasks {
		stat, err := os.ReadFile(task)
		if err != nil {
			continue // a thread that has ended
		}
		// "pid (name) state ...", where the name may hold anything.
		i := bytes.LastIndexByte(stat, ')')
		if i < 0 || i+2 >= len(stat) {
			return "", fmt.Errorf("crashtest: %s reads strangely", task)
		}
		if state := stat[i+2 : i+3]; !bytes.ContainsAny(state, "TDZX") {
			moving += string(state)
		}
	}
	return moving, nil
}

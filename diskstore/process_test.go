package diskstore_test

import (
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/larder-go/larder/diskstore"
	"github.com/larder-go/larder/store"
)

// TestProcessesCount lets four processes add to one counter through Update: none of their additions is lost.
func TestProcessesCount(t *testing.T) {
	const processes, n = 4, 100
	dir := memoryDir(t)
	var children []*exec.Cmd
	for range processes {
		cmd := role{Name: "count", Dir: dir, Key: "counter", N: n}.command(t)
		cmd.Stderr = t.Output()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		children = append(children, cmd)
	}
	for _, cmd := range children {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	wantValue(t, open(t, dir, nil), "counter", strconv.AppendInt(nil, processes*n, 10))
}

// raceExpiry leaves room for a touch that has to wait for the scheduler.
var raceExpiry = store.Expiry{Timeout: 500 * time.Millisecond, TouchAfter: -1}

// TestProcessesSweep lets processes sweep while this one uses some entries and neglects others: of those in use none is removed, and every other
// one is.
func TestProcessesSweep(t *testing.T) {
	dir := memoryDir(t)
	s := open(t, dir, &diskstore.Options{Expiry: raceExpiry})
	const used, neglected = 20, 200
	for i := range used + neglected {
		if err := s.Set(t.Context(), fmt.Sprint("key-", i), value(600, i)); err != nil {
			t.Fatal(err)
		}
	}
	var sweepers sync.WaitGroup
	for range 3 {
		cmd := role{Name: "sweep", Dir: dir, Time: 3 * raceExpiry.Timeout}.command(t)
		cmd.Stderr = t.Output()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		sweepers.Go(func() {
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
	done := make(chan struct{})
	go func() {
		sweepers.Wait()
		close(done)
	}()
	last := make([]time.Time, used)
	for i := range last {
		last[i] = time.Now()
	}
	for round, end := 0, false; !end; round++ {
		select {
		case <-done:
			end = true
		default:
		}
		for i := range used {
			began := time.Now()
			err := s.Touch(t.Context(), fmt.Sprint("key-", i))
			switch {
			case err == nil:
				last[i] = began
			case !errors.Is(err, store.ErrNotFound) || time.Since(last[i]) < raceExpiry.Timeout:
				t.Fatalf("touch of a live entry: %v, %v after its last use", err, time.Since(last[i]))
			default: // this process did not run for so long
				t.Skipf("the machine is too busy: no touch for %v", time.Since(last[i]))
			}
		}
	}
	if _, err := s.Cleanup(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	left := 0
	for _, err := range s.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		left++
	}
	if left != used {
		t.Errorf("%d entries are left, want the %d in use", left, used)
	}
}

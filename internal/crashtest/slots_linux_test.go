package crashtest

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A slot that a killed writer of diskstore filled and did not sync is the entry for all who look. Whoever then writes over the other
// slot writes over the last acknowledged value: the kernel may bring half of that write to the disk before it brings the killed
// writer's, and then the power fails.
//
// The time between the two is too short to be met by chance, so a writer is killed at the entry of its own write, and what it
// would have written is put there for it, from a copy of the store.
func TestSlotThatIsSeenAndNotDurable(t *testing.T) {
	needCuts(t)
	im, err := newImage(scratch(t), "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := im.close(); err != nil {
			t.Error(err)
		}
	}()

	const slot, head = 20480, 16
	key := allKeys(1)[ownKey(0, 1)]
	set := func(dir string, seq uint64) {
		t.Helper()
		s, err := openDisk(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.Set(t.Context(), key, value{seq: seq}.encode(key, slot-1000)), s.Close()); err != nil {
			t.Fatal(err)
		}
	}
	dir, copied := filepath.Join(im.mount, "store"), filepath.Join(t.TempDir(), "copy")
	set(dir, 1) // acknowledged, in slot 0
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "??", "*"))
	copies, _ := filepath.Glob(filepath.Join(copied, "??", "*"))
	if len(files) != 1 || len(copies) != 1 {
		t.Fatal("the store has changed: an entry is not one file", files, copies)
	}
	then := func(seq uint64) []byte {
		t.Helper()
		set(copied, seq)
		b, err := os.ReadFile(copies[0])
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	f, err := os.OpenFile(files[0], os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	second := then(2)
	if _, err := f.WriteAt(second[slot:], slot); err != nil { // by a writer that is killed before its sync
		t.Fatal(err)
	}

	p, err := start(order{
		Subject: "diskstore", Dir: dir, Seed: 1, Workers: 1, Count: 1, Seq: 3, Ops: 1, Doom: syscall.SYS_PWRITE64,
		Retry: []retry{{Worker: 0, Key: ownKey(0, 1), Op: opSet}},
	})
	if err != nil {
		t.Fatal(err)
	}
	<-p.ended
	if err := p.kill(); err != nil || len(p.lines) != 2 {
		t.Fatal("the writer did not end at its write:", p.lines, err)
	}
	third := then(3)
	if bytes.Equal(third[head:slot], second[head:slot]) {
		t.Fatal("the store has changed: it does not write over the other slot")
	}
	if _, err := f.WriteAt(third[head:slot], head); err != nil {
		t.Fatal(err)
	}
	const waitWriteWait = 1 | 2 | 4
	if _, _, errno := syscall.Syscall6(syscall.SYS_SYNC_FILE_RANGE, f.Fd(), 0, 4096, waitWriteWait, 0, 0); errno != 0 {
		t.Fatal(errno)
	}
	f.Close()
	if err := errors.Join(im.cut(), im.remount()); err != nil {
		t.Fatal(err)
	}
	s, err := openDisk(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	item, err := s.Peek(t.Context(), key)
	if err != nil {
		t.Fatal("where a value was acknowledged:", err)
	}
	if v, err := decode(key, item.Value); err != nil || v.seq < 1 {
		t.Error(v.seq, err)
	}
}

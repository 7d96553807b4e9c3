package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func openTest(t *testing.T) (*Folder, string) {
	t.Helper()
	dir := t.TempDir()
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d, dir
}

func create(t *testing.T, d *Folder, name, content string) {
	t.Helper()
	f, err := d.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.WriteAt([]byte(content), 0); err != nil {
		t.Fatal(err)
	}
}

func content(t *testing.T, d *Folder, name string) string {
	t.Helper()
	f, err := d.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 100)
	n, err := f.ReadAt(b, 0)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

func TestFile(t *testing.T) {
	d, _ := openTest(t)
	create(t, d, "a", "hello")
	if _, err := d.Create("a"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create of what is there: %v", err)
	}
	if _, err := d.Open("b"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open of what is not there: %v", err)
	}
	f, err := d.OpenWrite("a")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	when := time.Unix(1_700_000_000, 123456700)
	if err := errors.Join(f.WriteAt([]byte("p!"), 3), f.Truncate(4), f.Sync(), f.Datasync(), f.SetTime(when), d.Sync()); err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if want := (Info{Size: 4, Time: when, Regular: true, Links: 1}); err != nil || info != want {
		t.Errorf("Stat: %+v, %v; want %+v", info, err, want)
	}
	if got := content(t, d, "a"); got != "help" {
		t.Errorf("it holds %q", got)
	}
}

func TestNames(t *testing.T) {
	d, _ := openTest(t)
	var want []string
	for i := range 3*namesChunk + 1 {
		want = append(want, fmt.Sprintf("%04d", i))
		create(t, d, want[i], "")
	}
	for range 2 { // each time from the beginning
		var got []string
		if err := d.Names(func(name string) error { got = append(got, name); return nil }); err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("%d names, want %d", len(got), len(want))
		}
	}
	stop := errors.New("stop")
	if err := d.Names(func(string) error { return stop }); err != stop {
		t.Errorf("stopped: %v", err)
	}
}

func TestRenames(t *testing.T) {
	d, _ := openTest(t)
	create(t, d, "a", "A")
	create(t, d, "b", "B")
	switch err := d.Exchange("a", "b"); {
	case errors.Is(err, errors.ErrUnsupported):
		t.Log("Exchange is not supported here")
	case err != nil:
		t.Fatal(err)
	default:
		if content(t, d, "a") != "B" || content(t, d, "b") != "A" {
			t.Error("a and b have not changed names")
		}
		if err := d.Exchange("a", "c"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Exchange with what is not there: %v", err)
		}
	}
	a := content(t, d, "a")
	if err := errors.Join(d.Link("a", "c"), d.Rename("a", "b"), d.Remove("c")); err != nil {
		t.Fatal(err)
	}
	if got := content(t, d, "b"); got != a {
		t.Errorf("after the rename %q, want %q", got, a)
	}
	for _, name := range []string{"a", "c"} {
		if err := d.Remove(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Remove of what is not there: %v", err)
		}
	}
}

// TestLinks puts links, pipes' like and folders where files are expected, and the other way round.
func TestLinks(t *testing.T) {
	d, dir := openTest(t)
	create(t, d, "file", "secret")
	if err := d.MakeSub("sub"); err != nil {
		t.Fatal(err)
	}
	if err := d.MakeSub("sub"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("MakeSub of what is there: %v", err)
	}
	for name, to := range map[string]string{"to-file": "file", "to-sub": "sub", "to-nowhere": "nowhere", "out": os.TempDir()} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Skip(err)
		}
	}
	for _, name := range []string{"to-file", "to-nowhere"} {
		if _, err := d.Open(name); err == nil {
			t.Errorf("Open follows %s", name)
		}
		if _, err := d.OpenWrite(name); err == nil {
			t.Errorf("OpenWrite follows %s", name)
		}
		if _, err := d.Create(name); err == nil {
			t.Errorf("Create follows %s", name)
		}
	}
	for _, name := range []string{"to-sub", "out", "file", "to-nowhere", "nowhere"} {
		if _, err := d.OpenSub(name); err == nil {
			t.Errorf("OpenSub opens %s", name)
		}
	}
	sub, err := d.OpenSub("sub")
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	if sub.Gone() {
		t.Error("sub is said to be gone")
	}
	if err := os.Remove(filepath.Join(dir, "sub")); err != nil {
		t.Skip(err)
	}
	if !sub.Gone() {
		t.Error("sub is said to be there")
	}
}

func TestLock(t *testing.T) {
	d, dir := openTest(t)
	other, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for range 2 {
		if ok, err := d.TryLock(); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if ok, err := other.TryLock(); ok || err != nil {
			t.Fatal("two have the lock", err)
		}
		if err := d.Unlock(); err != nil {
			t.Fatal(err)
		}
		if ok, err := other.TryLock(); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if err := other.Unlock(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCauseHidesNames(t *testing.T) {
	_, err := os.Open(filepath.Join(t.TempDir(), "secret"))
	err = Cause(fmt.Errorf("wrapped: %w", err))
	if !errors.Is(err, fs.ErrNotExist) || err.Error() != Cause(err).Error() || len(err.Error()) > 60 {
		t.Errorf("%v", err)
	}
	if Cause(nil) != nil {
		t.Error("Cause(nil) is not nil")
	}
}

package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/larder-go/larder/store"
)

// exported makes a bbolt file with a few entries and an export of it.
func exported(t *testing.T) (src, path string, whole []byte) {
	t.Helper()
	dir := t.TempDir()
	src, path = "bolt:"+filepath.Join(dir, "larder.db"), filepath.Join(dir, "all.jsonl")
	for i := range 3 {
		if code, _, stderr := larderOn(t, src, "v", "set", "-q", fmt.Sprint("key", i)); code != exitDone {
			t.Fatal(stderr)
		}
	}
	if code, _, stderr := larderOn(t, src, "", "export", path); code != exitDone {
		t.Fatal(stderr)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return src, path, whole
}

// TestExportResumeOwn: what others can read, or have put there, gets no key.
func TestExportResumeOwn(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes of files are of Unix")
	}
	src, path, whole := exported(t)
	half := whole[:len(whole)/2]
	for _, test := range []struct {
		prepare func() error
		code    int
		says    string
	}{
		{func() error { return os.Chmod(path, 0o640) }, exitUsage, "chmod 600"},
		{func() error { return os.Chmod(path, 0o602) }, exitUsage, "chmod 600"},
		{func() error { return os.Symlink(path+".real", path) }, exitUsage, "symbolic link"},
		{func() error { return os.Mkdir(path, 0o700) }, exitError, ""},
		{func() error { return os.Chmod(path, 0o600) }, exitDone, ""},
	} {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		target := path
		if test.says == "symbolic link" {
			target = path + ".real"
		}
		if test.code != exitError {
			if err := os.WriteFile(target, half, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := test.prepare(); err != nil {
			t.Fatal(err)
		}
		code, _, stderr := larderOn(t, src, "", "export", "--resume", path)
		if code != test.code || !strings.Contains(stderr, test.says) {
			t.Errorf("%d, %s, want %d, %s", code, stderr, test.code, test.says)
		}
		if got, _ := os.ReadFile(target); test.code == exitUsage && !bytes.Equal(got, half) {
			t.Error("the file was changed")
		}
	}
	// One that is empty, as mktemp or a shell leaves it, is made private.
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := larderOn(t, src, "", "export", "--resume", path)
	if info, err := os.Stat(path); code != exitDone || err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%d, %s, %v, %v", code, stderr, info, err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(path, 4711, -1); err != nil {
			t.Fatal(err)
		}
		if code, _, stderr := larderOn(t, src, "", "export", "--resume", path); code != exitUsage || !strings.Contains(stderr, "another user") {
			t.Errorf("%d, %s", code, stderr)
		}
	}
}

// TestExportResumeHeader: an export that was cut within its first line is begun anew, and what only looks a little like one is left alone.
func TestExportResumeHeader(t *testing.T) {
	src, path, whole := exported(t)
	header := bytes.IndexByte(whole, '\n')
	for cut := 0; cut <= header; cut++ {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, stderr := larderOn(t, src, "", "export", "--resume", path)
		got, err := os.ReadFile(path)
		if code != exitDone || err != nil {
			t.Fatalf("cut at %d: %d, %s, %v", cut, code, stderr, err)
		}
		r, err := readExport(bytes.NewReader(got))
		if err != nil {
			t.Fatal(err)
		}
		for range r.entries() {
		}
		if r.count != 3 || r.wrong != nil || r.end == nil {
			t.Fatalf("cut at %d: %d entries, %v: %s", cut, r.count, r.wrong, got)
		}
	}
	for _, other := range []string{"{}", `{"format":"larder-exporter"`, "my diary", `{"format":"larder-export"}` + "\n", "\n"} {
		if err := os.WriteFile(path, []byte(other), 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, _ := larderOn(t, src, "", "export", "--resume", path)
		if got, _ := os.ReadFile(path); code == exitDone || string(got) != other {
			t.Errorf("%q: %d, %q", other, code, got)
		}
	}
}

// TestImportReserved: a line with a key that Larder keeps for itself is refused by its number.
func TestImportReserved(t *testing.T) {
	_, _, whole := exported(t)
	lines := bytes.SplitAfterN(whole, []byte("\n"), 2)
	bad := fmt.Sprintf(`{"key":%q,"text":"v"}`, "\\u0001"+store.ReservedKey("lease")[1:])
	bad = strings.ReplaceAll(strings.ReplaceAll(bad, `\\u0001`, `\u0001`), `\x01`, `\u0001`)
	dst := "bolt:" + filepath.Join(t.TempDir(), "larder.db")
	code, stdout, stderr := larderOn(t, dst, string(lines[0])+bad+"\n"+string(lines[1]), "import")
	if code != exitPartial || !strings.Contains(stderr, "line 2: ") || !strings.Contains(stderr, "keeps for itself") || !strings.Contains(stdout+stderr, "copied 3 entries") {
		t.Errorf("%d, %s%s", code, stdout, stderr)
	}
}

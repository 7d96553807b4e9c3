package cli

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/larder-go/larder/store"
)

func TestAbsoluteURL(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a folder")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	here := strings.ReplaceAll(dir, " ", "%20")
	for _, c := range []struct{ scheme, url, want string }{
		{"file", "file:./larder-demo", "file://" + here + "/larder-demo"},
		{"file", "FILE:larder-demo?x-timeout=1h", "file://" + here + "/larder-demo?x-timeout=1h"},
		{"file", "./50%", "file://" + here + "/50%25"},
		{"file", "..", "file://" + filepath.Dir(here)},
		{"file", "file:a%20b/../c", "file://" + here + "/c"},
		{"file", "file:///var/lib/x?x-prefix=a:", "file:///var/lib/x?x-prefix=a:"},
		{"file", "/var/lib/x y", "file:/var/lib/x%20y"},
		{"bolt", "bolt:./x.db", "bolt://" + here + "/x.db"},
		{"redis", "redis://h", "redis://h"},
		{"", "other:./x", "other:./x"},
	} {
		if got := absoluteURL(c.url, c.scheme); got != c.want {
			t.Errorf("%s: %s, want %s", c.url, got, c.want)
		}
		if c.scheme != "file" {
			continue
		}
		// It is the same place, as the command reads it.
		place := func(raw string) (path string) {
			_, err := store.Mux{"file": func(_ context.Context, u *url.URL) (store.Closer, error) {
				path = store.NewParams(u).Path()
				return store.NewMap(nil), nil
			}}.Open(t.Context(), raw)
			if err != nil {
				t.Fatal(raw, err)
			}
			absolute, err := filepath.Abs(path)
			if err != nil {
				t.Fatal(err)
			}
			return absolute
		}
		if one, other := place(c.url), place(c.want); one != other {
			t.Errorf("%s is %s, and %s is %s", c.url, one, c.want, other)
		}
	}
}

func TestShellWord(t *testing.T) {
	for _, word := range []string{"", "plain", "a b", "it's", "$HOME", "`ls`", "a&b;c|d", "*", "~", "!x", "\"", `\`, "ü", "a\nb", "redis://h?x-prefix=a:&x-timeout=1h", "#x"} {
		out, err := exec.Command("sh", "-c", "printf %s "+shellWord(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("%q: %s is %q, %v", word, shellWord(word), out, err)
		}
	}
	if got := shellWord("file:///a/b-c_d.e"); got != "file:///a/b-c_d.e" {
		t.Errorf("%s: quoted for nothing", got)
	}
}

// TestProgramName: whoever has no larder on his PATH is told a program that he has.
func TestProgramName(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	if got, folder := programName(); got != shellWord(self) || folder != "" {
		t.Errorf("%s in %q, want %s", got, folder, self)
	}
	if err := os.Symlink(self, filepath.Join(dir, "larder")); err != nil {
		t.Fatal(err)
	}
	if got, folder := programName(); got != "larder" || folder != "" {
		t.Errorf("%s in %q, want larder", got, folder)
	}
	t.Setenv("PATH", "")
	const temporary = "/tmp/go-build123/b001/exe/larder"
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	clone := filepath.Join(here, "..", "..", "..", "..")
	for path, want := range map[string]string{
		temporary: "go run ./cmd/larder", "/home/me/go/bin/larder": "/home/me/go/bin/larder",
		"/opt/my larder": "'/opt/my larder'", "/x/exe/larder": "/x/exe/larder",
	} {
		t.Chdir(clone)
		if got, folder := nameOf(path); got != want || (folder == clone) != (path == temporary) {
			t.Errorf("%s: %s in %q, want %s", path, got, folder, want)
		}
		t.Chdir(here)
	}
	if got, folder := nameOf(temporary); got != "go run github.com/larder-go/larder/cmd/larder" || folder != here {
		t.Errorf("%s in %q", got, folder)
	}
}

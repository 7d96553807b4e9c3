package folder

import (
	"os"
	"runtime"
	"testing"
)

func TestSpace(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	s, err := d.Space()
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && s.Mode != 0o750 {
		t.Errorf("mode %v", s.Mode)
	}
	if s.FreeBytes > s.Bytes || s.FreeFiles > s.Files || runtime.GOOS == "linux" && (s.Kind == "" || s.Bytes == 0) {
		t.Errorf("%+v", s)
	}
}

package larder_test

import (
	"archive/zip"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestDiskstoreDependsOnNothing: what imports diskstore alone builds from this module and the standard library.
func TestDiskstoreDependsOnNothing(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "./diskstore").Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.FieldsSeq(string(out)) {
		if !below(name, module) {
			t.Errorf("diskstore depends on %s", name)
		}
	}
}

// TestImporterOfDiskstoreDownloadsOnlyThisModule is a user's first build: with an empty module cache, from a proxy that has nothing but
// this module, a program that imports diskstore builds.
func TestImporterOfDiskstoreDownloadsOnlyThisModule(t *testing.T) {
	const version = "v0.0.0-20260101000000-000000000000"
	proxy, cache, user := t.TempDir(), t.TempDir(), t.TempDir()
	writeModule(t, filepath.Join(proxy, module, "@v"), version)
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(user, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module example.com/user\n\ngo 1.26.0\n\nrequire "+module+" "+version+"\n")
	write("main.go", `package main

import "github.com/larder-go/larder/diskstore"

func main() {
	if _, err := diskstore.Open("data", nil); err != nil {
		panic(err)
	}
}
`)
	build := exec.Command("go", "build", "-o", filepath.Join(user, "user"), ".")
	build.Dir = user
	build.Env = append(os.Environ(), "GOPROXY=file://"+filepath.ToSlash(proxy), "GOMODCACHE="+cache, "GOFLAGS=-mod=mod -modcacherw",
		"GONOSUMDB=*", "GONOPROXY=none", "GOPRIVATE=", "GOSUMDB=off", "GOTOOLCHAIN=local", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	var zips, mods []string
	err := filepath.WalkDir(filepath.Join(cache, "cache", "download"), func(path string, _ fs.DirEntry, err error) error {
		switch filepath.Ext(path) {
		case ".zip":
			zips = append(zips, path)
		case ".mod":
			mods = append(mods, path)
		}
		return err
	})
	if err != nil || len(zips) != 1 || len(mods) != 1 || !strings.Contains(filepath.ToSlash(zips[0]), module+"/@v/") {
		t.Errorf("%v: downloaded %q and %q, want this module's alone", err, zips, mods)
	}
}

// writeModule puts this module into the folder dir of a proxy, as the go command would fetch it from git: without what lies in a
// nested module.
func writeModule(t *testing.T, dir, version string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	goMod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	archive, err := os.Create(filepath.Join(dir, version+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	z := zip.NewWriter(archive)
	err = filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			_, nested := os.Stat(filepath.Join(path, "go.mod"))
			if path != "." && (nested == nil || strings.HasPrefix(d.Name(), ".")) {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		w, err := z.Create(module + "@" + version + "/" + filepath.ToSlash(path))
		if err != nil {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(w, f)
		return err
	})
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		version + ".mod":  goMod,
		version + ".info": []byte(`{"Version":"` + version + `","Time":"2026-01-01T00:00:00Z"}`),
		"list":            []byte(version + "\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

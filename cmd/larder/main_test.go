package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestStrippedBinaryIsSmall builds the command as it is released: under 15 MB, without text/template, whose reflection keeps every method of every
// dependency alive, and without the types of pgx, which are 3 MB and come with each of its connections above pgconn.
func TestStrippedBinaryIsSmall(t *testing.T) {
	const limit = 15_000_000
	binary := filepath.Join(t.TempDir(), "larder")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	content, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes", len(content))
	if len(content) >= limit {
		t.Errorf("the stripped binary has %d bytes, the limit is %d", len(content), limit)
	}
	// A stripped binary still knows the names of its functions.
	if !bytes.Contains(content, []byte("internal/cli.Run")) {
		t.Error("the names of functions are not where this test looks for them")
	}
	if bytes.Contains(content, []byte("text/template.(*state)")) {
		t.Error("text/template is linked: somebody gave cobra a template, or formats with one")
	}
	if bytes.Contains(content, []byte("pgx/v5/pgtype.NewMap")) {
		t.Error("the types of pgx are linked: somebody opens a pgxpool.Pool or a pgx.Conn, where package dbstore has a pool of its own")
	}
}

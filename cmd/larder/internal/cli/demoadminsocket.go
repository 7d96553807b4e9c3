package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// privateSocket is a unix socket that only this user can open.
type privateSocket struct {
	net.Listener
	path string
	own  os.FileInfo
}

// listenPrivately makes the socket in a folder that nobody else can enter, and moves it to its place when it has its mode: else whoever is quick
// could open it before. Refused: the process's umask, which counts for all that others do at that moment.
func listenPrivately(path string) (net.Listener, error) {
	if err := makeRoom(path); err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp(filepath.Dir(path), ".l")
	if err != nil {
		return nil, &failure{exitError, fmt.Errorf("--admin: %w", err), "name a socket in a folder that is there and that this user can write to"}
	}
	defer os.RemoveAll(folder)
	first := filepath.Join(folder, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: first, Net: "unix"})
	if err != nil {
		return nil, &failure{exitError, fmt.Errorf("--admin unix:%s: %w", path, addressError(err)), "the path of a socket must be short, a hundred bytes or so"}
	}
	l.SetUnlinkOnClose(false) // it would look for it where it was
	s := &privateSocket{Listener: l, path: path}
	err = os.Chmod(first, 0o600)
	if err == nil {
		err = os.Rename(first, path)
	}
	if err == nil {
		s.own, err = os.Lstat(path)
	}
	if err != nil {
		l.Close()
		return nil, &failure{exitError, fmt.Errorf("--admin: %w", err), "name a socket in a folder that this user can write to"}
	}
	return s, nil
}

// makeRoom refuses a path at which something is that this must not replace: anything but a socket where nobody listens any more, as a program that was
// killed leaves it.
func makeRoom(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return &failure{exitError, fmt.Errorf("--admin: %w", err), "name a socket in a folder that this user can enter"}
	case info.Mode()&fs.ModeSocket == 0:
		return usage("name a path at which nothing is", "--admin: %s is there already, and is no socket", path)
	}
	c, err := net.Dial("unix", path)
	if err == nil {
		c.Close()
	}
	if err == nil || !errors.Is(err, syscall.ECONNREFUSED) {
		return &failure{exitError, fmt.Errorf("--admin: another program listens at %s", path), "name another socket, or stop that program"}
	}
	return nil
}

// Close ends it and removes the socket, unless another program has put its own there meanwhile.
func (s *privateSocket) Close() error {
	err := s.Listener.Close()
	if now, statErr := os.Lstat(s.path); statErr == nil && os.SameFile(now, s.own) {
		os.Remove(s.path)
	}
	return err
}

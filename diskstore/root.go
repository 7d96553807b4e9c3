package diskstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/larder-go/larder/internal/folder"
)

// openRoot opens the store's own folder, and makes and marks it where that has not been done.
func openRoot(dir string, network bool) (*folder.Folder, error) {
	if err := makeAll(dir); err != nil {
		return nil, err
	}
	root, err := folder.Open(dir)
	if err != nil {
		return nil, err
	}
	if err = checkRoot(root, dir, network); err != nil {
		root.Close()
		return nil, err
	}
	return root, nil
}

func checkRoot(root *folder.Folder, dir string, network bool) error {
	if !network {
		name, err := root.Network()
		if err != nil {
			return err
		}
		if name != "" {
			return refused{fmt.Errorf("the folder lies on a network file system (%s), where locks and syncs cannot be relied on; choose "+
				"a local one, or take the risk with x-allow-network-fs (Options.AllowNetworkFS): %w", name, errors.ErrUnsupported)}
		}
	}
	found, err := readMarker(root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return mark(root, dir)
	case err != nil:
		return err
	case found != marker:
		return refused{fmt.Errorf("the folder's file %s says that another program, or another layout, is at home here; "+
			"this one writes %q", markerName, marker)}
	}
	return nil
}

func readMarker(root *folder.Folder) (string, error) {
	f, err := root.Open(markerName)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b := make([]byte, len(marker)+1)
	n, err := f.ReadAt(b, 0)
	return string(b[:n]), err
}

// mark makes the marker last, when everything above it is safe from a power cut: whoever finds it need not sync that again.
func mark(root *folder.Folder, dir string) error {
	for {
		parent := filepath.Dir(dir)
		if err := syncPath(parent); err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.EINVAL) {
			return err // what we may not open, or what cannot be synced, we have not made
		}
		if parent == dir || parent == "." || parent == ".." {
			break
		}
		dir = parent
	}
	temp := newTemp()
	f, err := root.Create(temp)
	if err != nil {
		return err
	}
	err = f.WriteAt([]byte(marker), 0)
	if err == nil {
		err = f.Sync()
	}
	f.Close()
	if err == nil {
		err = root.Rename(temp, markerName)
	}
	if err != nil {
		root.Remove(temp)
		return err
	}
	return root.Sync()
}

func syncPath(path string) error {
	d, err := folder.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func makeAll(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	err := folder.Cause(os.MkdirAll(dir, 0o700))
	if errors.Is(err, fs.ErrNotExist) { // after an outage it would be there, but this never was
		return refused{fmt.Errorf("the folder cannot be made: what should hold it takes no folders, or was removed; choose another path: %w", err)}
	}
	return err
}

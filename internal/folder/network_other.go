//go:build !linux && !darwin

package folder

import (
	"path/filepath"
	"strings"
)

// Network returns the name of the network file system on which d lies, or "". Here it knows only paths that name a server.
func (d *Folder) Network() (string, error) {
	path, err := filepath.Abs(d.root.Name())
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(filepath.VolumeName(path), `\\`) {
		return "SMB", nil
	}
	return "", nil
}

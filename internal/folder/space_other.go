//go:build !linux

package folder

// Space tells what can be told of every system: the mode.
func (d *Folder) Space() (Space, error) {
	info, err := d.dir.Stat()
	if err != nil {
		return Space{}, Cause(err)
	}
	return Space{Mode: info.Mode().Perm()}, nil
}

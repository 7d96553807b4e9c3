package folder

import "syscall"

// Network returns the name of the network file system on which d lies, or "". The system itself tells local ones.
func (d *Folder) Network() (string, error) {
	const local = 0x1000 // MNT_LOCAL
	var st syscall.Statfs_t
	if err := retry(func() error { return syscall.Fstatfs(int(d.dir.Fd()), &st) }); err != nil {
		return "", err
	}
	if st.Flags&local != 0 {
		return "", nil
	}
	var name []byte
	for _, c := range st.Fstypename {
		if c == 0 {
			break
		}
		name = append(name, byte(c))
	}
	return string(name), nil
}

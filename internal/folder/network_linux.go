package folder

import "syscall"

// Network returns the name of the network file system on which d lies, or "". FUSE counts as one: what is behind it, nobody
// can tell, and sshfs and its like keep neither locks nor syncs.
func (d *Folder) Network() (string, error) {
	var st syscall.Statfs_t
	if err := retry(func() error { return syscall.Fstatfs(d.fd, &st) }); err != nil {
		return "", err
	}
	return networkName(uint32(st.Type)), nil
}

// networkName knows them by the magic number of statfs(2).
func networkName(magic uint32) string {
	switch magic {
	case 0x6969:
		return "NFS"
	case 0x517B, 0xFF534D42, 0xFE534D42:
		return "SMB"
	case 0x65735546:
		return "FUSE"
	case 0x01021997:
		return "9p"
	case 0x5346414F, 0x6B414653:
		return "AFS"
	case 0x00C36400:
		return "Ceph"
	case 0x73757245:
		return "Coda"
	case 0x564C:
		return "NCP"
	case 0x0BD00BD0:
		return "Lustre"
	case 0x47504653:
		return "GPFS"
	case 0x786F4256:
		return "vboxsf"
	case 0xBACBACBC:
		return "vmhgfs"
	}
	return ""
}

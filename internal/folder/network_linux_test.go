package folder

import "testing"

func TestNetworkName(t *testing.T) {
	for magic, want := range map[uint32]string{
		0x6969: "NFS", 0xFF534D42: "SMB", 0xFE534D42: "SMB", 0x517B: "SMB", 0x65735546: "FUSE", 0x01021997: "9p", 0x5346414F: "AFS",
		0x6B414653: "AFS", 0x00C36400: "Ceph",
		0xEF53: "", 0x58465342: "", 0x9123683E: "", 0x01021994: "", 0x794C7630: "", 0x2FC12FC1: "", 0xF2F52010: "", // ext4, XFS, btrfs, tmpfs, overlay, ZFS, F2FS
	} {
		if got := networkName(magic); got != want {
			t.Errorf("%#x is said to be %q, want %q", magic, got, want)
		}
	}
	d, _ := openTest(t)
	if name, err := d.Network(); err != nil {
		t.Errorf("Network: %q, %v", name, err)
	}
}

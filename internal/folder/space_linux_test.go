package folder

import (
	"strings"
	"testing"
)

func TestSpaceInMemory(t *testing.T) {
	d, err := Open("/dev/shm")
	if err != nil {
		t.Skip(err)
	}
	defer d.Close()
	if s, err := d.Space(); err != nil || s.Kind == "tmpfs" && !s.Gone {
		t.Errorf("%+v, %v", s, err)
	}
	for magic, want := range map[uint32]string{0xEF53: "ext4", 0x6969: "NFS", 0x01021994: "tmpfs", 0x4711: "0x4711"} {
		if got, _ := kindName(magic); !strings.Contains(got, want) {
			t.Errorf("%#x is %q", magic, got)
		}
	}
}

package crashtest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// CanCut tells why there can be no power cuts here, or nil: they need root, a loop device and mkfs.ext4.
func CanCut() error {
	if os.Geteuid() != 0 {
		return errors.New("crashtest: power cuts need root, to mount an image")
	}
	for _, tool := range []string{"mkfs.ext4", "losetup"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("crashtest: power cuts need %s: %w", tool, err)
		}
	}
	out, err := exec.Command("losetup", "-f").CombinedOutput()
	if err != nil {
		return fmt.Errorf("crashtest: power cuts need a free loop device: %s", bytes.TrimSpace(out))
	}
	return nil
}

// image is an ext4 file system in a file, on a loop device of our own.
type image struct {
	mount   string   // where it is mounted
	device  string   // "/dev/loopN"
	held    *os.File // keeps the device while nothing is mounted
	options string
	mounted bool
}

// imagePrefix begins the name of the folder that holds an image and its mount point, so that what a killed run left is
// known for ours ([Leftovers]).
const imagePrefix = "larder-crashtest-"

// newImage makes an image in dir and mounts it.
func newImage(dir, options string) (*image, error) {
	dir, err := os.MkdirTemp(dir, imagePrefix)
	if err != nil {
		return nil, err
	}
	im := &image{mount: filepath.Join(dir, "mount"), options: options}
	file := filepath.Join(dir, "image")
	if err := os.Mkdir(im.mount, 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		return nil, err
	}
	if err := os.Truncate(file, 96<<20); err != nil { // sparse
		return nil, err
	}
	if _, err := run("mkfs.ext4", "-q", "-F", file); err != nil {
		return nil, err
	}
	if im.device, err = run("losetup", "--find", "--show", file); err != nil {
		return nil, err
	}
	// A detached device goes away with its last user: with us, and if we are killed, with the mount.
	im.held, err = os.Open(im.device)
	_, detachErr := run("losetup", "--detach", im.device)
	if err := errors.Join(err, detachErr); err != nil {
		return nil, errors.Join(err, im.close())
	}
	if err := im.mountIt(); err != nil {
		return nil, errors.Join(err, im.close())
	}
	return im, nil
}

func run(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("crashtest: %s: %w: %s", name, err, bytes.TrimSpace(out))
	}
	return strings.TrimSpace(string(out)), nil
}

func (im *image) mountIt() error {
	if err := syscall.Mount(im.device, im.mount, "ext4", 0, im.options); err != nil {
		return fmt.Errorf("crashtest: mounting the image: %w", err)
	}
	im.mounted = true
	return nil
}

// cut is the power cut: the file system stops at once, and neither its journal nor a dirty page is written out any more.
func (im *image) cut() error {
	const (
		shutdown   = 0x8004587d // EXT4_IOC_SHUTDOWN
		noLogFlush = uint32(2)
	)
	f, err := os.Open(im.mount)
	if err != nil {
		return err
	}
	defer f.Close()
	flag := noLogFlush
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), shutdown, uintptr(unsafe.Pointer(&flag))); errno != 0 {
		return fmt.Errorf("crashtest: cutting the power of the image: %w", errno)
	}
	return nil
}

// remount is the restart: what the device holds, after the journal's replay. Nobody may have a file open.
func (im *image) remount() error {
	if err := im.unmount(); err != nil {
		return err
	}
	return im.mountIt()
}

func (im *image) unmount() error {
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		err := syscall.Unmount(im.mount, 0)
		switch {
		case err == nil:
			im.mounted = false
			return nil
		case err != syscall.EBUSY || time.Now().After(deadline):
			return fmt.Errorf("crashtest: unmounting the image: %w", err)
		}
	}
}

// close lets everything go. Where a store that panicked still has a file open, mount and device go with the process.
func (im *image) close() error {
	var err error
	if im.mounted {
		if err = im.unmount(); err != nil {
			err = errors.Join(err, syscall.Unmount(im.mount, syscall.MNT_DETACH))
		}
	}
	if im.held != nil {
		err = errors.Join(err, im.held.Close())
	}
	return err
}

// Leftovers lists the mounts of ours that a killed run has left, each with the command that removes it, and the loop device with it.
// It touches none of them: they may be those of a run that goes on beside this one.
func Leftovers() []string {
	var found []string
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 4 && strings.Contains(f[4], "/"+imagePrefix) {
			found = append(found, "umount "+f[4])
		}
	}
	return found
}

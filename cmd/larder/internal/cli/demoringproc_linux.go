package cli

import "syscall"

const endServer = syscall.SIGTERM

// boundToUs has the kernel end the server when the demo is killed. In a group of its own, a Ctrl-C that is meant for the demo does not end it
// while requests are under way.
func boundToUs() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

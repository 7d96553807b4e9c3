//go:build !linux

package cli

import (
	"os"
	"syscall"
)

var endServer = os.Interrupt

// boundToUs binds nothing: a server that the demo has started stays behind if the demo is killed.
func boundToUs() *syscall.SysProcAttr { return nil }

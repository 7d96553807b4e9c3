//go:build linux && (arm64 || riscv64)

package folder

import "syscall"

const sysFstatat = syscall.SYS_FSTATAT

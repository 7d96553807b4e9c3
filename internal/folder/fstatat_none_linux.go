//go:build linux && !(amd64 || ppc64 || ppc64le || s390x || arm64 || riscv64)

package folder

// sysFstatat is 0 where package syscall does not number it, or its Stat_t is not what it fills.
const sysFstatat = 0

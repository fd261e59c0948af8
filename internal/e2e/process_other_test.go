//go:build !linux

package e2e

import "syscall"

// dieWithUs is Linux's alone.
func dieWithUs() *syscall.SysProcAttr { return nil }

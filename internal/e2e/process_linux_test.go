package e2e

import "syscall"

// dieWithUs has the kernel kill a child when we end, however we end.
func dieWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

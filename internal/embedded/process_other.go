//go:build !linux

package embedded

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// commandLine is how a process was called, "" once it has ended.
func commandLine(pid int) string {
	out, err := exec.Command("ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// worksIn cannot be asked without /proc; the command line has to do.
func worksIn(int, string) bool { return true }

// dieWithUs needs Linux: elsewhere what a killed test leaves running is adopted by the next one.
func dieWithUs(*syscall.SysProcAttr, syscall.Signal) {}

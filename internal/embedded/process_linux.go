package embedded

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// commandLine is how a process was called, "" once it has ended (a zombie has none either).
func commandLine(pid int) string {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return ""
	}
	return strings.TrimRight(strings.ReplaceAll(string(raw), "\x00", " "), " ")
}

// worksIn reports whether dir is the working folder of a process: Postgres and Redis both enter their data folder.
func worksIn(pid int, dir string) bool {
	there, err := os.Stat(fmt.Sprintf("/proc/%d/cwd", pid))
	if err != nil {
		return false
	}
	here, err := os.Stat(dir)
	return err == nil && os.SameFile(there, here)
}

// dieWithUs has the kernel send sig to the child when we end. It is bound to the thread that forks, not to the process:
// that is the same as long as Go's runtime ends no thread but those of goroutines that return while locked to one.
func dieWithUs(attr *syscall.SysProcAttr, sig syscall.Signal) { attr.Pdeathsig = sig }

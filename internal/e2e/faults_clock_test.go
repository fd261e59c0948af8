package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// wrongClocks is the product with a clock that CLOCK_SKEW puts ahead, by whole seconds: another time.Now is laid over the standard
// library's. So every clock of a process is wrong, its libraries' too, and no line of the product knows of it. Durations go by the
// monotonic clock, as they do on a machine whose clock is set.
func wrongClocks(t *testing.T) (bin string) {
	t.Helper()
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(strings.TrimSpace(string(root)), "src", "time")
	original, err := os.ReadFile(filepath.Join(dir, "time.go"))
	if err != nil {
		t.Fatal(err)
	}
	const now = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	if !strings.Contains(string(original), now) {
		t.Fatal("this Go has another time.Now than the one that is changed here")
	}
	return overlaid(t, map[string]string{
		filepath.Join(dir, "time.go"): strings.Replace(string(original), now, now+"\tsec += ahead\n", 1),
		filepath.Join(dir, "ahead.go"): `package time

import "syscall"

var ahead = func() int64 {
	skew, there := syscall.Getenv("CLOCK_SKEW")
	d, err := ParseDuration(skew)
	if there && err != nil {
		panic(err)
	}
	return int64(d / Second)
}()
`,
	})
}

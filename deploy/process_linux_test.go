package deploy_test

import (
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// start runs a program until the end of the test, and returns what it has printed so far. It is asked to stop as an operator
// would ask it, and so is one whose test has died.
func start(t *testing.T, name string, env []string, program string, args ...string) (said func() string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name+".log")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // the child has its own
	cmd := exec.Command(program, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = env, f, f, &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s: %v (scripts/need.sh test installs what the tests need)", name, err)
	}
	said = func() string {
		b, err := os.ReadFile(path)
		if err != nil {
			return err.Error()
		}
		return string(b[max(0, len(b)-4000):])
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the end of %s:\n%s", name, said())
		}
		_ = cmd.Process.Signal(syscall.SIGTERM) // gone already is told below
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("%s ended with %v", name, err)
			}
		case <-time.After(time.Minute):
			_ = cmd.Process.Kill()
			t.Errorf("%s did not stop; it said\n%s", name, said())
		}
	})
	return said
}

// freePort is an address on which nobody listens, below the ports that the kernel gives to connections.
func freePort(t *testing.T) string {
	t.Helper()
	var last error
	for range 100 {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(20_000+rand.IntN(12_000))))
		if err != nil {
			last = err
			continue
		}
		defer func() { _ = l.Close() }()
		return l.Addr().String()
	}
	t.Fatal(last)
	return ""
}

// until polls a condition and fails the test with what it last said if it does not come to hold in time.
func until(t *testing.T, patience time.Duration, what string, holds func() (bool, string)) {
	t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		ok, says := holds()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s it is still not so that %s: %s", patience, what, says)
		}
	}
}

package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run is TestMain with deferred work done.
func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "gatehouse-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() {
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	built.dir = dir
	return m.Run()
}

// built is the binary under test, built once by the first test that needs it.
var built struct {
	dir  string
	once sync.Once
	err  error
}

// binary returns the path of the product as it is in this checkout.
func binary(t testing.TB) string {
	t.Helper()
	path := filepath.Join(built.dir, "gatehouse")
	built.once.Do(func() {
		out, err := exec.Command("go", "build", "-tags", tags, "-o", path, "gatehouse/cmd/gatehouse").CombinedOutput()
		if err != nil {
			built.err = errors.Join(err, errors.New(string(out)))
		}
	})
	if built.err != nil {
		t.Fatalf("the binary does not build: %v", built.err)
	}
	return path
}

package e2e

import (
	"encoding/json"
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
	built.dir, built.by = dir, map[string]func() (string, error){}
	return m.Run()
}

// built are the binaries under test, each built once by the first test that needs it.
var built struct {
	dir string
	mu  sync.Mutex
	by  map[string]func() (string, error) // build tags
}

// binary returns the path of the product as it is in this checkout, built with a tag; "" is none.
func binary(t testing.TB, tag string) string {
	t.Helper()
	built.mu.Lock()
	build := built.by[tag]
	if build == nil {
		build = sync.OnceValues(func() (string, error) {
			path := filepath.Join(built.dir, "gatehouse"+tag)
			out, err := exec.Command("go", "build", "-tags", tag, "-o", path, "gatehouse/cmd/gatehouse").CombinedOutput()
			if err != nil {
				err = errors.Join(err, errors.New(string(out)))
			}
			return path, err
		})
		built.by[tag] = build
	}
	built.mu.Unlock()
	path, err := build()
	if err != nil {
		t.Fatalf("the binary does not build: %v", err)
	}
	return path
}

// overlaid returns the path of the product with other source files: their texts by path.
func overlaid(t *testing.T, texts map[string]string) (path string) {
	t.Helper()
	dir, replace := t.TempDir(), map[string]string{}
	write := func(name string, text []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for file, text := range texts {
		replace[file] = write(filepath.Base(file), []byte(text))
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "gatehouse")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-overlay", write("overlay.json", overlay), "-o", path, "gatehouse/cmd/gatehouse")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

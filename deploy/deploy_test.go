// Package deploy_test holds deploy/ to the product: what an operator copies from here must start, and what he watches must
// exist. It knows only what an operator knows - the binary, its HTTP doors and these files - and imports nothing of ours.
//
// Start with watch_linux_test.go, which lets a Prometheus look at a running instance; alerts_test.go and dashboards_test.go
// read the rules and the dashboards; files_test.go and chart_test.go read the rest.
package deploy_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run is TestMain with deferred work done.
func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "gatehouse-deploy-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() {
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	built.path = filepath.Join(dir, "gatehouse")
	return m.Run()
}

// built is the product, built once by the first test that needs it.
var built struct {
	path string
	once sync.Once
	out  []byte
	err  error
}

// binary returns the path of the product as it is in this checkout.
func binary(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		built.out, built.err = exec.Command("go", "build", "-o", built.path, "gatehouse/cmd/gatehouse").CombinedOutput()
	})
	if built.err != nil {
		t.Fatalf("the product does not build: %v\n%s", built.err, built.out)
	}
	return built.path
}

// read returns a file of this folder.
func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// parse reads YAML strictly: a key that out does not know is an error.
func parse(t *testing.T, path string, out any) {
	t.Helper()
	d := yaml.NewDecoder(strings.NewReader(read(t, path)))
	d.KnownFields(true)
	if err := d.Decode(out); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// tool runs a program of the machine on this folder and fails the test with what it said.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Errorf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

var heading = regexp.MustCompile(`(?m)^#{1,6} (.+)$`)

// anchors are the headings of a page, as links name them.
func anchors(t *testing.T, page string) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, h := range heading.FindAllStringSubmatch(read(t, page), -1) {
		slug := strings.ToLower(strings.ReplaceAll(h[1], " ", "-"))
		out[regexp.MustCompile(`[^\p{L}\p{N}_-]`).ReplaceAllString(slug, "")] = true
	}
	return out
}

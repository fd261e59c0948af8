package widget

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The limits of UI.md §8, of what goes over the wire.
const (
	loaderLimit = 4_000  // bytes, gzip
	wholeLimit  = 20_000 // of loader, script and style together
)

func TestTheBuildIsSmall(t *testing.T) {
	t.Parallel()
	a, err := loadAssets()
	if err != nil {
		t.Fatal(err)
	}
	whole := 0
	for name, f := range a.files {
		t.Logf("%s: %d bytes, %d gzip", name, len(f.Body), len(f.Gzip))
		whole += len(f.Gzip)
	}
	if n := len(a.files["widget.js"].Gzip); n > loaderLimit {
		t.Errorf("the loader is %d bytes, %d too many", n, n-loaderLimit)
	}
	if whole > wholeLimit {
		t.Errorf("loader and frame are %d bytes, %d too many", whole, whole-wholeLimit)
	}
}

// build.mjs writes what it built from into source.sha256, so that a stale build is found without Node.
func TestTheBuildIsOfTheseSources(t *testing.T) {
	t.Parallel()
	names := []string{"build.mjs", "package.json", "package-lock.json", "tsconfig.json"}
	err := filepath.WalkDir("app/src", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, filepath.ToSlash(strings.TrimPrefix(path, "app/")))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	sum := sha256.New()
	for _, name := range names {
		body, err := os.ReadFile("app/" + name)
		if err != nil {
			t.Fatal(err)
		}
		sum.Write([]byte(name + "\n"))
		sum.Write(body)
		sum.Write([]byte("\n"))
	}
	built, err := os.ReadFile("dist/source.sha256")
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != strings.TrimSpace(string(built)) {
		t.Error("dist is not built from app: run `npm ci && npm run build` in gateway/widget/app")
	}
}

func TestTheBuildNamesNoRegistryAndNoPathOfAMachine(t *testing.T) {
	t.Parallel()
	lock, err := os.ReadFile("app/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(lock), `"resolved"`) {
		t.Error("package-lock.json names a registry: npm install with omit-lockfile-registry-resolved")
	}
	a, err := loadAssets()
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range a.files {
		for _, bad := range []string{"/work/", "/tmp/", "/home/", "node_modules", "sourceMappingURL", "innerHTML", "eval("} {
			if strings.Contains(string(f.Body), bad) {
				t.Errorf("%s contains %q", name, bad)
			}
		}
	}
}

package inbox_test

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"gatehouse/gateway/inbox"
)

func TestEveryPageOfTheAppIsTheIndexAndIsNotStored(t *testing.T) {
	t.Parallel()
	index, err := fs.ReadFile(inbox.Files(), "index.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/", "/inbox/mine/0199", "/console/accounts", "/setup/abc", "", "/../../etc"} {
		f, ok := inbox.Find(path)
		if !ok || string(f.Body) != string(index) || f.CacheControl != inbox.NoStore || f.ContentType != "text/html; charset=utf-8" {
			t.Errorf("Find(%q) = %s, %s, ok %v; want the index, not stored", path, f.ContentType, f.CacheControl, ok)
		}
	}
}

func TestWhatTheIndexNamesExists(t *testing.T) {
	t.Parallel()
	index, _ := inbox.Find("/")
	names := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllSubmatch(index.Body, -1)
	if len(names) < 3 {
		t.Fatalf("the index names %d files, want its script, style and icon at least", len(names))
	}
	for _, m := range names {
		f, ok := inbox.Find(string(m[1]))
		if !ok || len(f.Body) == 0 {
			t.Errorf("the index names %s, which is not in the build", m[1])
		}
		if hashed := strings.HasPrefix(string(m[1]), "/assets/"); hashed != (f.CacheControl == inbox.Immutable) {
			t.Errorf("%s is cached as %q", m[1], f.CacheControl)
		}
	}
}

func TestAMissingAssetIsNotTheIndex(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/assets/index-gone.js", "/favicon.ico", "/assets/../inbox.go"} {
		if f, ok := inbox.Find(path); ok {
			t.Errorf("Find(%q) = %s, want nothing", path, f.ContentType)
		}
	}
}

func TestThePageHasNothingInline(t *testing.T) {
	t.Parallel()
	index, _ := inbox.Find("/")
	for _, forbidden := range []string{"<style", " style=", "javascript:", " onload="} {
		if strings.Contains(string(index.Body), forbidden) {
			t.Errorf("the index contains %q, which the policy blocks", forbidden)
		}
	}
	if m := regexp.MustCompile(`<script(?:[^>]*)>[^<]`).Find(index.Body); m != nil {
		t.Errorf("the index has an inline script: %s", m)
	}
}

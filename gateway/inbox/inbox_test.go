package inbox_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gatehouse/gateway/inbox"
	"gatehouse/internal/vitals"
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

// The law of vital signs names what is wrong; the page says what, what it means and what to do, in both languages.
func TestEveryVitalSignHasItsSentences(t *testing.T) {
	t.Parallel()
	for _, language := range []string{"en", "tr"} {
		raw, err := os.ReadFile("app/messages/ops/" + language + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var words map[string]string
		if err := json.Unmarshal(raw, &words); err != nil {
			t.Fatal(err)
		}
		for _, id := range vitals.IDs() {
			for _, part := range []string{"what", "means", "do"} {
				if words["ops.sign."+id+"."+part] == "" {
					t.Errorf("%s.json has no ops.sign.%s.%s", language, id, part)
				}
			}
		}
		for d := range vitals.Dues {
			if words["ops.due."+d.String()] == "" {
				t.Errorf("%s.json has no word for %s", language, d)
			}
		}
	}
}

// The desk names each privileged change by an action; the audit page says it in words, in both languages.
func TestEveryActionOfTheAuditHasASentence(t *testing.T) {
	t.Parallel()
	actions := map[string]bool{}
	for _, dir := range []string{"../../internal/desk", "../../internal/postgres"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(`"((?:account|agent|api_key|break_reason|canned_reply|department|end_reason|event)\.[a-z_]+)"`).FindAllSubmatch(source, -1) {
				actions[string(m[1])] = true
			}
		}
	}
	if len(actions) < 20 {
		t.Fatalf("%d actions were found; is the desk still where it was?", len(actions))
	}
	for _, language := range []string{"en", "tr"} {
		raw, err := os.ReadFile("app/messages/" + language + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var words map[string]string
		if err := json.Unmarshal(raw, &words); err != nil {
			t.Fatal(err)
		}
		for action := range actions {
			if words["audit.did."+action] == "" {
				t.Errorf("%s.json has no sentence for %s", language, action)
			}
		}
	}
}

// The first load (UI.md §10.6) is what an agent needs to read and answer: the page, the list, a thread with its composer, the
// contact beside it and one language. Everything else comes when it is asked for, or while nothing else happens.
func TestTheFirstLoadIsSmall(t *testing.T) {
	t.Parallel()
	const most = 150_000 // bytes, gzip
	load := map[string]int{}
	var need func(name string)
	need = func(name string) {
		if load[name] > 0 {
			return
		}
		body, err := fs.ReadFile(inbox.Files(), name)
		if err != nil {
			t.Fatal(err)
		}
		var packed bytes.Buffer
		w, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		_, err = w.Write(body)
		if err := errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		load[name] = packed.Len()
		for _, m := range regexp.MustCompile(`(?:from|import)\s*"\./([^"]+\.js)"`).FindAllSubmatch(body, -1) { // import("./x.js") is not meant
			need("assets/" + string(m[1]))
		}
	}
	index, _ := inbox.Find("/")
	for _, m := range regexp.MustCompile(`(?:src|href)="/(assets/[^"]+\.(?:js|css))"`).FindAllSubmatch(index.Body, -1) {
		need(string(m[1]))
	}
	for _, part := range []string{"ThreadPane-*.js", "ThreadPane-*.css", "ContactPanel-*.js", "ContactPanel-*.css", "en-*.js"} {
		found, err := fs.Glob(inbox.Files(), "assets/"+part)
		if err != nil || len(found) == 0 {
			t.Fatalf("the build has no %s: %v", part, err)
		}
		for _, name := range found {
			need(name)
		}
	}
	whole := 0
	for name, size := range load {
		t.Logf("%6d %s", size, name)
		whole += size
		if strings.Contains(name, "Emoji") {
			t.Errorf("%s is part of the first load", name)
		}
	}
	t.Logf("%6d in all", whole)
	if whole > most {
		t.Errorf("the first load is %d bytes, want at most %d", whole, most)
	}
}

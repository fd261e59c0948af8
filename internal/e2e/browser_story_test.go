package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// storyLine is what browser/stage.mjs tells of its story.
type storyLine struct {
	Start, End, Fail, Why, Note string
	Secret                      string // what no log may have
	Pictures                    []string
	Done                        bool
}

// playStory runs browser/<name>.mjs with node and a real Chromium against s, each of its steps as a subtest. A story ends
// with its first failure: what follows would build on it. Pictures of all pages at that moment stay in a folder that the
// log names.
func playStory(t *testing.T, s *browserServer, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	node := exec.CommandContext(ctx, "node", name+".mjs")
	node.Dir, node.WaitDelay = "browser", 5*time.Second
	node.Env = append(os.Environ(), "DESK="+s.URL, "EMAIL="+s.Email, "PASSWORD="+s.Password,
		"SETUP="+s.Setup, "SEEDED="+s.Seeded, "PICTURES="+filepath.Join(browserPictures(), name))
	var loose strings.Builder // what node says beside the story
	node.Stderr = &loose
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan storyLine)
	go func() {
		defer close(lines)
		read := bufio.NewScanner(out)
		read.Buffer(nil, 1<<20)
		for read.Scan() {
			var l storyLine
			if json.Unmarshal(read.Bytes(), &l) != nil {
				l.Note = read.Text()
			}
			if l.Secret != "" {
				s.log.mayNotHave(l.Secret)
				continue
			}
			lines <- l
		}
	}()
	done := false
	for l := range lines {
		switch {
		case l.Start != "":
			t.Run(l.Start, func(t *testing.T) { playStep(t, lines) })
		case l.Note != "":
			t.Log(l.Note)
		case l.Done:
			done = true
		}
	}
	if err := node.Wait(); (err != nil || !done) && !t.Failed() {
		t.Errorf("the story broke off between its steps: %v\n%s", err, loose.String())
	}
}

func playStep(t *testing.T, lines <-chan storyLine) {
	for l := range lines {
		switch {
		case l.End != "":
			return
		case l.Fail != "":
			t.Fatalf("%s\npictures: %s", l.Why, strings.Join(l.Pictures, " "))
		case l.Note != "":
			t.Log(l.Note)
		}
	}
	t.Fatal("the story broke off")
}

// browserTools fails, with what to do about it, where a story cannot be played.
func browserTools(t *testing.T) {
	t.Helper()
	for what, missing := range map[string]bool{
		"node, run scripts/need.sh test":                                        !inPath("node"),
		"Chromium (or set CHROMIUM to one), run scripts/need.sh test":           !inPath(chromium()),
		"playwright-core and axe-core, run scripts/npm.sh internal/e2e/browser": !exists("browser/node_modules/playwright-core") || !exists("browser/node_modules/axe-core"),
	} {
		if missing {
			t.Fatalf("browser tests need %s", what)
		}
	}
}

func chromium() string {
	if c := os.Getenv("CHROMIUM"); c != "" {
		return c
	}
	return "/usr/bin/chromium"
}

func inPath(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// browserPictures is a folder that outlives the tests. It is made by the first picture.
var browserPictures = sync.OnceValue(func() string {
	return filepath.Join(os.TempDir(), "gatehouse-pictures-"+time.Now().Format("20060102-150405"))
})

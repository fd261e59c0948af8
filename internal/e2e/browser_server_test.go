package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/embedded"
)

// browserHouse is what all stories start from: the program and the data folder of a demo that was
// seeded once and stopped.
type browserHouse struct {
	binary, seeded string
}

func newBrowserHouse(t *testing.T) *browserHouse {
	t.Helper()
	browserTools(t)
	dir := t.TempDir()
	b := &browserHouse{binary: filepath.Join(dir, "gatehouse"), seeded: filepath.Join(dir, "seeded")}
	if out, err := exec.Command("go", "build", "-o", b.binary, "gatehouse/cmd/gatehouse").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	b.start(t, b.seeded, "--demo").stop()
	return b
}

// serve starts an instance for one test, with the demo's desk or bare. It ends with the test.
func (b *browserHouse) serve(t *testing.T, bare bool) *browserServer {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	var args []string
	if !bare {
		args = append(args, "--demo")
		// As root, Postgres's files belong to its own user: cp keeps the owners, os.CopyFS does not.
		if out, err := exec.Command("cp", "-a", b.seeded, data).CombinedOutput(); err != nil {
			t.Fatalf("cp: %v\n%s", err, out)
		}
		forgetRedis(t, data)
	}
	s := b.start(t, data, args...)
	t.Cleanup(s.stop)
	return s
}

// forgetRedis lets a copied folder make up a Redis of its own: by the first one's port and password it would take over
// another copy's.
func forgetRedis(t *testing.T, data string) {
	t.Helper()
	path := filepath.Join(data, "embedded.json")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var info embedded.Info
	if err := json.Unmarshal(raw, &info); err != nil {
		t.Fatal(err)
	}
	info.RedisURL = ""
	if raw, err = json.Marshal(info); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

// browserServer is one instance in a process of its own, with its own data folder, Postgres and Redis.
type browserServer struct {
	URL, Email, Password string // the demo's first login; empty without it
	Setup                string // the one-time link for the first admin; empty in a demo
	Seeded               string // a file with what `gatehouse bench desk` wrote; empty without it

	t      *testing.T
	binary string
	env    []string
	cmd    *exec.Cmd
	log    *browserLog
}

// start starts an instance and waits until it has told its addresses and answers.
func (b *browserHouse) start(t *testing.T, data string, args ...string) *browserServer {
	t.Helper()
	s := &browserServer{t: t, binary: b.binary, log: &browserLog{}}
	s.env = append(withoutGatehouse(os.Environ()),
		"GATEHOUSE_DATA="+data, "GATEHOUSE_LISTEN="+freePort(t), "GATEHOUSE_OPS_LISTEN="+freePort(t))
	s.cmd = exec.Command(b.binary, append([]string{"serve"}, args...)...)
	s.cmd.Env, s.cmd.Stderr = s.env, s.log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err = s.read(out); err == nil {
		err = s.answers()
	}
	if err != nil {
		s.stop()
		t.Fatalf("%v\n%s", err, s.log)
	}
	t.Logf("ready after %s", time.Since(began).Round(time.Millisecond))
	return s
}

// read takes the addresses and the login from what the instance prints for a person.
func (s *browserServer) read(out io.Reader) error {
	banner := map[string]string{}
	var said bytes.Buffer
	told := make(chan error, 1)
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := out.Read(buf)
			said.Write(buf[:n])
			for line := range strings.Lines(said.String()) {
				if word, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && strings.HasSuffix(line, "\n") {
					banner[word] = strings.TrimSpace(value)
				}
			}
			if err == nil && banner["Ops"] == "" {
				continue
			}
			if err != nil {
				err = fmt.Errorf("the instance ended before it was ready: %w; it printed %q", err, said.String())
			}
			told <- err
			_, _ = io.Copy(io.Discard, out)
			return
		}
	}()
	select {
	case err := <-told:
		if err != nil {
			return err
		}
	case <-time.After(2 * time.Minute):
		return errors.New("the instance was not ready within two minutes")
	}
	s.URL = strings.TrimSuffix(banner["Inbox"], "/")
	if in, ok := strings.CutPrefix(banner["Sign"], "in"); ok {
		s.Email, s.Password = strings.TrimSpace(in), banner["Password"]
	}
	s.Setup, _, _ = strings.Cut(banner["First"], " ")
	return nil
}

// answers asks once: an instance that says it is ready is.
func (s *browserServer) answers() error {
	resp, err := http.Get(s.URL + "/")
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s/ answers %s", s.URL, resp.Status)
	}
	return nil
}

// fill writes an agent's full desk, with a long thread.
func (s *browserServer) fill() {
	s.t.Helper()
	bench := exec.Command(s.binary, "bench", "desk", "--json", "--messages=1200")
	bench.Env = s.env
	out, err := bench.Output()
	if err != nil {
		s.t.Fatalf("gatehouse bench desk: %v", err)
	}
	s.Seeded = filepath.Join(s.t.TempDir(), "desk.json")
	if err := os.WriteFile(s.Seeded, out, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// stop asks `gatehouse verify` about every invariant, ends the instance as Ctrl-C would, and reads its log for errors.
func (s *browserServer) stop() {
	if s.cmd.ProcessState == nil {
		verify := exec.Command(s.binary, "verify")
		verify.Env = s.env
		if out, err := verify.CombinedOutput(); err != nil {
			s.t.Errorf("gatehouse verify: %v\n%s", err, out)
		}
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Errorf("SIGTERM: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			s.t.Errorf("the instance did not stop cleanly: %v", err)
		}
	case <-time.After(time.Minute):
		s.t.Error("the instance did not stop within a minute")
		_ = s.cmd.Process.Kill()
		<-ended //nolint:errcheck // how it ended is known: killed
	}
	for _, line := range s.log.errors() {
		s.t.Errorf("the instance logged an error: %s", line)
	}
	for _, secret := range s.log.leaks() {
		s.t.Errorf("the instance logged %q", secret)
	}
	if s.t.Failed() {
		s.t.Logf("the instance's last words:\n%s", s.log)
	}
}

// browserLog keeps what an instance logs, and what it may not.
type browserLog struct {
	mu      sync.Mutex
	all     bytes.Buffer
	secrets []string
}

func (l *browserLog) mayNotHave(secret string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.secrets = append(l.secrets, secret)
}

// leaks are the secrets that the log has.
func (l *browserLog) leaks() (out []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, secret := range l.secrets {
		if strings.Contains(l.all.String(), secret) {
			out = append(out, secret)
		}
	}
	return out
}

func (l *browserLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

// String is the end of it.
func (l *browserLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	const most = 8 << 10
	b := l.all.Bytes()
	return string(b[max(0, len(b)-most):])
}

// errors are the lines of level ERROR, and those that are no JSON: a panic's.
func (l *browserLog) errors() (out []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.all.String()) {
		var entry struct{ Level string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Level == "ERROR" {
			out = append(out, strings.TrimSpace(line))
		}
	}
	return out
}

// withoutGatehouse is an environment in which only the test configures.
func withoutGatehouse(environ []string) (out []string) {
	for _, e := range environ {
		if !strings.HasPrefix(e, "GATEHOUSE_") && !strings.HasPrefix(e, "DATABASE_URL=") && !strings.HasPrefix(e, "REDIS_URL=") {
			out = append(out, e)
		}
	}
	return out
}

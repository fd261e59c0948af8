package embeddedtest

import (
	"errors"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse/internal/embedded"
)

func TestEverybodySharesOnePostgresUntilNobodyWantsIt(t *testing.T) {
	t.Parallel()
	h := &hall{dir: t.TempDir(), idle: 200 * time.Millisecond}
	var wg sync.WaitGroup
	joined := make([]*lease, 8)
	for i := range joined {
		wg.Go(func() {
			var err error
			if joined[i], err = h.join(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	for _, l := range joined[1:] {
		if l.url != joined[0].url {
			t.Errorf("two servers: %q and %q", l.url, joined[0].url)
		}
		leave(t, l)
	}
	last := joined[0]
	consistently(t, "the server stays while one lease is held", 3*h.idle, func() bool { return h.running() })
	if got := query(t, last.url, "show fsync"); got != "off" {
		t.Errorf("fsync is %q", got)
	}
	if got := query(t, last.url, "show synchronous_commit"); got != "on" {
		t.Errorf("synchronous_commit is %q", got)
	}
	if n, err := strconv.Atoi(query(t, last.url, "show max_connections")); err != nil || n < 300 {
		t.Errorf("max_connections is %d, %v", n, err)
	}

	leave(t, last)
	eventually(t, "the server is gone", func() bool { return !h.running() && !exists(h.servers()) })
	again, err := h.join()
	if err != nil {
		t.Fatalf("after the end: %v", err)
	}
	if got := query(t, again.url, "select 1"); got != "1" {
		t.Errorf("select 1 = %q", got)
	}
	leave(t, again)
	eventually(t, "the second server is gone", func() bool { return !h.running() && !exists(h.servers()) })
}

func TestPostgresEndsWithItsKeeperAndIsReplaced(t *testing.T) {
	t.Parallel()
	h := &hall{dir: t.TempDir(), idle: 200 * time.Millisecond}
	l, err := h.join()
	if err != nil {
		t.Fatal(err)
	}
	postmaster := firstLine(t, filepath.Join(h.servers(), "postgres/data/postmaster.pid"))
	if err := syscall.Kill(firstLine(t, filepath.Join(h.servers(), "embedded.lock")), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the postmaster ends", func() bool {
		raw, err := os.ReadFile("/proc/" + strconv.Itoa(postmaster) + "/cmdline")
		return err != nil || len(raw) == 0
	})
	second, err := h.join()
	if err != nil {
		t.Fatal(err)
	}
	if got := query(t, second.url, "select 1"); got != "1" {
		t.Errorf("select 1 = %q", got)
	}
	leave(t, l)
	leave(t, second)
	eventually(t, "the second server is gone", func() bool { return !h.running() && !exists(h.servers()) })
}

func TestAKeeperThatCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	const longest = 4095 // bytes in a path on Linux: the hall's own files still fit, the server's do not
	dir := t.TempDir()
	for len(dir) < longest-len("/servers/embedded.lock") {
		dir += "/" + strings.Repeat("x", min(200, longest-len("/keeper.log")-len(dir)-1))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := (&hall{dir: dir, idle: time.Second}).join()
	if err == nil || !strings.Contains(err.Error(), "name too long") {
		t.Errorf("join = %v, want the keeper's reason", err)
	}
}

func TestTheSharedPostgresIsTheSameForTheWholeProcess(t *testing.T) {
	t.Parallel()
	first := Postgres(t)
	if second := Postgres(t); second != first {
		t.Errorf("%q, then %q", first, second)
	}
	if got := query(t, first, "select 1"); got != "1" {
		t.Errorf("select 1 = %q", got)
	}
}

func TestEveryRedisIsItsOwnAndEndsWithItsTest(t *testing.T) {
	t.Parallel()
	var gone string
	t.Run("inner", func(t *testing.T) {
		a, b := client(t, Redis(t)), client(t, Redis(t))
		gone = a.Options().Addr
		if err := a.Set(t.Context(), "k", "v", 0).Err(); err != nil {
			t.Fatal(err)
		}
		if n, err := b.Exists(t.Context(), "k").Result(); err != nil || n != 0 {
			t.Errorf("the second Redis has the first one's key: %d, %v", n, err)
		}
	})
	if conn, err := net.Dial("tcp", gone); err == nil {
		t.Error("a Redis has outlived its test")
		conn.Close()
	}
}

func client(t *testing.T, url string) *redis.Client {
	t.Helper()
	opt, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	return redis.NewClient(opt)
}

func (h *hall) running() bool {
	_, err := embedded.Find(h.servers())
	return err == nil
}

func leave(t *testing.T, l *lease) {
	t.Helper()
	if err := l.free(); err != nil {
		t.Fatal(err)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, os.ErrNotExist)
}

func firstLine(t *testing.T, path string) int {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(raw), "\n")
	n, err := strconv.Atoi(line)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// query asks with psql, since no package of this floor may import a driver.
func query(t *testing.T, databaseURL, sql string) string {
	t.Helper()
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	cmd := exec.Command("psql", "-XAtq", "-h", u.Hostname(), "-p", u.Port(), "-U", u.User.Username(), "-d", strings.Trim(u.Path, "/"), "-c", sql)
	cmd.Env = append(os.Environ(), "PGPASSWORD="+password)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("psql: %v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); !cond(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not in 20 s: %s", what)
		}
	}
}

func consistently(t *testing.T, what string, d time.Duration, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(d); time.Now().Before(end); <-tick.C {
		if !cond() {
			t.Fatalf("no longer: %s", what)
		}
	}
}

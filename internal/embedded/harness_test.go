package embedded

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// gatehouseEnv turns this test binary into a gatehouse on the named folder, for the tests that kill one.
const gatehouseEnv = "EMBEDDED_TEST_GATEHOUSE"

func TestMain(m *testing.M) {
	dir := os.Getenv(gatehouseEnv)
	if dir == "" {
		os.Exit(withScratch(m))
	}
	if _, err := Start(context.Background(), Config{Dir: dir}); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	select {} // until it is killed
}

var scratch string // a folder for all tests

func withScratch(m *testing.M) int {
	var err error
	if scratch, err = os.MkdirTemp("", "embedded-test-"); err != nil {
		fmt.Println(err)
		return 1
	}
	defer os.RemoveAll(scratch)
	return m.Run()
}

// used returns a data folder that servers have run on before, to spare the tests making a cluster each.
func used(t *testing.T) string {
	t.Helper()
	from, err := model()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "data")
	if out, err := exec.Command("cp", "-a", from, dir).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v: %s", err, out)
	}
	info, err := load(dir)
	if err != nil {
		t.Fatal(err)
	}
	pg, redis, err := addresses(info)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []*address{&pg, &redis} {
		if at.port, err = FreePort(); err != nil {
			t.Fatal(err)
		}
	}
	info.DatabaseURL, info.RedisURL = pg.databaseURL(), redis.redisURL()
	if err := info.save(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

var model = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(scratch, "model")
	s, err := Start(context.Background(), Config{Dir: dir})
	if err != nil {
		return "", err
	}
	return dir, s.Stop()
})

// running are servers under test.
type running struct{ *Servers }

func start(t *testing.T, cfg Config) running {
	t.Helper()
	began := time.Now()
	s, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("started in %v", time.Since(began))
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return running{s}
}

// gatehouse starts another process that starts the servers, and returns when it has.
func gatehouse(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), gatehouseEnv+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		rest, _ := io.ReadAll(out)
		t.Fatalf("the other gatehouse says %q %q, %v", line, rest, err)
	}
	return cmd
}

func kill(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // its error is the signal that we have sent
}

// leftBehind returns the pids of servers that run without a gatehouse, and sees to their end if the test fails early.
func leftBehind(t *testing.T, dir string) (pg, redis int) {
	t.Helper()
	file, ok := readPostmaster(filepath.Join(dir, postgresDir, clusterDir))
	if !ok || !file.alive() {
		t.Fatal("Postgres has gone with its gatehouse")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "redis", redisPid))
	if err != nil {
		t.Fatal(err)
	}
	if redis, err = strconv.Atoi(strings.TrimSpace(string(raw))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, pid := range []int{file.pid, redis} {
			if strings.Contains(commandLine(pid), "postgres -D") || strings.Contains(commandLine(pid), "redis-server") {
				t.Errorf("pid %d was left running", pid)
				signal(t, pid, syscall.SIGKILL)
			}
		}
	})
	return file.pid, redis
}

func signal(t *testing.T, pid int, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatal(err)
	}
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

func (r running) tell(t *testing.T, sql string) (string, error) {
	t.Helper()
	return r.postgres.program.(*postgres).psql(t.Context(), sql)
}

func (r running) sql(t *testing.T, sql string) string {
	t.Helper()
	out, err := r.tell(t, sql)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (r running) client(t *testing.T) *goredis.Client {
	t.Helper()
	opt, err := goredis.ParseURL(r.RedisURL)
	if err != nil {
		t.Fatal(err)
	}
	c := goredis.NewClient(opt)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// remember has both servers hold a word; recall fails the test if one has forgotten it.
func (r running) remember(t *testing.T, word string) {
	t.Helper()
	r.sql(t, "create table words (word text); insert into words values ('"+word+"')")
	if err := r.client(t).Set(t.Context(), "word", word, 0).Err(); err != nil {
		t.Fatal(err)
	}
}

func (r running) recall(t *testing.T, word string) {
	t.Helper()
	if got := r.sql(t, "select word from words"); got != word {
		t.Errorf("Postgres remembers %q, want %q", got, word)
	}
	if got, err := r.client(t).Get(t.Context(), "word").Result(); got != word {
		t.Errorf("Redis remembers %q, %v; want %q", got, err, word)
	}
}

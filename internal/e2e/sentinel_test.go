package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// daemon is a server of the test's own that is not the product's.
type daemon struct {
	cmd *exec.Cmd
	log string // file
	end chan struct{}
}

// daemonize starts a program. It is killed with the test, if it still runs then.
func daemonize(t *testing.T, as *syscall.Credential, dir, name, bin string, args ...string) *daemon {
	t.Helper()
	d := &daemon{log: filepath.Join(t.TempDir(), name+".log"), end: make(chan struct{})}
	f, err := os.Create(d.log)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // the child has its own
	d.cmd = &exec.Cmd{Path: bin, Args: append([]string{bin}, args...), Dir: dir, Stdout: f, Stderr: f, Env: []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}, SysProcAttr: dieWithUs()}
	d.cmd.SysProcAttr.Credential = as
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { defer close(d.end); _ = d.cmd.Wait() }() // how it ends is the test's doing
	t.Cleanup(func() {
		d.kill()
		if t.Failed() {
			s, _ := os.ReadFile(d.log) // what is there is shown
			t.Logf("the end of %s:\n%s", name, s[max(0, len(s)-2000):])
		}
	})
	return d
}

// kill is SIGKILL. It returns when the process is gone.
func (d *daemon) kill() {
	signal(d.cmd.Process.Pid, syscall.SIGKILL)
	<-d.end
}

// sentinels are a Redis with a replica, and three who watch over them. Redis knows the product by a user of an access list, and the
// sentinels by another word.
type sentinels struct {
	t        *testing.T
	url      string // for the product
	watchers []*redis.SentinelClient
	redis    map[string]*daemon // by address
}

const (
	master      = "gatehouse"
	wordRedis   = "the word of redis"
	wordWatch   = "the word of the watch"
	wordProduct = "the word: of the, product@"
)

func newSentinels(t *testing.T) *sentinels {
	t.Helper()
	s := &sentinels{t: t, redis: map[string]*daemon{}}
	bin, err := exec.LookPath("redis-server") // as found: Debian's is a symlink to a program that asks for its own name
	if err != nil {
		t.Fatal(err)
	}
	start := func(name string, settings ...string) (at string, d *daemon) {
		at = freePort(t)
		host, port, _ := strings.Cut(at, ":")
		dir := t.TempDir()
		conf := filepath.Join(dir, name+".conf")
		text := strings.Join(append([]string{"bind " + host, "port " + port, "dir " + dir, `save ""`}, settings...), "\n") + "\n"
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		args := []string{conf}
		if strings.HasPrefix(name, "sentinel") {
			args = append(args, "--sentinel")
		}
		return at, daemonize(t, nil, dir, name, bin, args...)
	}
	ours := []string{
		fmt.Sprintf("requirepass %q", wordRedis), fmt.Sprintf("masterauth %q", wordRedis), "maxmemory-policy noeviction",
		fmt.Sprintf("user product on %q ~* &* +@all", ">"+wordProduct), "repl-diskless-sync-delay 0",
	}
	first, d := start("redis-1", ours...)
	s.redis[first] = d
	second, d := start("redis-2", append(ours, "replicaof "+strings.Replace(first, ":", " ", 1))...)
	s.redis[second] = d
	var at []string
	for i := range 3 {
		addr, _ := start(fmt.Sprintf("sentinel-%d", i+1),
			fmt.Sprintf("requirepass %q", wordWatch), fmt.Sprintf("sentinel sentinel-pass %q", wordWatch),
			fmt.Sprintf("sentinel monitor %s %s 2", master, strings.Replace(first, ":", " ", 1)), fmt.Sprintf("sentinel auth-pass %s %q", master, wordRedis),
			"sentinel down-after-milliseconds "+master+" 1000", "sentinel failover-timeout "+master+" 6000")
		at = append(at, addr)
		w := redis.NewSentinelClient(&redis.Options{Addr: addr, Password: wordWatch})
		t.Cleanup(func() { _ = w.Close() })
		s.watchers = append(s.watchers, w)
	}
	s.url = "redis-sentinel://product:the%20word%3A%20of%20the%2C%20product%40@" + strings.Join(at, ",") + "/0?master=" + master + "&sentinel_password=the%20word%20of%20the%20watch"
	until(t, time.Minute, "the watch is complete", func() (bool, string) {
		for _, w := range s.watchers {
			m, err := w.Master(t.Context(), master).Result()
			if err != nil || m["num-slaves"] != "1" || m["num-other-sentinels"] != "2" {
				return false, fmt.Sprint(m, err)
			}
			replicas, err := w.Replicas(t.Context(), master).Result()
			if err != nil || len(replicas) != 1 || replicas[0]["master-link-status"] != "ok" {
				return false, fmt.Sprint(replicas, err)
			}
		}
		return true, ""
	})
	return s
}

// primary is where the watch says that it is.
func (s *sentinels) primary() (at string, err error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	addr, err := s.watchers[0].GetMasterAddrByName(ctx, master).Result()
	return strings.Join(addr, ":"), err
}

// killPrimary returns when the watch has found another, and tells after how long.
func (s *sentinels) killPrimary() time.Duration {
	s.t.Helper()
	was, err := s.primary()
	if err != nil || s.redis[was] == nil {
		s.t.Fatalf("the primary is %s, %v", was, err)
	}
	begun := time.Now()
	s.redis[was].kill()
	until(s.t, time.Minute, "the replica is the primary", func() (bool, string) {
		at, err := s.primary()
		return err == nil && at != was, fmt.Sprint(at, err)
	})
	return time.Since(begun)
}

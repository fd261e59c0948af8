package embedded

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// redis is a Redis of our own: the real one, or miniredis where none is installed.
type redis interface {
	program
	address() address
	inMemory() bool
}

// openRedis takes redis-server from PATH. The path is used as found: on Debian it is a symlink to redis-check-rdb, which
// decides by its own name what it is.
func openRedis(cfg Config, at address) (redis, error) {
	bin, err := exec.LookPath("redis-server")
	if errors.Is(err, exec.ErrNotFound) {
		cfg.Log.Warn("embedded: no redis-server is installed, miniredis stands in: slower, and it forgets everything when gatehouse ends",
			"install", "apt-get install redis-server")
		return &miniRedis{at: at}, nil
	}
	if err != nil {
		return nil, err
	}
	h, err := openHome(filepath.Join(cfg.Dir, "redis"), "redis.log", "redis", "postgres")
	if err != nil {
		return nil, err
	}
	return &redisServer{home: h, bin: bin, at: at, throwaway: cfg.Throwaway, slog: cfg.Log}, nil
}

type redisServer struct {
	*home
	bin       string
	at        address
	throwaway bool
	slog      *slog.Logger
}

func (*redisServer) name() string       { return "redis" }
func (r *redisServer) address() address { return r.at }
func (*redisServer) inMemory() bool     { return false }

// farewell: at SIGTERM Redis writes out and syncs its append-only file.
func (r *redisServer) farewell() []step {
	if r.throwaway {
		return []step{{syscall.SIGKILL, 5 * time.Second}}
	}
	return []step{{syscall.SIGTERM, 10 * time.Second}, {syscall.SIGKILL, 5 * time.Second}}
}

const (
	redisConf = "redis.conf"
	redisPid  = "redis.pid"
	redisAOF  = "appendonlydir" // Redis 7's name for it, and the default
)

// config is a file, because a password on the command line is everybody's to read.
func (r *redisServer) config() string {
	durable := "appendonly yes\nappendfsync everysec\n"
	if r.throwaway {
		durable = "appendonly no\n"
	}
	return "bind " + loopback + "\n" +
		"port " + strconv.Itoa(r.at.port) + "\n" +
		"requirepass " + r.at.password + "\n" +
		"dir " + strconv.Quote(r.path()) + "\n" +
		"pidfile " + redisPid + "\n" +
		"maxmemory-policy noeviction\n" + // a wake that is evicted is a wake that is lost
		"save \"\"\n" + // the append-only file is enough
		durable
}

func (r *redisServer) adopt(ctx context.Context) (*process, error) {
	var p *process
	if raw, err := os.ReadFile(r.ours(redisPid)); err == nil {
		if pid, err := strconv.Atoi(strings.TrimSpace(string(raw))); err == nil {
			p = attach(pid, func() bool { return recognise(pid, "redis-server", r.dir) })
		}
	}
	if p == nil && r.answers() { // as good as ours; nothing in Redis keeps two servers from one append-only file
		return nil, fmt.Errorf("a Redis with our password listens on %s, and %s does not name it", r.at, r.ours(redisPid))
	}
	if p == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, healthy)
	defer cancel()
	err := p.until(ctx, r.answers)
	if conf, readErr := os.ReadFile(r.ours(redisConf)); err == nil && (readErr != nil || string(conf) != r.config()) {
		err = errors.New("it runs with another configuration than this gatehouse wants")
	}
	if p.ended() {
		return nil, nil
	}
	if err == nil {
		return p, nil
	}
	r.slog.Warn("embedded: replacing the server that was left running", "server", r.name(), "pid", p.pid, "because", err)
	return nil, p.end(step{syscall.SIGTERM, 2 * time.Second}, step{syscall.SIGKILL, 5 * time.Second})
}

func (r *redisServer) launch(ctx context.Context, mayMove bool) (*process, error) {
	if mayMove {
		var err error
		if r.at, err = r.at.vacant(); err != nil {
			return nil, err
		}
	}
	if err := r.write(redisConf, r.config()); err != nil {
		return nil, err
	}
	onOurDeath := syscall.Signal(0)
	if r.throwaway {
		onOurDeath = syscall.SIGKILL
	}
	p, err := r.run(r.bin, nil, onOurDeath, r.path(redisConf))
	if err != nil {
		return nil, err
	}
	if err := p.until(ctx, r.answers); err != nil {
		err = errors.Join(r.log.explain(err), p.end(r.farewell()...))
		if strings.Contains(r.log.tail(), "redis-check-aof") {
			err = errors.Join(err, r.setAside())
		}
		return nil, err
	}
	return p, nil
}

// setAside makes room for a new append-only file where the old one cannot be read: what Redis held were wakes, and the
// sweeper finds what they were about in Postgres.
func (r *redisServer) setAside() error {
	to := fmt.Sprintf("%s.unreadable-%d", redisAOF, time.Now().Unix())
	r.slog.Error("embedded: Redis cannot read its append-only file; it begins with an empty one", "kept_as", r.ours(to))
	return os.Rename(r.ours(redisAOF), r.ours(to))
}

func (r *redisServer) answers() bool { return pingRedis(r.at) == nil }

// pingRedis returns nil if a Redis that knows our password serves at the address (not while it is still loading).
func pingRedis(at address) error {
	conn, err := net.DialTimeout("tcp4", at.String(), time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(conn, "*2\r\n$4\r\nAUTH\r\n$%d\r\n%s\r\n*1\r\n$4\r\nPING\r\n", len(at.password), at.password); err != nil {
		return err
	}
	in := bufio.NewReader(conn)
	for _, want := range []string{"+OK", "+PONG"} {
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		if got := strings.TrimSpace(line); got != want {
			return fmt.Errorf("redis answers %q", got)
		}
	}
	return nil
}

// miniRedis stands in for Redis inside this process.
type miniRedis struct{ at address }

func (*miniRedis) name() string                            { return "miniredis" }
func (m *miniRedis) address() address                      { return m.at }
func (*miniRedis) inMemory() bool                          { return true }
func (*miniRedis) farewell() []step                        { return []step{{syscall.SIGTERM, time.Second}} }
func (*miniRedis) adopt(context.Context) (*process, error) { return nil, nil }

func (m *miniRedis) launch(_ context.Context, mayMove bool) (*process, error) {
	if mayMove {
		var err error
		if m.at, err = m.at.vacant(); err != nil {
			return nil, err
		}
	}
	mini := miniredis.NewMiniRedis()
	mini.RequireAuth(m.at.password)
	mini.ClockTTL(true) // keys expire by the clock, without a ticker of ours that calls FastForward
	if err := mini.StartAddr(m.at.String()); err != nil {
		return nil, err
	}
	p := &process{gone: make(chan struct{})}
	p.signal = func(os.Signal) error {
		mini.Close()
		close(p.gone)
		return nil
	}
	return p, nil
}

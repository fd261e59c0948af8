package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"gatehouse/internal/bench/agent"
	"gatehouse/internal/embedded"
	"gatehouse/internal/embedded/embeddedtest"
)

// house is an installation as processes.
type house struct {
	t       *testing.T
	servers *embedded.Servers // nil if Postgres and Redis are the product's own
	env     []string
	tag     string         // with which the binary is built
	bin     string         // another binary, which is there already
	leaves  map[string]int // what may be due when all is done
	url     string         // public listener of the gateway
	admin   *agent.Agent

	mu        sync.Mutex
	processes []*process
}

// newHouse makes an installation with a Postgres and a Redis of its own and its schema in place. hosts are what the product
// may reach although it is on this machine.
func newHouse(t *testing.T, hosts ...string) *house {
	t.Helper()
	h := emptyHouse(t, hosts...)
	h.command(t.Context(), "", "migrate")
	return h
}

// emptyHouse is newHouse without a schema.
func emptyHouse(t *testing.T, hosts ...string) *house {
	t.Helper()
	return houseOn(t, embeddedtest.Start(t, embedded.Both), hosts...)
}

// houseOn is emptyHouse on given servers.
func houseOn(t *testing.T, s *embedded.Servers, hosts ...string) *house {
	t.Helper()
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	h := &house{t: t, servers: s, url: "http://" + freePort(t)}
	h.env = []string{
		"DATABASE_URL=" + s.DatabaseURL, "REDIS_URL=" + s.RedisURL, "GATEHOUSE_SECRET_KEY=" + hex.EncodeToString(secret),
		"GATEHOUSE_DATA=" + t.TempDir(), "GATEHOUSE_ALLOW_HOSTS=" + strings.Join(hosts, ","), "GATEHOUSE_LOG_FORMAT=text",
		// The test's Postgres has no fsync: a killed process loses nothing by that, a machine without power would.
		"GATEHOUSE_I_ACCEPT_DATA_LOSS=true",
	}
	return h
}

// newOwnHouse makes an installation that runs its own Postgres and Redis below its data folder. They outlive a killed
// gatehouse, and are stopped with the test.
func newOwnHouse(t *testing.T, hosts ...string) (h *house, data string) {
	t.Helper()
	data = t.TempDir()
	for d := data; len(d) > len(os.TempDir()); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil { // as root, Postgres runs as somebody else and must get there
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if _, err := embedded.Find(data); err != nil {
			return // stopped already, as it should be
		}
		s, err := embedded.Start(context.Background(), embedded.Config{Dir: data, Log: slog.New(slog.DiscardHandler)})
		if err == nil {
			err = s.Stop()
		}
		if err != nil {
			t.Errorf("the servers below %s: %v", data, err)
		}
	})
	return &house{t: t, url: "http://" + freePort(t), env: []string{
		"GATEHOUSE_DATA=" + data, "GATEHOUSE_ALLOW_HOSTS=" + strings.Join(hosts, ","), "GATEHOUSE_LOG_FORMAT=text",
	}}, data
}

// freePort is an address on which nobody listens.
func freePort(t *testing.T) string {
	t.Helper()
	port, err := embedded.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// environ is what our processes see: nothing of this machine's own settings for the product.
func (h *house) environ(more ...string) []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir()}
	return append(append(env, h.env...), more...)
}

// command runs a verb of the command line to its end and returns what it printed. It fails the test if the verb fails.
func (h *house) command(ctx context.Context, stdin string, args ...string) []byte {
	h.t.Helper()
	out, err := h.tryCommand(ctx, stdin, args...)
	if err != nil {
		h.t.Fatalf("gatehouse %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (h *house) binary() string {
	if h.bin != "" {
		return h.bin
	}
	return binary(h.t, h.tag)
}

func (h *house) tryCommand(ctx context.Context, stdin string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, h.binary(), args...)
	cmd.Env, cmd.Stdin, cmd.SysProcAttr = h.environ(), strings.NewReader(stdin), dieWithUs()
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil && complaint.Len() > 0 {
		err = errors.Join(err, errors.New(complaint.String()))
	}
	return out, err
}

// process is one `gatehouse serve`, which may be killed and started again under the same name.
type process struct {
	h    *house
	name string
	args []string
	env  []string
	log  string // file

	mu  sync.Mutex
	cmd *exec.Cmd
	end chan error // what Wait said; closed then
}

// serve starts a process. It does not wait until it is ready.
func (h *house) serve(name string, args ...string) *process {
	h.t.Helper()
	p := &process{h: h, name: name, args: append([]string{"serve"}, args...), log: filepath.Join(h.t.TempDir(), name+".log")}
	p.env = []string{"GATEHOUSE_OPS_LISTEN=" + freePort(h.t), "GATEHOUSE_LISTEN=" + strings.TrimPrefix(h.url, "http://")}
	h.mu.Lock()
	h.processes = append(h.processes, p)
	h.mu.Unlock()
	p.start()
	h.t.Cleanup(func() {
		p.kill()
		if h.t.Failed() {
			h.t.Logf("the end of %s:\n%s", p.name, p.tail())
		}
	})
	return p
}

// start starts the process, with more in its environment if need be.
func (p *process) start(more ...string) {
	p.h.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	f, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		p.h.t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // the child has its own
	p.cmd = exec.Command(p.h.binary(), p.args...)
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr, p.cmd.SysProcAttr = p.h.environ(append(slices.Clip(p.env), more...)...), f, f, dieWithUs()
	if err := p.cmd.Start(); err != nil {
		p.h.t.Fatal(err)
	}
	end, cmd := make(chan error, 1), p.cmd
	p.end = end
	go func() { end <- cmd.Wait(); close(end) }()
}

// kill is SIGKILL. It returns when the process is gone.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.cmd.Process.Kill() // gone already is fine
	<-p.end                  //nolint:errcheck // how it ended is known: killed
}

// restart kills the process and starts it again.
func (p *process) restart(more ...string) { p.kill(); p.start(more...) }

// replace stops the process in good order and starts it again. It returns when it is ready.
func (p *process) replace(more ...string) {
	p.h.t.Helper()
	n := strings.Count(p.output(), "Gatehouse is ready")
	if took, err := p.stop(30 * time.Second); err != nil {
		p.h.t.Errorf("%s did not end well, after %s: %v", p.name, took, err)
	}
	p.start(more...)
	p.ready(n + 1)
}

// stop is SIGTERM, and tells how the process ended and how long it took.
func (p *process) stop(patience time.Duration) (took time.Duration, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	begun := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	select {
	case err = <-p.end:
	case <-time.After(patience):
		err = fmt.Errorf("%s has not stopped after %s", p.name, patience)
	}
	return time.Since(begun), err
}

// output is everything that the process has printed.
func (p *process) output() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func (p *process) tail() string {
	s := p.output()
	return s[max(0, len(s)-2000):]
}

// ready waits until the process has said so, n times in all.
func (p *process) ready(n int) {
	p.h.t.Helper()
	until(p.h.t, time.Minute, p.name+" is ready", func() (bool, string) {
		s := p.output()
		select {
		case err, ended := <-p.end:
			p.h.t.Fatalf("%s has ended: %v, %v\n%s", p.name, err, ended, p.tail())
		default:
		}
		return strings.Count(s, "Gatehouse is ready") >= n, s[max(0, len(s)-2000):]
	})
}

// until polls a condition and fails the test with what it last said if it does not come to hold in time.
func until(t *testing.T, patience time.Duration, what string, holds func() (bool, string)) {
	t.Helper()
	untilEvery(t, 20*time.Millisecond, patience, what, holds)
}

// untilEvery is until for a condition that costs something to look at.
func untilEvery(t *testing.T, every, patience time.Duration, what string, holds func() (bool, string)) {
	t.Helper()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		ok, says := holds()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s it is still not so that %s: %s", patience, what, says)
		}
	}
}

// setUp makes the first administrator and signs them in.
func (h *house) setUp() {
	h.t.Helper()
	const email, first, next = "ada@example.com", "a word to begin with", "another word for ada"
	h.command(h.t.Context(), first+"\n", "agent", "add", "--name", "Ada Admin", "--email", email, "--role", "admin")
	var err error
	if h.admin, err = agent.SignIn(h.t.Context(), h.url, email, first, next); err != nil {
		h.t.Fatal(err)
	}
}

// make posts a form as the administrator and returns the id of what was made.
func (h *house) make(path string, form any) string {
	h.t.Helper()
	var made struct{ ID string }
	if err := h.admin.Call(h.t.Context(), "POST", path, form, &made); err != nil {
		h.t.Fatalf("POST %s: %v", path, err)
	}
	return made.ID
}

// database opens a connection for the oracles.
func database(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// flush empties Redis.
func (h *house) flush() {
	h.t.Helper()
	opt, err := redis.ParseURL(h.servers.RedisURL)
	if err != nil {
		h.t.Fatal(err)
	}
	rdb := redis.NewClient(opt)
	defer func() { _ = rdb.Close() }()
	if err := rdb.FlushAll(h.t.Context()).Err(); err != nil {
		h.t.Logf("Redis could not be flushed: %v", err) // it may be down: then it is empty anyway
	}
}

// due is what still needs work.
func (h *house) due() (map[string]int, error) {
	out, err := h.tryCommand(h.t.Context(), "", "due", "--json")
	if err != nil {
		return nil, err
	}
	var rows []struct {
		What  string
		Count int
	}
	if err := json.Unmarshal(out, &rows); err != nil {
		return nil, err
	}
	due := map[string]int{}
	for _, r := range rows {
		due[r.What] = r.Count
	}
	return due, nil
}

// breach is a line of `gatehouse verify`.
type breach struct {
	ID, Claim string
	Breaches  int
	Samples   []string
}

// verify asks the record about every invariant and returns those that do not hold.
func (h *house) verify() (broken []breach) {
	h.t.Helper()
	out, err := h.tryCommand(h.t.Context(), "", "verify", "--json")
	var all []breach
	if jerr := json.Unmarshal(out, &all); jerr != nil || len(all) == 0 {
		h.t.Fatalf("gatehouse verify: %v, %v: %s", err, jerr, out)
	}
	for _, b := range all {
		if b.Breaches > 0 {
			broken = append(broken, b)
		}
	}
	if (err != nil) != (len(broken) > 0) {
		h.t.Errorf("gatehouse verify finds %d broken promises and ends with %v", len(broken), err)
	}
	return broken
}

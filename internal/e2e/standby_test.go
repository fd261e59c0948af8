package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/jackc/pgx/v5"
	"github.com/rs/zerolog"

	"gatehouse/internal/chat"
	"gatehouse/internal/postgres"
)

// pair is a Postgres and its synchronous standby.
type pair struct {
	t    *testing.T
	bin  string              // the folder of initdb and postgres
	as   *syscall.Credential // whom they run as; nil: as we do
	root string              // theirs

	wire             *toxiproxy.Proxy // from the standby to the primary
	primary, standby *instance
	url              string // both, whichever takes writes
}

// instance is one Postgres.
type instance struct {
	*daemon
	at, dir string
}

func newPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{t: t, bin: postgresBin(t), root: t.TempDir()}
	if os.Geteuid() == 0 {
		p.as = credential(t, "postgres")
		for d := p.root; len(d) > len(os.TempDir()); d = filepath.Dir(d) {
			if err := os.Chmod(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chown(p.root, int(p.as.Uid), int(p.as.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(p.root, "one")
	p.run("initdb", "--no-sync", "--username=gatehouse", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "-D", dir)
	p.primary = p.start(dir)
	p.ask(p.primary, "CREATE DATABASE gatehouse")
	dir = filepath.Join(p.root, "two")
	p.wire = toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), "wire", freePort(t), p.primary.at)
	if err := p.wire.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.wire.Stop)
	host, port, _ := strings.Cut(p.wire.Listen, ":")
	p.run("pg_basebackup", "--no-sync", "--checkpoint=fast", "--wal-method=stream", "--write-recovery-conf", "-D", dir, "-d",
		fmt.Sprintf("host=%s port=%s user=gatehouse dbname=postgres application_name=two", host, port))
	p.standby = p.start(dir)
	p.ask(p.primary, "ALTER SYSTEM SET synchronous_standby_names = 'two'")
	p.ask(p.primary, "SELECT pg_reload_conf()")
	until(t, time.Minute, "the standby is synchronous", func() (bool, string) {
		s := p.ask(p.primary, "SELECT coalesce(string_agg(sync_state, ' '), 'none') FROM pg_stat_replication")
		return s == "sync", s
	})
	p.url = "postgres://gatehouse@" + p.primary.at + "," + p.standby.at + "/gatehouse?sslmode=disable&target_session_attrs=read-write"
	return p
}

// postgresBin is the folder of the newest Postgres on this machine.
func postgresBin(t *testing.T) (best string) {
	t.Helper()
	dirs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		t.Fatal(err)
	}
	newest := 0
	for _, dir := range dirs {
		if v, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir))); v > newest {
			best, newest = dir, v
		}
	}
	if best == "" {
		initdb, err := exec.LookPath("initdb")
		if err != nil {
			t.Fatal(err)
		}
		best = filepath.Dir(initdb)
	}
	return best
}

func credential(t *testing.T, name string) *syscall.Credential {
	t.Helper()
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), Groups: []uint32{uint32(gid)}}
}

// run runs a program that ends by itself.
func (p *pair) run(name string, args ...string) {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), filepath.Join(p.bin, name), args...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = p.root, []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}, dieWithUs()
	cmd.SysProcAttr.Credential = p.as
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("%s: %v: %s", name, err, out)
	}
}

// start serves a cluster. What is killed here is a process, not the machine: fsync may be off.
func (p *pair) start(dir string) *instance {
	p.t.Helper()
	i := &instance{at: freePort(p.t), dir: dir}
	_, port, _ := strings.Cut(i.at, ":")
	args := []string{"-D", dir}
	for _, s := range []string{
		"port=" + port, "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "full_page_writes=off", "max_connections=300",
		"shared_buffers=128MB", "max_wal_size=2GB", "wal_keep_size=256MB", "log_min_messages=warning",
	} {
		args = append(args, "-c", s)
	}
	i.daemon = daemonize(p.t, p.as, p.root, "postgres-"+filepath.Base(dir), filepath.Join(p.bin, "postgres"), args...)
	until(p.t, time.Minute, i.at+" answers", func() (bool, string) {
		conn, err := pgx.Connect(p.t.Context(), i.url("postgres"))
		if err != nil {
			return false, err.Error()
		}
		return conn.Close(p.t.Context()) == nil, ""
	})
	return i
}

func (i *instance) url(database string) string {
	return "postgres://gatehouse@" + i.at + "/" + database + "?sslmode=disable"
}

// ask returns the first value of what SQL brings, as text.
func (p *pair) ask(i *instance, sql string) (out string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, i.url("postgres"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	results, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	if err != nil {
		p.t.Fatalf("%s: %v", sql, err)
	}
	if r := results[len(results)-1]; len(r.Rows) > 0 {
		out = string(r.Rows[0][0])
	}
	return out
}

// failOver kills the primary and promotes the standby, as whoever watches over both would do after so much time.
func (p *pair) failOver(after time.Duration) {
	p.t.Helper()
	p.primary.kill()
	wait(p.t.Context(), after)
	if got := p.ask(p.standby, "SELECT pg_promote(true, 60)"); got != "t" {
		p.t.Fatalf("the standby is not promoted: %s", got)
	}
	p.primary, p.standby = p.standby, nil
}

// A commit that is broken off while it waits for the standby is there nevertheless, on the primary alone. Who then asks again must not
// be told that all is well before the standby has it: it may be all that is left. Afterwards the same store goes on with the standby.
func TestWhatIsToldAgainIsOnTheStandbyToo(t *testing.T) {
	p := newPair(t)
	s, err := postgres.Open(t.Context(), p.url, postgres.Options{})
	if err == nil {
		_, err = s.Migrate(t.Context())
	}
	if err == nil {
		defer s.Close()
		_, err = s.EnsurePartitions(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	account, department := chat.NewID[chat.AccountID](), chat.NewID[chat.DepartmentID]()
	if _, err := s.Pool().Exec(t.Context(), "INSERT INTO departments (id, name) VALUES ($1, 'Sales')", department); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Pool().Exec(t.Context(), "INSERT INTO channel_accounts (id, kind, name, department_id) VALUES ($1, 'whatsapp', 'Shop', $2)", account, department); err != nil {
		t.Fatal(err)
	}
	event := []chat.RawEvent{{ID: chat.NewID[chat.InboundEventID](), AccountID: account, ReceivedAt: time.Now().UTC(), Body: []byte("{}")}}
	within := func(d time.Duration, do func(context.Context, []chat.RawEvent) error) error {
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		return do(ctx, event)
	}
	stored := func() (n int) {
		if err := s.Pool().QueryRow(t.Context(), "SELECT count(*) FROM inbound_events").Scan(&n); err != nil {
			t.Log(err)
		}
		return n
	}

	p.wire.Stop()
	if err := within(time.Second, s.InsertEvents); err == nil {
		t.Fatal("it is stored without the standby")
	}
	until(t, time.Minute, "it is on the primary", func() (bool, string) { return stored() == 1, "" })
	if err := within(time.Second, s.InsertEventsAgain); chat.CodeOf(err) != chat.CodeUnavailable {
		t.Errorf("who asks again is told %v", err)
	}
	if err := p.wire.Start(); err != nil {
		t.Fatal(err)
	}
	if err := within(time.Minute, s.InsertEventsAgain); err != nil {
		t.Fatal(err)
	}
	p.failOver(0)
	until(t, time.Minute, "the standby has it", func() (bool, string) { return stored() == 1, "" })
	until(t, time.Minute, "the standby takes more", func() (bool, string) {
		event[0].ID = chat.NewID[chat.InboundEventID]()
		err := within(10*time.Second, s.InsertEvents)
		return err == nil, fmt.Sprint(err)
	})
}

package embedded

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	postgresDir = "postgres"
	clusterDir  = "data"
	oldest      = 15 // the first with wal_compression=lz4 and CREATE DATABASE without a checkpoint
)

// postgres is one cluster and the program that serves it.
type postgres struct {
	*home
	bin       string // the folder of postgres, initdb and psql
	at        address
	lz4       bool // until this build says that it has none
	throwaway bool
	slog      *slog.Logger
}

// healthy is how soon a server that was left running must answer to be adopted.
const healthy = 3 * time.Second

func openPostgres(ctx context.Context, cfg Config, at address) (*postgres, error) {
	h, err := openHome(filepath.Join(cfg.Dir, postgresDir), "postgres.log", "postgres")
	if err != nil {
		return nil, err
	}
	bin, err := findPostgres(ctx, h.ours(clusterDir, "PG_VERSION"))
	if err != nil {
		return nil, err
	}
	return &postgres{home: h, bin: bin, at: at, lz4: true, throwaway: cfg.Throwaway, slog: cfg.Log}, nil
}

func (*postgres) name() string { return "postgres" }

// farewell is Postgres' fast shutdown, then its immediate one (the next start recovers from the log), then SIGKILL.
// https://www.postgresql.org/docs/15/server-shutdown.html
func (pg *postgres) farewell() []step {
	if pg.throwaway {
		return []step{{syscall.SIGQUIT, 5 * time.Second}, {syscall.SIGKILL, 5 * time.Second}}
	}
	return []step{{syscall.SIGINT, 20 * time.Second}, {syscall.SIGQUIT, 5 * time.Second}, {syscall.SIGKILL, 5 * time.Second}}
}

// settings on the command line win over the cluster's postgresql.conf: what is not named here is the operator's to tune.
func (pg *postgres) settings() []string {
	s := []string{
		"port=" + strconv.Itoa(pg.at.port),
		"listen_addresses=" + loopback,
		"unix_socket_directories=",
		"cluster_name=gatehouse",
		"jit=off", // 200 ms of compiling for queries of 2 ms
		"random_page_cost=1.1",
		"timezone=UTC",
		// A unique violation's DETAIL holds the value, here a phone number: log neither it nor the statement.
		"log_timezone=UTC", "log_line_prefix=%m [%p] ", "log_checkpoints=off",
		"log_error_verbosity=terse", "log_min_error_statement=panic",
	}
	if pg.throwaway {
		return append(s, "fsync=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0", "max_wal_size=2GB",
			"checkpoint_timeout=30min", "max_connections=500", "shared_buffers=128MB")
	}
	compression := "wal_compression=lz4"
	if !pg.lz4 {
		compression = "wal_compression=on"
	}
	return append(s, "fsync=on", "synchronous_commit=on", "full_page_writes=on", compression,
		// The most that a crash has to replay; much below it, checkpoints come too often under load.
		"max_wal_size=2GB", "checkpoint_timeout=5min",
		"max_connections=200", "shared_buffers=256MB",
		// A new installation's tables begin empty, and their plans should not wait a minute for statistics.
		"autovacuum_naptime=10s")
}

func (pg *postgres) args() []string {
	args := []string{"-D", pg.path(clusterDir)}
	for _, s := range pg.settings() {
		args = append(args, "-c", s)
	}
	return args
}

func (pg *postgres) adopt(ctx context.Context) (*process, error) {
	file, ok := readPostmaster(pg.ours(clusterDir))
	if !ok {
		return nil, nil
	}
	p := attach(file.pid, file.alive)
	if p == nil {
		return nil, nil
	}
	pg.at.port = file.port
	err := pg.serves(ctx, p, healthy)
	if err == nil && commandLine(p.pid) != strings.Join(append([]string{filepath.Join(pg.bin, "postgres")}, pg.args()...), " ") {
		err = errors.New("it runs with other settings than this gatehouse wants")
	}
	if p.ended() {
		return nil, nil
	}
	if err == nil {
		return p, nil
	}
	pg.slog.Warn("embedded: replacing the server that was left running", "server", pg.name(), "pid", p.pid, "because", err)
	return nil, p.end(step{syscall.SIGINT, 2 * time.Second}, step{syscall.SIGQUIT, time.Second}, step{syscall.SIGKILL, 5 * time.Second})
}

func (pg *postgres) launch(ctx context.Context, mayMove bool) (*process, error) {
	if err := pg.initialize(ctx); err != nil {
		return nil, err
	}
	if mayMove {
		var err error
		if pg.at, err = pg.at.vacant(); err != nil {
			return nil, err
		}
	}
	// Postgres itself would stop at a foreign process or a zombie with the old pid. A living server of this cluster it
	// recognises by its shared memory too, and does not start beside it.
	if file, ok := readPostmaster(pg.ours(clusterDir)); ok && !file.alive() {
		if err := os.Remove(file.path); err != nil {
			return nil, err
		}
	}
	p, err := pg.run(filepath.Join(pg.bin, "postgres"), nil, pg.onOurDeath(), pg.args()...)
	if err != nil {
		return nil, err
	}
	if err := pg.serves(ctx, p, time.Minute); err != nil {
		err = errors.Join(pg.log.explain(err), p.end(pg.farewell()...))
		if strings.Contains(pg.log.tail(), `"wal_compression"`) {
			pg.lz4 = false // for the next try
		}
		return nil, err
	}
	return p, nil
}

func (pg *postgres) onOurDeath() syscall.Signal {
	if pg.throwaway {
		return syscall.SIGQUIT
	}
	return 0
}

func (pg *postgres) initialized() bool {
	_, err := os.Stat(pg.ours(clusterDir))
	return !errors.Is(err, os.ErrNotExist)
}

// initialize makes the cluster with our database if there is none. It is made aside, where no initdb of a gatehouse that
// was killed can still be at work, and moved into place when complete.
func (pg *postgres) initialize(ctx context.Context) error {
	if pg.initialized() {
		return nil
	}
	const secret = "initdb.password"
	aside := clusterDir + ".new-" + rand.Text()
	entries, err := os.ReadDir(pg.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), clusterDir+".new-") {
			if err := os.RemoveAll(pg.ours(e.Name())); err != nil {
				return err
			}
		}
	}
	if err := pg.write(secret, pg.at.password); err != nil {
		return err
	}
	steps := [][]string{
		{"initdb", "--no-sync", "--username=" + role, "--pwfile=" + pg.path(secret), "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"},
		{"postgres", "--single", "-c", "fsync=off", "postgres"}, // reads createDatabase
		{"initdb", "--sync-only"},
	}
	if pg.throwaway {
		steps = steps[:2]
	}
	for _, s := range steps {
		if err := pg.prepare(ctx, s[0], append(s[1:len(s):len(s)], "-D", pg.path(aside))); err != nil {
			return err
		}
	}
	if err := os.Remove(pg.ours(secret)); err != nil {
		return err
	}
	return replace(pg.ours(aside), pg.ours(clusterDir))
}

const createDatabase = "create database " + role + "\n"

// prepare runs a program that ends by itself.
func (pg *postgres) prepare(ctx context.Context, name string, args []string) error {
	p, err := pg.run(filepath.Join(pg.bin, name), strings.NewReader(createDatabase), syscall.SIGKILL, args...)
	if err != nil {
		return err
	}
	select {
	case <-p.gone:
	case <-ctx.Done():
		return errors.Join(ctx.Err(), p.end(step{syscall.SIGTERM, 5 * time.Second}, step{syscall.SIGKILL, 5 * time.Second}))
	}
	if p.err != nil {
		return pg.log.explain(fmt.Errorf("%s: %w", name, p.err))
	}
	return nil
}

// serves waits until p is ready, then proves with our password, within the given time, that it serves our cluster.
func (pg *postgres) serves(ctx context.Context, p *process, within time.Duration) error {
	if err := p.until(ctx, func() bool {
		file, ok := readPostmaster(pg.ours(clusterDir))
		return ok && file.ready && file.pid == p.pid
	}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	_, err := pg.psql(ctx, "select 1")
	return err
}

func (pg *postgres) psql(ctx context.Context, sql string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(pg.bin, "psql"), "-XAtq", "-h", loopback, "-p", strconv.Itoa(pg.at.port),
		"-U", role, "-d", role, "-c", sql)
	cmd.Env = []string{"PGPASSWORD=" + pg.at.password, "PGSSLMODE=disable", "LC_ALL=C"}
	cmd.Dir = "/"
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return "", fmt.Errorf("psql: %w: %s", err, bytes.TrimSpace(exit.Stderr))
	}
	return strings.TrimSpace(string(out)), err
}

// postmaster is what a running Postgres writes about itself into postmaster.pid
// (src/include/utils/pidfile.h: pid, folder, start time, port, socket folder, address, shared memory, status).
type postmaster struct {
	path  string
	pid   int
	port  int
	ready bool
}

func readPostmaster(cluster string) (postmaster, bool) {
	f := postmaster{path: filepath.Join(cluster, "postmaster.pid")}
	raw, err := os.ReadFile(f.path)
	if err != nil {
		return f, false
	}
	lines := strings.Split(string(raw), "\n")
	if f.pid, err = strconv.Atoi(strings.TrimSpace(lines[0])); err != nil {
		return f, false
	}
	if len(lines) > 7 {
		f.port, _ = strconv.Atoi(lines[3])
		f.ready = strings.TrimSpace(lines[7]) == "ready"
	}
	return f, true
}

func (f postmaster) alive() bool { return recognise(f.pid, "postgres", filepath.Dir(f.path)) }

// findPostgres returns the folder of the newest server binaries, or of those that fit an existing cluster. Debian's
// wrappers in /usr/bin cannot be meant: there is no initdb among them.
func findPostgres(ctx context.Context, versionFile string) (string, error) {
	dirs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	if initdb, err := exec.LookPath("initdb"); err == nil {
		dirs = append(dirs, filepath.Dir(initdb))
	}
	made, err := os.ReadFile(versionFile)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	want, _ := strconv.Atoi(strings.TrimSpace(string(made))) // 0: no cluster yet

	best, bestVersion, seen := "", 0, []int{}
	for _, dir := range dirs {
		v := majorVersion(ctx, dir)
		if v > 0 {
			seen = append(seen, v)
		}
		if v >= oldest && v > bestVersion && (want == 0 || v == want) {
			best, bestVersion = dir, v
		}
	}
	slices.Sort(seen)
	switch {
	case ctx.Err() != nil: // nobody was asked to the end
		return "", ctx.Err()
	case best != "":
		return best, nil
	case want != 0:
		return "", fmt.Errorf("the cluster was made by Postgres %d, which is not installed (found: %v)", want, seen)
	default:
		return "", fmt.Errorf("no Postgres %d or later is installed (found: %v); on Debian: apt-get install postgresql", oldest, seen)
	}
}

var versionLine = regexp.MustCompile(`^postgres \(PostgreSQL\) (\d+)`)

func majorVersion(ctx context.Context, dir string) int {
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return 0
	}
	m := versionLine.FindSubmatch(out)
	if m == nil {
		return 0
	}
	v, _ := strconv.Atoi(string(m[1]))
	return v
}

package embedded

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

func TestAFirstStartGivesDurableServersOnLoopback(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Dir: t.TempDir()})
	for setting, want := range map[string]string{
		"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "wal_compression": "lz4", "jit": "off",
		"listen_addresses": "127.0.0.1", "TimeZone": "UTC", "server_encoding": "UTF8",
	} {
		if got := s.sql(t, "show "+setting); got != want {
			t.Errorf("Postgres' %s is %q, want %q", setting, got, want)
		}
	}
	if got := s.sql(t, "select datname from pg_database where datname = 'gatehouse'"); got != "gatehouse" {
		t.Errorf("the database gatehouse does not exist")
	}
	for setting, want := range map[string]string{
		"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction", "bind": "127.0.0.1",
	} {
		if got := s.client(t).ConfigGet(t.Context(), setting).Val()[setting]; got != want {
			t.Errorf("Redis' %s is %q, want %q", setting, got, want)
		}
	}
}

func TestAWarmStartFindsDataAndAddressesAsTheyWere(t *testing.T) {
	t.Parallel()
	dir := used(t)
	s := start(t, Config{Dir: dir})
	s.remember(t, "before")
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	again := start(t, Config{Dir: dir})
	again.recall(t, "before")
	if again.Info != s.Info {
		t.Errorf("the addresses have changed")
	}
}

func TestAfterAKillTheNextStartAdoptsTheServers(t *testing.T) {
	t.Parallel()
	dir := used(t)
	kill(t, gatehouse(t, dir))
	info, err := Find(dir)
	if err != nil {
		t.Fatalf("the servers of a killed gatehouse are not found: %v", err)
	}
	pgPID, redisPID := leftBehind(t, dir)

	s := start(t, Config{Dir: dir})
	if s.Info != info {
		t.Errorf("the addresses have changed")
	}
	if pg, redis := s.PIDs(); pg != pgPID || redis != redisPID {
		t.Errorf("pids %d and %d, want the adopted %d and %d", pg, redis, pgPID, redisPID)
	}
	s.remember(t, "adopted")
	s.recall(t, "adopted")
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if commandLine(pgPID)+commandLine(redisPID) != "" {
		t.Errorf("Stop has left an adopted server running")
	}
	if _, err := Find(dir); !errors.Is(err, ErrNotRunning) {
		t.Errorf("after Stop, Find says %v", err)
	}
}

func TestHungServersAreReplacedWithoutLoss(t *testing.T) {
	t.Parallel()
	dir := used(t)
	first := start(t, Config{Dir: dir})
	first.remember(t, "before")
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	kill(t, gatehouse(t, dir))
	pgPID, redisPID := leftBehind(t, dir)
	signal(t, pgPID, syscall.SIGSTOP)
	signal(t, redisPID, syscall.SIGSTOP)

	s := start(t, Config{Dir: dir})
	s.recall(t, "before")
	if pg, redis := s.PIDs(); pg == pgPID || redis == redisPID {
		t.Errorf("a stopped server was adopted: pids %d and %d", pg, redis)
	}
	if commandLine(pgPID)+commandLine(redisPID) != "" {
		t.Errorf("a stopped server is still there")
	}
}

func TestServersWithOtherSettingsAreReplaced(t *testing.T) {
	t.Parallel()
	dir := used(t)
	kill(t, gatehouse(t, dir))
	pgPID, redisPID := leftBehind(t, dir)
	signal(t, pgPID, syscall.SIGINT)
	eventually(t, "Postgres ends", func() bool { return commandLine(pgPID) == "" })
	known, err := load(dir)
	if err != nil {
		t.Fatal(err)
	}
	at, _, err := addresses(known)
	if err != nil {
		t.Fatal(err)
	}
	pg, err := openPostgres(t.Context(), Config{Dir: dir, Log: slog.Default()}, at)
	if err != nil {
		t.Fatal(err)
	}
	pg.lz4 = false
	other, err := pg.launch(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "redis", redisConf)
	text, err := os.ReadFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(conf, append(text, "maxmemory 64mb\n"...), 0o600); err != nil {
		t.Fatal(err)
	}

	s := start(t, Config{Dir: dir})
	if pg, redis := s.PIDs(); pg == other.pid || redis == redisPID {
		t.Errorf("adopted in spite of other settings: pids %d and %d", pg, redis)
	}
	if got := s.sql(t, "show wal_compression"); got != "lz4" {
		t.Errorf("wal_compression is %q, want lz4", got)
	}
}

func TestPidFilesOfForeignProcessesAreStale(t *testing.T) {
	t.Parallel()
	dir := used(t)
	s := start(t, Config{Dir: dir})
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	bystander := exec.Command("sleep", "60")
	bystander.Dir = filepath.Join(dir, postgresDir, clusterDir) // even one that sits in our folder
	if err := bystander.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bystander.Process.Kill(); err != nil {
			t.Errorf("the bystander was hurt: %v", err)
		}
		_ = bystander.Wait() // killed: its error is the signal
	})
	for _, file := range []string{"postgres/data/postmaster.pid", "redis/redis.pid"} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(strconv.Itoa(bystander.Process.Pid)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Find(dir); !errors.Is(err, ErrNotRunning) {
		t.Errorf("Find takes a foreign process for Postgres: %v", err)
	}
	again := start(t, Config{Dir: dir})
	again.remember(t, "still")
	again.recall(t, "still")
	if commandLine(bystander.Process.Pid) == "" {
		t.Errorf("the foreign process was ended")
	}
}

func TestASecondGatehouseOnTheFolderIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start(t, Config{Dir: dir, Parts: OnlyRedis})
	_, err := Start(t.Context(), Config{Dir: dir, Parts: OnlyRedis})
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Errorf("the second start says %v, want ErrInUse and the holder's pid", err)
	}
}

func TestAServerThatEndsIsStartedAgainAtItsAddress(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Dir: used(t)})
	s.remember(t, "before")
	pgPID, redisPID := s.PIDs()
	signal(t, pgPID, syscall.SIGKILL)
	signal(t, redisPID, syscall.SIGKILL)
	eventually(t, "both are back", func() bool {
		pg, redis := s.PIDs()
		return pg != 0 && pg != pgPID && redis != 0 && redis != redisPID
	})
	s.recall(t, "before")
}

func TestAPortThatIsTakenMeanwhileIsReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, Config{Dir: dir, Parts: OnlyRedis})
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	_, at, err := addresses(s.Info)
	if err != nil {
		t.Fatal(err)
	}
	squatter, err := net.Listen("tcp4", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer squatter.Close()
	again := start(t, Config{Dir: dir, Parts: OnlyRedis})
	if err := again.client(t).Ping(t.Context()).Err(); err != nil {
		t.Error(err)
	}
	if found, err := Find(dir); err != nil || found != again.Info || found == s.Info {
		t.Errorf("Find says %v (same as before: %v), want the new address", err, found == s.Info)
	}
}

// The file may name the port that a starting server has just given up, and that another program has.
func TestPostgresIsFoundWhereItListens(t *testing.T) {
	t.Parallel()
	dir := used(t)
	s := start(t, Config{Dir: dir})
	pg, _, err := addresses(s.Info)
	if err != nil {
		t.Fatal(err)
	}
	pg.port++
	stale := s.Info
	stale.DatabaseURL = pg.databaseURL()
	if err := stale.save(dir); err != nil {
		t.Fatal(err)
	}
	if found, err := Find(dir); err != nil || found != s.Info {
		t.Errorf("Find = %v, %v; it runs at %v", found, err, s.Info)
	}
}

func TestServersRunWithoutRootBelowAFolderClosedToThem(t *testing.T) {
	t.Parallel()
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	s := start(t, Config{Dir: filepath.Join(closed, "data")})
	s.remember(t, "closed")
	s.recall(t, "closed")
	pg, redis := s.PIDs()
	for name, pid := range map[string]int{"postgres": pg, "redis": redis} {
		fi, err := os.Stat("/proc/" + strconv.Itoa(pid))
		if err != nil {
			t.Fatal(err)
		}
		uid := int(fi.Sys().(*syscall.Stat_t).Uid)
		if uid == 0 || os.Geteuid() != 0 && uid != os.Geteuid() {
			t.Errorf("%s runs as uid %d", name, uid)
		}
	}
}

func TestAnUnreadableAppendOnlyFileIsSetAside(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, Config{Dir: dir, Parts: OnlyRedis})
	if err := s.client(t).Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "redis", redisAOF, "*.incr.aof"))
	if err != nil || len(files) != 1 {
		t.Fatalf("append-only files: %v, %v", files, err)
	}
	if err := os.WriteFile(files[0], []byte("this is no Redis command\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	again := start(t, Config{Dir: dir, Parts: OnlyRedis})
	if n, err := again.client(t).DBSize(t.Context()).Result(); err != nil || n != 0 {
		t.Errorf("%d keys, %v; want an empty Redis", n, err)
	}
	kept, err := filepath.Glob(filepath.Join(dir, "redis", redisAOF+".unreadable-*"))
	if err != nil || len(kept) != 1 {
		t.Errorf("the old file is not kept: %v, %v", kept, err)
	}
}

func TestAKillDuringTheFirstStartLeavesNothingHalfMade(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), gatehouseEnv+"="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	halfMade := func() []string {
		rests, err := filepath.Glob(filepath.Join(dir, postgresDir, clusterDir+".new-*"))
		if err != nil {
			t.Fatal(err)
		}
		return rests
	}
	eventually(t, "initdb is at work", func() bool { return len(halfMade()) > 0 })
	kill(t, cmd)
	s := start(t, Config{Dir: dir})
	s.remember(t, "whole")
	s.recall(t, "whole")
	if rests := halfMade(); len(rests) > 0 {
		t.Errorf("still there: %v", rests)
	}
}

func TestALostStateFileIsSaidSo(t *testing.T) {
	t.Parallel()
	dir := used(t)
	if err := os.Remove(filepath.Join(dir, stateFile)); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Config{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), stateFile) {
		t.Errorf("the error does not name the file: %v", err)
	}
}

func TestSecretsAndValuesStayOutOfCommandLinesAndLogs(t *testing.T) {
	t.Parallel()
	dir := used(t)
	var out strings.Builder
	s := start(t, Config{Dir: dir, Log: slog.New(slog.NewTextHandler(&out, nil))})
	s.sql(t, "create table numbers (n text unique); insert into numbers values ('+15551234')")
	if _, err := s.tell(t, "insert into numbers values ('+15551234')"); err == nil {
		t.Fatal("the same value twice")
	}
	pg, redis := s.PIDs()
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	pgAt, redisAt, err := addresses(s.Info)
	if err != nil {
		t.Fatal(err)
	}
	seen := out.String() + commandLine(pg) + commandLine(redis)
	for _, log := range []string{"postgres/postgres.log", "redis/redis.log"} {
		text, err := os.ReadFile(filepath.Join(dir, log))
		if err != nil {
			t.Fatal(err)
		}
		seen += string(text)
	}
	for _, secret := range []string{pgAt.password, redisAt.password, "+15551234"} {
		if strings.Contains(seen, secret) {
			t.Errorf("a secret or a value is to be read in a log or on a command line")
		}
	}
	for _, file := range []string{stateFile, "redis/redis.conf"} {
		if fi, err := os.Stat(filepath.Join(dir, file)); err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, want mode 0600", file, err)
		}
	}
}

func TestWithoutARedisServerMiniredisStandsIn(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	var out strings.Builder
	dir := t.TempDir()
	s := start(t, Config{Dir: dir, Parts: OnlyRedis, Log: slog.New(slog.NewTextHandler(&out, nil))})
	if !s.InMemoryRedis || !strings.Contains(out.String(), "miniredis") {
		t.Errorf("InMemoryRedis is %v, and the log says %q", s.InMemoryRedis, out.String())
	}
	if found, err := Find(dir); err != nil || found != s.Info {
		t.Errorf("Find = %v, %v", found == s.Info, err)
	}
	client := s.client(t)
	if err := client.Set(t.Context(), "k", "v", 20*time.Millisecond).Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the key expires", func() bool { return client.Exists(t.Context(), "k").Val() == 0 })
	if err := goredis.NewClient(&goredis.Options{Addr: client.Options().Addr}).Ping(t.Context()).Err(); err == nil {
		t.Error("it answers without the password")
	}
}

func TestStopEndsWhatACancelledStartHasBegun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ctx, Config{Dir: dir}); !errors.Is(err, context.Canceled) {
		t.Fatalf("Start = %v, want context.Canceled", err)
	}
	if _, err := Find(dir); !errors.Is(err, ErrNotRunning) {
		t.Errorf("Find = %v, want ErrNotRunning", err)
	}
	start(t, Config{Dir: dir}).remember(t, "afterwards")
}

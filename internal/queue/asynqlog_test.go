package queue

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/logging"
	"gatehouse/internal/task"
)

// lines are what was logged.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, strings.TrimSpace(string(p)))
	return len(p), nil
}

// log is a logger without the time.
func (l *lines) log(min slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: min, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

// with returns the lines that hold a word.
func (l *lines) with(word string) (out []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.all {
		if strings.Contains(line, word) {
			out = append(out, line)
		}
	}
	return out
}

func (l *lines) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = nil
}

func TestWhatAsynqRepeatsOfRedisIsHeldBackAndNothingElseIs(t *testing.T) {
	t.Parallel()
	id := func(n int) string { return fmt.Sprintf("0b6f6a0e-1c5d-4c1e-9f4a-%012d", n) }
	const always, minutely, debug = "always", "once a minute", "debug"
	for name, tc := range map[string]struct {
		said func(n int) string
		want string
	}{
		"hangs": {func(n int) string {
			return fmt.Sprintf("Dequeue error: UNKNOWN: redis eval error: read tcp 127.0.0.1:%d->127.0.0.1:6379: i/o timeout", 30000+n)
		}, debug},
		"gone": {func(int) string {
			return "Failed to forward scheduled tasks: INTERNAL_ERROR: redis eval error: dial tcp 127.0.0.1:6379: connect: connection refused"
		}, debug},
		"hung up":  {func(int) string { return "Failed to write server state data: INTERNAL_ERROR: redis eval error: EOF" }, debug},
		"no time":  {func(int) string { return "Dequeue error: UNKNOWN: redis eval error: context deadline exceeded" }, debug},
		"no place": {func(int) string { return "Dequeue error: UNKNOWN: redis eval error: redis: connection pool timeout" }, debug},
		"Sentinel": {func(int) string {
			return "Dequeue error: UNKNOWN: redis eval error: redis: all sentinels specified in configuration are unreachable: context deadline exceeded\ndial tcp 10.0.0.1:26379: connect: connection refused"
		}, debug},
		"raw": {func(int) string {
			return "Failed to extend lease for tasks [" + id(1) + "]: dial tcp 127.0.0.1:6379: connect: connection refused"
		}, debug},
		"not syncing": {func(n int) string {
			return "Could not remove task id=" + id(n) + ` type="ingest" from "x" err: INTERNAL_ERROR: redis eval error: EOF; Will retry syncing`
		}, minutely},
		"moved": {func(n int) string { return "Could not move task id=" + id(n) + ` from "x" to "y"; Will retry syncing` }, minutely},
		"refuses": {func(int) string {
			return "Dequeue error: UNKNOWN: redis eval error: READONLY You can't write against a read only replica."
		}, minutely},
		"a command": {func(int) string {
			return "Failed to write server state data: UNKNOWN: redis command error: SADD failed: OOM command not allowed"
		}, minutely},
		"task":     {func(n int) string { return "Retry exhausted for task id=" + id(n) }, always},
		"stopping": {func(n int) string { return "Quitting worker. task id=" + id(n) }, always},
		"panic": {func(int) string {
			return "recovering from panic. See the stack trace below for details:\nredis eval error: dial tcp x: EOF"
		}, always},
		"lease": {func(n int) string { return fmt.Sprintf("Lease reset failed for %s; lease deadline: %d", id(n), n) }, always},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out lines
			l, now := newAsynqLog(out.log(slog.LevelDebug)), time.Unix(0, 0)
			l.now = func() time.Time { return now }
			for n := range 100 { // a minute and a half, and the first of a new one
				l.Error(tc.said(n))
				now = now.Add(time.Second)
			}
			switch warned := out.with("level=WARN"); {
			case tc.want == always && len(warned) == 100:
			case tc.want == debug && len(warned) == 0 && len(out.with("level=DEBUG")) == 100:
			case tc.want == minutely && len(warned) == 2 && strings.HasSuffix(warned[0], "repeated=0") && strings.HasSuffix(warned[1], "repeated=59"):
			default:
				t.Errorf("not %s: %d lines, %d of them warn: %.3s", tc.want, len(out.with("")), len(warned), warned)
			}
		})
	}
}

// An operator reads once that a Redis is away and once that it is back, from client and server together, and nothing of Asynq's.
func TestARedisThatIsAwayIsSaidOnce(t *testing.T) {
	t.Parallel()
	h := build(t)
	var out lines
	away := logging.NewAbsences(out.log(slog.LevelInfo), logging.AbsenceText{Key: "redis", Gone: "it is away", Back: "it is back"})
	d := &desk{woken: map[task.Wake]int{}}
	server, client := NewServer(h.at, Config{Prefix: "test", Concurrency: 4, Log: out.log(slog.LevelInfo), Away: away}, d.handle), NewClient(h.at, "test", away)
	server.Start(t.Context())
	t.Cleanup(func() {
		server.Stop()
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	client.Wake(t.Context(), wake(task.Ingest, "before"))
	eventually(t, "it works", func() bool {
		return d.times(wake(task.Ingest, "before")) > 0 && !client.Broken() && !server.Away() && len(out.with("it is away")) == len(out.with("it is back"))
	})
	out.clear()
	h.signal(t, syscall.SIGSTOP)
	client.Wake(t.Context(), wake(task.Ingest, "meanwhile"))
	eventually(t, "both know", func() bool { return client.Broken() && server.Away() })
	_, failed := client.Counts()
	eventually(t, "it is tried again and again", func() bool { _, n := client.Counts(); return n > failed+2 })
	h.signal(t, syscall.SIGCONT)
	eventually(t, "it is said that it is back", func() bool { return len(out.with("it is back")) > 0 })
	if gone, back := out.with("it is away"), out.with("it is back"); len(gone) != 1 || len(back) != 1 || !strings.Contains(gone[0], h.at[0].Name) {
		t.Errorf("said %q and %q", gone, back)
	}
	if asynq := out.with("msg=asynq"); len(asynq) != 0 {
		t.Errorf("Asynq said %q", asynq)
	}
}

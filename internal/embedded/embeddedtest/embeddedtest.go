// Package embeddedtest gives tests a real Postgres and a real Redis.
//
// Postgres is one throwaway server for all test binaries of a user on a machine, however many `go test` runs at once:
// tests make their own databases on it. The first test that asks starts a keeper, which is this test binary run once
// more; later ones, in any process, join in a millisecond. Every process that uses the server holds a shared lock, its
// lease, which the kernel gives back when the process ends, however it ends. When nobody has held one for 30 s, the
// keeper stops the server, removes its files and ends; if the keeper is killed, the kernel stops the server. So nothing
// stays behind but empty lock files and a short log in the temporary folder.
//
// Redis takes 10 ms to start and has no part that can be had alone (FLUSHALL, pub/sub and asynq's keys know no
// database number), so every call gets a server of its own.
//
// It refuses to run without either of them: a test that needs a database fails where there is none, it does not skip.
package embeddedtest

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/embedded"
)

// Postgres returns the URL of a superuser on the shared server, in the database "gatehouse". Nothing may be created in
// that database itself: make one per test, and name shared things (such as a template) after what is in them, because
// other versions of the tests may use the server at the same time. fsync is off there, synchronous_commit is not.
func Postgres(t testing.TB) string {
	t.Helper()
	l, err := shared()
	if err != nil {
		t.Fatalf("embeddedtest: the shared Postgres does not start: %v", err)
	}
	return l.url
}

// Redis returns the URL of an empty Redis that belongs to this test alone and ends with it.
func Redis(t testing.TB) string {
	t.Helper()
	return Start(t, embedded.OnlyRedis).RedisURL
}

// Start starts servers for this test alone, for tests that kill or stop them (Servers.PIDs); they end with it.
func Start(t testing.TB, parts embedded.Parts) *embedded.Servers {
	t.Helper()
	return StartIn(t, t.TempDir(), parts)
}

// StartIn is Start with the servers' files in a folder of the caller's, on a disk that is full or slow, perhaps.
func StartIn(t testing.TB, dir string, parts embedded.Parts) *embedded.Servers {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s, err := embedded.Start(ctx, embedded.Config{
		Dir: dir, Log: slog.New(slog.DiscardHandler), Parts: parts, Throwaway: true,
	})
	if err != nil {
		t.Fatalf("embeddedtest: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("embeddedtest: %v", err)
		}
	})
	if s.InMemoryRedis {
		t.Fatal("embeddedtest: no redis-server is installed; run scripts/need.sh test")
	}
	return s
}

// shared joins the shared server once per process; the lease lasts as long as the process.
var shared = sync.OnceValues(func() (*lease, error) {
	h, err := openHall()
	if err != nil {
		return nil, err
	}
	return h.join()
})

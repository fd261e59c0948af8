package postgres_test

import (
	"net"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"gatehouse/internal/chat"
	"gatehouse/internal/embedded/embeddedtest"
	"gatehouse/internal/postgres"
	"gatehouse/internal/postgres/postgrestest"
)

// A primary that was demoted keeps its connections, and takes no writes: the next deed goes to another server.
func TestAConnectionThatTakesNoWritesAnyMoreIsLeft(t *testing.T) {
	t.Parallel()
	s := postgrestest.New(t)
	agents := staff(t, s, 1)
	all := s.Pool().AcquireAllIdle(t.Context())
	if len(all) == 0 {
		t.Fatal("no connection is idle")
	}
	for _, c := range all { // as the server would be
		if _, err := c.Exec(t.Context(), "SET default_transaction_read_only = on"); err != nil {
			t.Fatal(err)
		}
		c.Release()
	}
	for range all {
		_, err := s.Beat(t.Context(), agents)
		if err == nil {
			break
		}
		if chat.CodeOf(err) != chat.CodeUnavailable {
			t.Fatalf("a deed on it fails with %v", err)
		}
	}
	if _, err := s.Beat(t.Context(), agents); err != nil {
		t.Errorf("the next deed fails with %v", err)
	}
}

// DATABASE_URL may name a primary and its standbys, in any order: the one that takes writes is used. Here the first is nobody.
func TestOfSeveralHostsTheOneThatTakesWritesIsUsed(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(embeddedtest.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	several := strings.Replace(u.String(), u.Host, nobody+","+u.Host, 1)
	s, err := postgres.Open(t.Context(), several, postgres.Options{Conns: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if s.Pool().Config().ConnConfig.ValidateConnect == nil {
		t.Error("nobody asks whether it takes writes")
	}
}

// A machine without power closes no connection: the system must not try for a quarter of an hour to reach it.
func TestAServerThatIsGoneIsNoticed(t *testing.T) {
	t.Parallel()
	c, err := postgrestest.New(t).Pool().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Release()
	raw, err := c.Conn().PgConn().Conn().(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	const tcpUserTimeout = 18
	limit := 0
	if cerr := raw.Control(func(fd uintptr) { limit, err = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout) }); cerr != nil || err != nil {
		t.Fatal(cerr, err)
	}
	if limit != 10_000 {
		t.Errorf("it is given up after %d ms", limit)
	}
}

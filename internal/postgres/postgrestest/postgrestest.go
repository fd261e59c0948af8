// Package postgrestest gives each test a database of its own, with the schema in it, in some 70 ms: a migrated template is
// made once for each version of the migrations and cloned. Tests only.
package postgrestest

import (
	"context"
	"fmt"
	"hash/fnv"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/embedded/embeddedtest"
	"gatehouse/internal/postgres"

	"github.com/jackc/pgx/v5"
)

// New gives a store over a database of the test's own.
func New(t testing.TB) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(context.Background(), URL(t), postgres.Options{Conns: 8, LaneConns: 6, DoorConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// Shared gives a store of the test's own over one database for all tests of the process: for tests that look only at what
// they made themselves, and need not wait for a database.
func Shared(t testing.TB) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(context.Background(), sharedURL(t), postgres.Options{Conns: 6, LaneConns: 4, DoorConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

var shared struct {
	sync.Mutex
	url string
}

// sharedURL makes the shared database once. It goes with the server.
func sharedURL(t testing.TB) string {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.url == "" {
		shared.url, _ = create(t)
	}
	return shared.url
}

// URL gives the connection string of a migrated database of the test's own. It is dropped when the test ends.
func URL(t testing.TB) string {
	t.Helper()
	url, drop := create(t)
	t.Cleanup(drop)
	return url
}

// create clones the migrated template.
func create(t testing.TB) (url string, drop func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	admin := embeddedtest.Postgres(t)
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	template := ensureTemplate(ctx, t, conn, admin)
	name := "t_" + strings.ReplaceAll(chat.NewID[chat.MessageID]().String(), "-", "")
	if _, err := conn.Exec(ctx, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", name, template)); err != nil {
		t.Fatal(err)
	}
	return with(t, admin, name), func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		conn, err := pgx.Connect(ctx, admin)
		if err != nil {
			t.Logf("dropping the test's database: %v", err)
			return
		}
		defer conn.Close(ctx)
		if _, err := conn.Exec(ctx, fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", name)); err != nil {
			t.Logf("dropping the test's database: %v", err)
		}
	}
}

func with(t testing.TB, admin, database string) string {
	u, err := url.Parse(admin)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + database
	return u.String()
}

// ensureTemplate makes the migrated template if nobody has yet. An advisory lock lets one test process do it.
func ensureTemplate(ctx context.Context, t testing.TB, conn *pgx.Conn, admin string) string {
	t.Helper()
	h := fnv.New64a()
	files := postgres.Migrations()
	if err := fs.WalkDir(files, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(files, p)
		_, _ = h.Write(b)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	// The day is part of the name: a template holds the partitions of its day.
	name := fmt.Sprintf("gatehouse_%x_%s", h.Sum64(), time.Now().UTC().Format("20060102"))
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(72001)"); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = conn.Exec(context.Background(), "SELECT pg_advisory_unlock(72001)") }()
	var have bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)", name).Scan(&have); err != nil {
		t.Fatal(err)
	}
	if have {
		return name
	}
	making := fmt.Sprintf("%s_%d", name, os.Getpid())
	if _, err := conn.Exec(ctx, fmt.Sprintf("CREATE DATABASE %s", making)); err != nil {
		t.Fatal(err)
	}
	s, err := postgres.Open(ctx, with(t, admin, making), postgres.Options{Conns: 3, LaneConns: 1, DoorConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Migrate(ctx)
	s.Close()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(ctx, fmt.Sprintf("ALTER DATABASE %s RENAME TO %s", making, name)); err != nil {
		t.Fatal(err)
	}
	return name
}

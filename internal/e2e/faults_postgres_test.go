package e2e

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"gatehouse/internal/embedded"
)

// cutPostgres takes Postgres away for 20 s. A gateway must not hold much of what comes meanwhile.
func (w *weather) cutPostgres() {
	const most = 50 << 20 // more than before
	before := w.gateways[0].resident(w.t)
	w.during(1, func(int) { w.cut(w.postgres, 20*time.Second) })
	if grown := w.gateways[0].resident(w.t) - before; grown > most {
		w.t.Errorf("a gateway holds %d MB more", grown>>20)
	}
}

// restartPostgresFast restarts Postgres twice, as fast as it goes. What the door waits for is nobody's refusal; a restart that takes longer
// is not the one of the list.
func (w *weather) restartPostgresFast() {
	const promised, absorbed = 2 * time.Second, 3 * time.Second // the row's; the door's wait (internal/desk/accept.go)
	w.during(2, func(int) {
		away := w.restartPostgres()
		if away > promised {
			w.t.Errorf("Postgres was away for %s, longer than the fault says", away.Round(time.Millisecond))
		}
		if away > absorbed { // no wait could absorb that: the refusals are not what failed
			w.bounds.refused = 0
		}
	})
}

// endBackends ends one of our connections after the other.
func (w *weather) endBackends() {
	conn := database(w.t, w.h.servers.DatabaseURL)
	w.during(50, func(int) {
		if _, err := conn.Exec(w.t.Context(), `SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity
			WHERE application_name LIKE 'gatehouse-%' ORDER BY random() LIMIT 1) AS x`); err != nil {
			w.t.Fatal(err)
		}
	})
}

// lockConversations is somebody with a table of his own for 15 s.
func (w *weather) lockConversations() {
	w.during(1, func(int) {
		tx, err := database(w.t, w.h.servers.DatabaseURL).Begin(w.t.Context())
		if err == nil {
			_, err = tx.Exec(w.t.Context(), "LOCK TABLE conversations IN ACCESS EXCLUSIVE MODE")
		}
		if err != nil {
			w.t.Fatal(err)
		}
		w.calm(15 * time.Second)
		if err := tx.Rollback(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	})
}

// openTransaction is somebody who forgot to commit.
func (w *weather) openTransaction() {
	tx, err := database(w.t, w.h.servers.DatabaseURL).BeginTx(w.t.Context(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	if err == nil {
		_, err = tx.Exec(w.t.Context(), "SELECT count(*) FROM conversations")
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.after(w.load, 0.95)
	if err := tx.Rollback(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// fillDisk leaves Postgres no room, for 10 s.
func (w *weather) fillDisk() {
	w.during(1, func(int) {
		ballast := filepath.Join(w.disk, "ballast")
		fill(w.t, ballast)
		w.calm(10 * time.Second)
		if err := os.Remove(ballast); err != nil {
			w.t.Fatal(err)
		}
	})
}

// fill writes a file until there is no room for another byte.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // there is no room: that is the point
	for block := make([]byte, 1<<20); len(block) > 0; {
		if _, err := f.Write(block); err != nil {
			block = block[:len(block)/2]
		}
	}
}

// restartPostgres has Postgres shut down fast and come back, and tells for how long nobody could connect. What its closing
// checkpoint would have to write is written before, as whoever restarts a database at work does.
func (w *weather) restartPostgres() (away time.Duration) {
	w.t.Helper()
	if _, err := database(w.t, w.h.servers.DatabaseURL).Exec(w.t.Context(), "CHECKPOINT"); err != nil {
		w.t.Fatal(err)
	}
	pid, _ := w.h.servers.PIDs()
	signal(pid, syscall.SIGINT) // its fast shutdown; embedded starts it again
	return absence(w.t, w.h.servers)
}

// absence waits for a Postgres that is about to go away and tells for how long it was: from the first connection that was not
// accepted to the first that was again. It logs what the time went into.
func absence(t *testing.T, servers *embedded.Servers) time.Duration {
	t.Helper()
	var gone time.Time
	said := ""
	untilEvery(t, 5*time.Millisecond, time.Minute, "Postgres has gone and come back", func() (bool, string) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		asked := time.Now()
		conn, err := pgx.Connect(ctx, servers.DatabaseURL)
		if err == nil {
			return conn.Close(ctx) == nil && !gone.IsZero(), "it accepts"
		}
		if gone.IsZero() {
			gone = asked
		}
		says := "nobody listens"
		if e, ok := errors.AsType[*pgconn.PgError](err); ok {
			says = e.Message
		}
		if says != said {
			t.Logf("after %s: %s", asked.Sub(gone).Round(time.Millisecond), says)
			said = says
		}
		return false, says
	})
	away := time.Since(gone)
	t.Logf("Postgres was away for %s", away.Round(time.Millisecond))
	return away
}

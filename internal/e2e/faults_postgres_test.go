package e2e

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"gatehouse/internal/embedded"
)

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

// Package bench measures a running instance from outside, on the machine on which it runs: one file for each of the verbs of
// `gatehouse bench`.
//
//	ingest    what the door takes, beside the floor: a minimal program that does only what physics asks of a durable webhook
//	pipeline  from a webhook to the agents' sockets: steadily, in a burst, and the most that comes through
//	outbound  from an agent's reply to the provider's door, beside what a bare post to that door takes
//	inbox     views, threads and counts over a history; search: what can be searched today
//	routing   waiting to assigned     sockets  memory of a live socket, and fan-out     recovery  after a fault
//	seed      fills an empty record with a history to measure on
//	desk      fills it with one agent's full desk, for scripts/speed.sh to measure the inbox itself in a browser
//
// The generator is open-loop wherever latency is measured: work is due at a rate, and its latency counts from the moment when
// it was due, so that a stall shows. Only the most that can be taken is found by a closed loop.
//
// It refuses to be gentle: it makes departments, agents and accounts named Bench, and writes thousands of conversations into
// them. Run it against an instance that is meant for it. Its agents have no password, and their sessions end with it.
//
// Start with Target; then load.go and open.go, the generators; people.go, world.go and history.go, what they play with.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/jackc/pgx/v5"

	"gatehouse/internal/desk"
	"gatehouse/internal/postgres"
)

// Target is the instance that is measured.
type Target struct {
	URL     string // of its public listener
	Ops     string // of its ops listener, for CPU time, memory and profiles; may be empty
	Profile string // file for a profile of the instance; empty: none

	Store *postgres.Store
	Desk  *desk.Desk
	Out   io.Writer // progress, a line each
}

// leastWhile is how long a measurement takes at least: shorter ones only show that it works.
const leastWhile = 100 * time.Millisecond

// say tells how far we are.
func (t Target) say(format string, args ...any) {
	_, _ = fmt.Fprintf(t.Out, format+"\n", args...) // progress: the report is what counts
}

// connect opens a connection for rows that no desk writes one by one, and for questions that take long.
func (t Target) connect(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, t.Store.Pool().Config().ConnConfig.Copy())
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0"); err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	return conn, nil
}

// clerk runs f on a connection of its own.
func (t Target) clerk(ctx context.Context, f func(*pgx.Conn) error) error {
	conn, err := t.connect(ctx)
	if err != nil {
		return err
	}
	return errors.Join(f(conn), conn.Close(context.WithoutCancel(ctx)))
}

// pending counts the events that wait in the lanes.
func (t Target) pending(ctx context.Context) (n int, err error) {
	err = t.Store.Pool().QueryRow(ctx, "SELECT count(*) FROM inbound_pending").Scan(&n)
	return n, err
}

// patience is how long the instance may make no progress with what waits for it.
const patience = 15 * time.Second

// empty waits until no event waits in a lane.
func (t Target) empty(ctx context.Context) error {
	return dwindle(ctx, "events wait", func() (int, error) { return t.pending(ctx) })
}

// dwindle waits until nothing is left, and fails when what is left does not become less for a while. It asks for a tenth of the
// time at most: counting what is left takes long while much is left, and takes it from those who work.
func dwindle(ctx context.Context, what string, left func() (int, error)) error {
	least, since := int(^uint(0)>>1), time.Now()
	var again time.Time
	return poll(ctx, 20*time.Millisecond, func() (bool, error) {
		asked := time.Now()
		if asked.Before(again) {
			return false, nil
		}
		n, err := left()
		again = time.Now().Add(9 * time.Since(asked))
		if n < least {
			least, since = n, time.Now()
		}
		if err == nil && time.Since(since) > patience {
			err = fmt.Errorf("%d %s and nobody takes them: does a worker run?", n, what)
		}
		return n == 0, err
	})
}

func poll(ctx context.Context, every time.Duration, done func() (bool, error)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// cpuProfile has the instance tell where its CPU time goes for about as long as a measurement takes. It asks for nothing if no
// profile is wanted.
func (t Target) cpuProfile(ctx context.Context, during time.Duration) <-chan error {
	done := make(chan error, 1)
	if t.Profile == "" {
		close(done)
		return done
	}
	go func() {
		done <- t.fetchProfile(ctx, fmt.Sprintf("profile?seconds=%d", max(1, int(during.Seconds())-1)))
	}()
	return done
}

// fetchProfile writes what the ops listener has below /debug/pprof/ to the file for it.
func (t Target) fetchProfile(ctx context.Context, what string) error {
	url := t.Ops + "/debug/pprof/" + what
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // read only
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("profile: %s answers %s", url, resp.Status)
	}
	f, err := os.Create(t.Profile)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, resp.Body)
	return errors.Join(err, f.Close())
}

package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatehouse/internal/postgres/gen"

	"github.com/jackc/pgx/v5"
)

// KeepEvents is how long raw events are kept when Options say nothing: as long as somebody may want to replay them.
const KeepEvents = 14 * 24 * time.Hour

const (
	// keepTroubled is how long events are kept that nobody could apply: poison, and those of accounts that we do not know.
	keepTroubled = 90 * 24 * time.Hour
	// pruneBatch is how many rows one statement removes: a few milliseconds of work.
	pruneBatch = 1000
	// pruneFor bounds one call's batches. What is left is the next call's.
	pruneFor = 15 * time.Second
	// pruneWait is how long Prune waits for others to leave a partition. They do not wait for it.
	pruneWait = "5s"
)

// Prune forgets what is old enough (docs/adr/0012): days of raw events, provider ids, events that nobody could apply, drafts
// and visitors, and counts by what it was; givenUp is what nobody ever looked at. One node does it at a time; for the others
// there is nothing to do. What it has removed it tells also when it could not do all.
func (s *Store) Prune(ctx context.Context) (pruned, givenUp map[string]int64, err error) {
	conn, err := s.pruner(ctx)
	if err != nil {
		return nil, nil, wrap(err)
	}
	defer func() {
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		_, _ = conn.Exec(clean, "SELECT pg_advisory_unlock_all()") // now, not when the server has noticed that we are gone
		_ = conn.Close(clean)
	}()
	var ours bool
	if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock("+pruneLock+")").Scan(&ours); err != nil || !ours {
		return nil, nil, wrap(err)
	}
	pruned, givenUp = map[string]int64{}, map[string]int64{}
	q, now := gen.New(conn), time.Time{}
	if err := conn.QueryRow(ctx, "SELECT now()").Scan(&now); err != nil {
		return nil, nil, wrap(err)
	}
	forget := func(into map[string]int64, what string, remove func() (int64, error)) bool {
		n, e := remove()
		if n > 0 {
			into[what] = n
		}
		if e != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", what, wrap(e)))
		}
		return e == nil
	}
	oldest := now
	if forget(pruned, "days of events", func() (n int64, err error) { n, oldest, err = s.dropEvents(ctx, conn, q, now); return n, err }) {
		forget(pruned, "provider ids", func() (int64, error) {
			before, err := q.OldestNeeded(ctx, oldest)
			if err != nil {
				return 0, err
			}
			return inBatches(func(most int32) (int64, error) { return q.ForgetProviderIDs(ctx, before, most) })
		})
	}
	batches := func(remove func(ctx context.Context, keepS float64, most int32) (int64, error), keep time.Duration) func() (int64, error) {
		return func() (int64, error) {
			return inBatches(func(most int32) (int64, error) { return remove(ctx, keep.Seconds(), most) })
		}
	}
	forget(pruned, "replayed events", batches(q.ForgetReplayed, s.keepEvents))
	forget(givenUp, "quarantined events", batches(q.GiveUpQuarantined, keepTroubled))
	forget(givenUp, "unrouted events", batches(q.GiveUpUnrouted, keepTroubled))
	for what, remove := range map[string]func(context.Context, int32) (int64, error){"minutes": q.ForgetMinutes, "accounts' minutes": q.ForgetAccountMinutes, "processes": q.ForgetNodes} {
		forget(pruned, what, func() (int64, error) {
			return inBatches(func(most int32) (int64, error) { return remove(ctx, most) })
		})
	}
	forget(pruned, "drafts", func() (int64, error) { return q.ForgetDrafts(ctx) })
	forget(pruned, "visitors", func() (int64, error) { return s.forgetVisitors(ctx, q) })
	return pruned, givenUp, err
}

// pruneLock is held by who prunes, and by who puts old events back.
const pruneLock = "hashtext('gatehouse prune')"

// pruner is a connection of its own: what it does cannot be done in a transaction, or takes longer than a pool allows. Like a
// lane's, its statements have an index to go by, however stale what is known of the tables.
func (s *Store) pruner(ctx context.Context) (*pgx.Conn, error) {
	cfg := s.lane.Config().ConnConfig.Copy()
	cfg.RuntimeParams["application_name"] = "gatehouse-prune"
	cfg.RuntimeParams["statement_timeout"] = "60000"
	cfg.RuntimeParams["lock_timeout"] = pruneWait
	return pgx.ConnectConfig(ctx, cfg)
}

// inBatches removes until there is nothing left or the time is up.
func inBatches(remove func(most int32) (int64, error)) (all int64, err error) {
	for end := time.Now().Add(pruneFor); ; {
		n, err := remove(pruneBatch)
		all += n
		if err != nil || n < pruneBatch || time.Now().After(end) {
			return all, err
		}
	}
}

// eventsDay is a day's table of raw events.
type eventsDay struct {
	Table    string
	Low      time.Time
	Attached bool // a partition
	Leaving  bool // one whose detaching was not brought to its end
}

// dropEvents drops the days that are old enough and of which no lane needs anything any more, and tells which is the oldest that
// is left. Nobody waits for it: a day is detached CONCURRENTLY, which lets inserts and lanes go on and waits until nobody
// who saw it is left, and only then dropped, when nobody can reach it.
func (s *Store) dropEvents(ctx context.Context, conn *pgx.Conn, q *gen.Queries, now time.Time) (dropped int64, oldest time.Time, err error) {
	oldest = now
	rows, err := conn.Query(ctx, `
		SELECT c.relname, to_date(right(c.relname, 8), 'YYYYMMDD')::timestamp AT TIME ZONE 'UTC', i.inhrelid IS NOT NULL, coalesce(i.inhdetachpending, false)
		FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
		WHERE c.relkind = 'r' AND c.relname ~ '^inbound_events_[0-9]{8}$'
			AND c.relnamespace = (SELECT p.relnamespace FROM pg_class p WHERE p.oid = 'inbound_events'::regclass)
		ORDER BY c.relname`)
	if err != nil {
		return 0, oldest, err
	}
	days, err := pgx.CollectRows(rows, pgx.RowToStructByPos[eventsDay])
	if err != nil {
		return 0, oldest, err
	}
	for _, d := range days {
		old := !d.Low.AddDate(0, 0, 1).After(now.Add(-s.keepEvents))
		if !old && d.Attached && !d.Leaving {
			return dropped, earlier(oldest, d.Low), nil // and so are those after it
		}
		gone, err := dropDay(ctx, conn, q, d, old)
		if err != nil {
			return dropped, earlier(oldest, d.Low), fmt.Errorf("%s: %w", d.Table, err)
		}
		if gone {
			dropped++
		} else {
			oldest = earlier(oldest, d.Low)
		}
	}
	return dropped, oldest, nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// dropDay takes a day out and drops it, if it is old and no lane needs it. It may be stopped anywhere and goes on from there.
func dropDay(ctx context.Context, conn *pgx.Conn, q *gen.Queries, d eventsDay, old bool) (gone bool, err error) {
	table, high := pgx.Identifier{d.Table}.Sanitize(), d.Low.AddDate(0, 0, 1)
	do := func(format string, args ...any) error {
		_, err := conn.Exec(ctx, fmt.Sprintf(format, args...))
		return err
	}
	switch {
	case d.Leaving:
		err = do("ALTER TABLE inbound_events DETACH PARTITION %s FINALIZE", table)
	case d.Attached:
		due, derr := q.EventsDue(ctx, d.Low, high)
		if derr != nil || due {
			return false, derr
		}
		err = do("ALTER TABLE inbound_events DETACH PARTITION %s CONCURRENTLY", table)
	}
	if err != nil {
		return false, err
	}
	// Whoever put an event of this day into a lane has committed by now, and nobody can any more.
	due, err := q.EventsDue(ctx, d.Low, high)
	if err != nil {
		return false, err
	}
	if due || !old {
		return false, do("ALTER TABLE inbound_events ATTACH PARTITION %s FOR VALUES FROM ('%s') TO ('%s')", table, d.Low.UTC().Format(time.RFC3339), high.UTC().Format(time.RFC3339))
	}
	return true, do("DROP TABLE %s", table)
}

// forgetVisitors looks at the next visitors and removes those who are gone. The walk goes on with the next call and begins
// again at its end, so no index is kept for what is asked once a month.
func (s *Store) forgetVisitors(ctx context.Context, q *gen.Queries) (n int64, err error) {
	rows, err := q.ForgetVisitors(ctx, s.visitorsSeen, pruneBatch)
	if err != nil {
		return 0, err
	}
	s.visitorsSeen = uid{}
	if len(rows) == pruneBatch {
		s.visitorsSeen = rows[len(rows)-1].ID
	}
	for _, r := range rows {
		if r.Gone {
			n++
		}
	}
	return n, nil
}

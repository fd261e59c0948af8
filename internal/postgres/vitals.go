package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Vitals are the numbers of the record that operators watch.
type Vitals struct {
	Lines          []LineVitals
	Open           map[string]int // conversations that are not closed, by status
	Agents         map[string]int // active agents by presence
	Load, Capacity int            // of agents who are online
	Due            []DueRow
	Accounts       []AccountVitals
	OldestSnapshot time.Duration // held by a transaction; it keeps dead rows alive
}

// LineVitals is a department's line.
type LineVitals struct {
	Department string
	Waiting    int
	Longest    time.Duration
}

// AccountVitals counts channel accounts.
type AccountVitals struct {
	Kind, State string
	Count       int
}

// Vitals reads them all.
func (s *Store) Vitals(ctx context.Context) (v Vitals, err error) {
	v.Open, v.Agents = map[string]int{"waiting": 0, "assigned": 0, "pending": 0}, map[string]int{"online": 0, "break": 0, "offline": 0}
	if v.Due, err = s.DueNow(ctx); err != nil {
		return v, err
	}
	var b pgx.Batch
	b.Queue(`SELECT d.name, count(c.id)::int, coalesce(extract(epoch FROM now() + $1::interval - min(c.waiting_since)), 0)::float8
		FROM departments d LEFT JOIN conversations c ON c.department_id = d.id AND c.status = 'waiting' GROUP BY d.id, d.name`, s.Shifted()).Query(func(rows pgx.Rows) error {
		var l LineVitals
		var longest float64
		_, err := pgx.ForEachRow(rows, []any{&l.Department, &l.Waiting, &longest}, func() error {
			l.Longest = time.Duration(longest * float64(time.Second))
			v.Lines = append(v.Lines, l)
			return nil
		})
		return err
	})
	count := func(into map[string]int) func(pgx.Rows) error {
		return func(rows pgx.Rows) error {
			var k string
			var n int
			_, err := pgx.ForEachRow(rows, []any{&k, &n}, func() error { into[k] = n; return nil })
			return err
		}
	}
	b.Queue(`SELECT status, count(*)::int FROM conversations WHERE (status <> 'closed') IS TRUE GROUP BY status`).Query(count(v.Open))
	b.Queue(`SELECT CASE WHEN p.seen_at > now() - interval '45 seconds' THEN p.presence ELSE 'offline' END, count(*)::int
		FROM agents a LEFT JOIN agent_presence p ON p.agent_id = a.id WHERE a.state = 'active' GROUP BY 1`).Query(count(v.Agents))
	b.Queue(`SELECT coalesce(sum(a.capacity), 0)::int, coalesce(sum((SELECT count(*) FROM conversations c WHERE c.agent_id = a.id AND c.status = 'assigned')), 0)::int
		FROM agents a JOIN agent_presence p ON p.agent_id = a.id
		WHERE a.state = 'active' AND p.presence = 'online' AND p.seen_at > now() - interval '45 seconds'`).QueryRow(func(r pgx.Row) error {
		return r.Scan(&v.Capacity, &v.Load)
	})
	b.Queue(`SELECT kind, state, count(*)::int FROM channel_accounts GROUP BY kind, state`).Query(func(rows pgx.Rows) error {
		var a AccountVitals
		_, err := pgx.ForEachRow(rows, []any{&a.Kind, &a.State, &a.Count}, func() error { v.Accounts = append(v.Accounts, a); return nil })
		return err
	})
	b.Queue(`SELECT coalesce(max(extract(epoch FROM now() - xact_start)), 0)::float8 FROM pg_stat_activity WHERE backend_xmin IS NOT NULL AND datname = current_database()`).QueryRow(func(r pgx.Row) error {
		var s float64
		err := r.Scan(&s)
		v.OldestSnapshot = time.Duration(s * float64(time.Second))
		return err
	})
	return v, wrap(s.pool.SendBatch(ctx, &b).Close())
}

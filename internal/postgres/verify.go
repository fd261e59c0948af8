package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Invariant is a promise of RELIABILITY.md §1 as a question to the record: how many rows break it.
type Invariant struct {
	ID     string // I1…
	Claim  string // what holds
	query  string
	Absent string // why there is nothing to ask in this version
}

// Invariants are the promises that a live database can be asked about. Those that only an outside ledger can judge are asked
// for what the record knows of them.
func Invariants() []Invariant {
	return []Invariant{
		{ID: "I1", Claim: "every provider id that was taken names a message that is there", query: `
			SELECT p.provider_id FROM provider_ids p WHERE p.provider_id NOT LIKE 'call:%'
			AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = p.message_id)`},
		{ID: "I2", Claim: "no inbound event waits for more than 60 seconds, unless it failed and is tried again", query: `
			SELECT event_id::text FROM inbound_pending WHERE received_at < now() - interval '60 seconds' AND attempts = 0`},
		{ID: "I3", Claim: "one message for each provider id of an account", query: `
			SELECT external_id FROM messages WHERE external_id <> '' GROUP BY account_id, external_id HAVING count(*) > 1`},
		{ID: "I4", Claim: "at most one open conversation of an identity on an account", query: `
			SELECT identity_id::text FROM conversations WHERE (status <> 'closed') IS TRUE GROUP BY identity_id, account_id HAVING count(*) > 1`},
		{ID: "I5", Claim: "an address belongs to one identity", query: `
			SELECT value FROM identities GROUP BY kind, scope, type, value HAVING count(*) > 1`},
		{ID: "I6", Claim: "events of a conversation are numbered without a gap, and messages in the order of their acceptance", query: `
			SELECT c.id::text FROM conversations c LEFT JOIN conversation_events e ON e.conversation_id = c.id
			GROUP BY c.id HAVING count(e.seq) <> c.last_seq OR coalesce(max(e.seq), 0) <> c.last_seq
			UNION ALL
			SELECT id::text FROM (SELECT id, created_at, lag(created_at) OVER (PARTITION BY conversation_id ORDER BY seq) AS before
				FROM messages WHERE direction = 'in') x WHERE created_at < before - interval '2 seconds'`},
		{ID: "I7", Claim: "a message's status only moves forward", query: `
			SELECT message_id::text FROM (
				SELECT message_id, data->>'status' AS s, lag(data->>'status') OVER (PARTITION BY message_id ORDER BY seq) AS before
				FROM conversation_events WHERE kind = 'status') x
			WHERE array_position(ARRAY['sent', 'delivered', 'read', 'played'], s) < array_position(ARRAY['sent', 'delivered', 'read', 'played'], before)
				OR (s = 'failed' AND before IN ('delivered', 'read', 'played'))`},
		{ID: "I8", Claim: "no update waits for a message that is there", query: `
			SELECT u.provider_id FROM parked_updates u JOIN provider_ids p ON p.provider_id = u.provider_id AND p.account_id = u.account_id
			WHERE u.received_at < now() - interval '60 seconds'`},
		{ID: "I9", Claim: "nothing free-form was sent outside the service window", query: `
			SELECT m.id::text FROM messages m
			JOIN conversations c ON c.id = m.conversation_id
			JOIN channel_accounts a ON a.id = m.account_id AND a.kind IN ('whatsapp', 'instagram', 'messenger')
			JOIN conversation_events e ON e.conversation_id = m.conversation_id AND e.message_id = m.id AND e.kind = 'status' AND e.data->>'status' IN ('sent', 'unknown')
			WHERE m.direction = 'out' AND m.kind NOT IN ('template', 'reaction') AND m.source IN ('agent', 'api')
			AND NOT EXISTS (
				SELECT 1 FROM messages i JOIN conversations ic ON ic.id = i.conversation_id
				WHERE ic.identity_id = c.identity_id AND ic.account_id = c.account_id AND i.direction = 'in' AND i.created_at <= m.created_at + interval '90 seconds'
				AND least(coalesce(i.provider_at, i.created_at), i.created_at) > m.created_at - CASE WHEN a.kind = 'whatsapp' THEN interval '24 hours' ELSE interval '7 days' END)
			AND NOT EXISTS (
				SELECT 1 FROM conversation_events k JOIN conversations kc ON kc.id = k.conversation_id
				WHERE kc.identity_id = c.identity_id AND kc.account_id = c.account_id AND k.kind = 'call' AND k.at > m.created_at - interval '24 hours')`},
		{ID: "I10", Claim: "nothing was sent to a contact who had opted out and not written since", query: `
			SELECT m.id::text FROM messages m JOIN conversations c ON c.id = m.conversation_id JOIN contacts k ON k.id = c.contact_id
			WHERE m.direction = 'out' AND m.source IN ('agent', 'api') AND m.status IN ('sent', 'delivered', 'read', 'played')
			AND m.created_at > k.opted_out_at + interval '90 seconds'
			AND NOT EXISTS (SELECT 1 FROM messages i JOIN conversations ic ON ic.id = i.conversation_id
				WHERE ic.contact_id = k.id AND i.direction = 'in' AND i.created_at > k.opted_out_at)`},
		{ID: "I11", Claim: "no message was given more provider ids than it had attempts", query: `
			SELECT p.message_id::text FROM provider_ids p JOIN messages m ON m.id = p.message_id
			WHERE m.direction = 'out' AND m.source IN ('agent', 'api') GROUP BY p.message_id, m.attempt HAVING count(*) > greatest(m.attempt, 1)`},
		{ID: "I12", Claim: "no message to be sent is forgotten", query: `
			SELECT m.id::text FROM messages m JOIN send_lanes l ON l.account_id = m.account_id
			WHERE (m.status = 'pending' AND m.due_at < now() - interval '1 hour' AND coalesce(l.paused_until, '-infinity') < now() - interval '1 hour')
				OR (m.status = 'sending' AND m.due_at < now() - interval '60 seconds')`},
		{ID: "I13", Claim: "no automatic assignment went above a capacity", query: `
			SELECT id::text FROM assignments WHERE how = 'automatic' AND load_after > capacity`},
		{ID: "I14", Claim: "a conversation has one holder at a time, and the history of assignments says who", query: `
			SELECT conversation_id::text FROM assignments WHERE ended_at IS NULL GROUP BY conversation_id HAVING count(*) > 1
			UNION ALL
			SELECT c.id::text FROM conversations c LEFT JOIN assignments a ON a.conversation_id = c.id AND a.ended_at IS NULL
			WHERE c.status IN ('assigned', 'pending') AND a.agent_id IS DISTINCT FROM c.agent_id
			UNION ALL
			SELECT id::text FROM (SELECT id, started_at, lag(coalesce(ended_at, 'infinity')) OVER (PARTITION BY conversation_id ORDER BY started_at, id) AS before FROM assignments) x
			WHERE started_at < before`},
		{ID: "I15", Claim: "nobody waits for more than 5 seconds while an agent has room", query: `
			SELECT c.id::text FROM conversations c
			WHERE c.status = 'waiting' AND c.waiting_since < now() - interval '5 seconds' AND EXISTS (
				SELECT 1 FROM agent_departments d JOIN agents a ON a.id = d.agent_id JOIN agent_presence p ON p.agent_id = a.id
				WHERE d.department_id = c.department_id AND a.state = 'active' AND a.behavior <> 'assigned_only' AND p.presence = 'online'
				AND p.seen_at > now() - interval '45 seconds' AND p.since < now() - interval '5 seconds' AND a.id IS DISTINCT FROM c.returned_by
				AND a.capacity > (SELECT count(*) FROM conversations h WHERE h.agent_id = a.id AND h.status = 'assigned'))`},
		// Who had come earlier is overtaken only if they stood in the line that the router saw: an account whose lane was held up
		// brings its people later.
		{ID: "I16", Claim: "no automatic assignment overtook an earlier arrival of the same line", query: `
			WITH given AS (
				SELECT a.*, c.priority, max(a.waiting_since) OVER (PARTITION BY a.department_id ORDER BY a.started_at, a.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS newest
				FROM assignments a JOIN conversations c ON c.id = a.conversation_id WHERE a.how = 'automatic')
			SELECT late.id::text FROM given late
			WHERE late.waiting_since < late.newest
			AND NOT EXISTS (SELECT 1 FROM conversation_events q WHERE q.conversation_id = late.conversation_id AND q.kind = 'queued' AND q.data->>'why' <> 'new')
			AND EXISTS (SELECT 1 FROM given early
				JOIN conversation_events q ON q.conversation_id = late.conversation_id AND q.kind = 'queued'
				WHERE early.department_id = late.department_id AND early.started_at < late.started_at AND early.waiting_since > late.waiting_since
				AND early.conversation_id <> late.conversation_id AND early.priority <= late.priority AND pg_visible_in_snapshot(q.xid, early.seen))`},
		{ID: "I17", Claim: "no offer stays past its time", Absent: "there are no offers in this version"},
		{ID: "I18", Claim: "an agent without a live socket is offline after 45 seconds", query: `
			SELECT agent_id::text FROM agent_presence WHERE presence <> 'offline' AND settled <> 'offline' AND seen_at < now() - interval '60 seconds'`},
		{ID: "I21", Claim: "the trace of privileged changes is whole and as it was written", query: `
			SELECT id::text FROM (SELECT r, r.id, r.hash, lag(r.hash, 1, ''::bytea) OVER w AS before, row_number() OVER w AS n FROM audit r WINDOW w AS (ORDER BY r.id)) x
			WHERE x.hash <> audit_hash(x.before, x.r) OR x.id <> x.n`},
	}
}

// Breach is what Verify found for one invariant.
type Breach struct {
	Invariant
	Count   int
	Samples []string // at most 5 ids
	Took    time.Duration
}

// Verify asks the record about every invariant, in one snapshot.
func (s *Store) Verify(ctx context.Context) ([]Breach, error) {
	tx, err := s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, wrap(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // read only: nothing to lose
	if _, err := tx.Exec(ctx, "SET LOCAL statement_timeout = 0"); err != nil {
		return nil, wrap(err)
	}
	var out []Breach
	for _, i := range Invariants() {
		b := Breach{Invariant: i}
		if i.query != "" {
			start := time.Now()
			err := tx.QueryRow(ctx, "SELECT count(*), coalesce((array_agg(id))[1:5], '{}') FROM ("+i.query+") AS broken(id)").Scan(&b.Count, &b.Samples)
			if err != nil {
				return nil, wrap(err)
			}
			b.Took = time.Since(start)
		}
		out = append(out, b)
	}
	return out, nil
}

// DueRow is something that still needs work.
type DueRow struct {
	What   string
	Count  int
	Oldest time.Duration // age of the oldest; 0 = none
}

// DueNow counts everything that is due, with the age of the oldest.
func (s *Store) DueNow(ctx context.Context) ([]DueRow, error) {
	rows, err := s.pool.Query(ctx, `
		SELECT 'inbound events', count(*), min(received_at) FROM inbound_pending
		UNION ALL SELECT 'quarantined events', count(*), min(quarantined_at) FROM quarantined_events WHERE over_at IS NULL
		UNION ALL SELECT 'waiting conversations', count(*), min(waiting_since) FROM conversations WHERE status = 'waiting'
		UNION ALL SELECT 'unsent messages', count(*), min(created_at) FROM messages WHERE status = 'pending'
		UNION ALL SELECT 'messages in flight', count(*), min(created_at) FROM messages WHERE status = 'sending'
		UNION ALL SELECT 'files to fetch', count(*), min(created_at) FROM attachments WHERE state = 'pending'
		UNION ALL SELECT 'parked updates', count(*), min(received_at) FROM parked_updates
		UNION ALL SELECT 'unrouted events', count(*), min(received_at) FROM unrouted_events`)
	if err != nil {
		return nil, wrap(err)
	}
	var out []DueRow
	var d DueRow
	var oldest *time.Time
	_, err = pgx.ForEachRow(rows, []any{&d.What, &d.Count, &oldest}, func() error {
		d.Oldest = 0
		if oldest != nil {
			d.Oldest = time.Since(*oldest)
		}
		out = append(out, d)
		return nil
	})
	return out, wrap(err)
}

-- Events that go through their lanes again, or for the first time: the one of this id, or, without one, all since a time.

-- name: QuarantinedDays :many
-- Days whose raw events may be gone while quarantine still has some of them.
SELECT DISTINCT (received_at AT TIME ZONE 'UTC')::date::text AS day FROM quarantined_events
WHERE event_id = sqlc.narg(event)::uuid OR (sqlc.narg(event)::uuid IS NULL AND received_at >= sqlc.arg(since)::timestamptz);

-- name: RestoreQuarantined :exec
INSERT INTO inbound_events (id, account_id, received_at, body)
SELECT event_id, account_id, received_at, body FROM quarantined_events
WHERE event_id = sqlc.narg(event)::uuid OR (sqlc.narg(event)::uuid IS NULL AND received_at >= sqlc.arg(since)::timestamptz)
ON CONFLICT (id, received_at) DO NOTHING;

-- name: TakeUnrouted :many
-- Events of accounts that were unknown and are known now, once for each account.
WITH found AS (
	SELECT u.id, k.account_id FROM unrouted_events u
	JOIN account_keys k ON k.value = u.key_value AND k.type = u.key_type AND k.kind = u.kind
	WHERE u.id = sqlc.narg(event)::uuid OR (sqlc.narg(event)::uuid IS NULL AND u.received_at >= sqlc.arg(since)::timestamptz)
), gone AS (
	DELETE FROM unrouted_events u USING found f WHERE u.id = f.id RETURNING u.id, u.received_at, u.body
)
SELECT DISTINCT g.id, g.received_at, g.body, f.account_id FROM gone g JOIN found f ON f.id = g.id ORDER BY g.received_at, g.id;

-- name: InsertRouted :exec
-- InsertEvents, of events that were received earlier.
WITH e AS (
	INSERT INTO inbound_events (id, account_id, received_at, body)
	SELECT unnest(@ids::uuid[]), unnest(@account_ids::uuid[]), unnest(@received_ats::timestamptz[]), unnest(@bodies::bytea[])
	RETURNING id, account_id, received_at
)
INSERT INTO inbound_pending (account_id, event_id, received_at)
SELECT account_id, id, received_at FROM e;

-- name: EnsureEventsOf :exec
SELECT ensure_events_of(sqlc.arg(day)::text::date);

-- name: ReplayEvents :many
INSERT INTO inbound_pending (account_id, event_id, received_at)
SELECT e.account_id, e.id, e.received_at FROM inbound_events e
WHERE (e.id = sqlc.narg(event)::uuid OR (sqlc.narg(event)::uuid IS NULL AND e.received_at >= sqlc.arg(since)::timestamptz))
	AND NOT EXISTS (SELECT 1 FROM inbound_pending p WHERE p.event_id = e.id AND p.account_id = e.account_id)
ORDER BY e.received_at, e.id
RETURNING account_id;

-- name: DismissEvents :execrows
UPDATE quarantined_events SET over_at = now() WHERE event_id = any(@events::uuid[]) AND over_at IS NULL;

-- name: NoteReplayed :exec
UPDATE quarantined_events SET over_at = now()
WHERE event_id = sqlc.narg(event)::uuid OR (sqlc.narg(event)::uuid IS NULL AND received_at >= sqlc.arg(since)::timestamptz);

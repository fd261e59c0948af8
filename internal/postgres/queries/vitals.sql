-- Vital signs: what processes tell, what is sampled once a minute, what /ops reads. A few rows each.

-- name: KeepNode :exec
INSERT INTO nodes (node, role, host, version, started_at, seen_at, redis, postgres_s, sockets)
VALUES (@node, @role, @host, @version, now() - make_interval(secs => @up_s::float8), now(), @redis, @postgres_s, @sockets)
ON CONFLICT (node) DO UPDATE SET seen_at = now(), redis = excluded.redis, postgres_s = excluded.postgres_s, sockets = excluded.sockets;

-- name: ForgetNode :exec
DELETE FROM nodes WHERE node = @node;

-- name: AddWork :exec
-- Adds a process's part to the minute that runs.
INSERT INTO vital_minutes AS m (minute, accept, ingest, send, counts, sends)
VALUES (date_trunc('minute', now()), @accept, @ingest, @send, @counts, @sends)
ON CONFLICT (minute) DO UPDATE SET accept = add_counts(m.accept, excluded.accept), ingest = add_counts(m.ingest, excluded.ingest),
	send = add_counts(m.send, excluded.send), counts = add_counts(m.counts, excluded.counts), sends = add_counts(m.sends, excluded.sends);

-- name: AddAccountWork :exec
INSERT INTO account_minutes AS m (account_id, minute, sends, reason)
SELECT a.id, date_trunc('minute', now()), @sends::bigint[], @reason FROM channel_accounts a WHERE a.id = @account_id
ON CONFLICT (account_id, minute) DO UPDATE SET sends = add_counts(m.sends, excluded.sends), reason = coalesce(nullif(excluded.reason, ''), m.reason);

-- name: TrySampling :one
-- Whether this transaction is the one that samples the minute that runs. For as long as it runs, no other is.
SELECT (pg_try_advisory_xact_lock(hashtext('gatehouse vitals'))
	AND NOT EXISTS (SELECT 1 FROM vital_minutes m WHERE m.minute = date_trunc('minute', now()) AND m.sampled_at IS NOT NULL))::boolean;

-- name: KeepSample :exec
INSERT INTO vital_minutes (minute, sampled_at, waiting, longest_s, online, load, capacity, sockets, snapshot_s, due, oldest_s, queue_behind_s, queue_pending, queue_archived)
VALUES (date_trunc('minute', now()), now(), @waiting, @longest_s, @online, @load, @capacity, @sockets, @snapshot_s, @due, @oldest_s, sqlc.narg(queue_behind_s), @queue_pending, @queue_archived)
ON CONFLICT (minute) DO UPDATE SET sampled_at = excluded.sampled_at, waiting = excluded.waiting, longest_s = excluded.longest_s, online = excluded.online,
	load = excluded.load, capacity = excluded.capacity, sockets = excluded.sockets, snapshot_s = excluded.snapshot_s, due = excluded.due,
	oldest_s = excluded.oldest_s, queue_behind_s = excluded.queue_behind_s, queue_pending = excluded.queue_pending, queue_archived = excluded.queue_archived;

-- name: VitalMinutes :many
-- At most a day's.
SELECT * FROM vital_minutes WHERE minute > now() - make_interval(secs => @within_s::float8) ORDER BY minute LIMIT 1500;

-- name: VitalNodes :many
-- Those who were heard of within a day, the one that began first at the head.
SELECT * FROM nodes WHERE seen_at > now() - interval '1 day' ORDER BY started_at, node LIMIT 200;

-- name: AgentSockets :one
SELECT coalesce(sum(sockets), 0)::int FROM nodes WHERE seen_at > now() - interval '1 minute';

-- name: AccountSigns :many
-- How each account does. What was last heard and sent is known by the minute, for a week.
SELECT a.id, a.kind, a.name, a.state, a.state_reason, a.templates_synced_at, l.paused_until,
	coalesce(h.minute, 'epoch')::timestamptz AS heard_at, coalesce(s.minute, 'epoch')::timestamptz AS sent_at, -- epoch: not within a week
	(SELECT count(*) FROM inbound_pending p WHERE p.account_id = a.id)::int AS pending,
	(SELECT count(*) FROM messages m WHERE m.account_id = a.id AND m.status IN ('pending', 'sending'))::int AS unsent,
	coalesce(f.reason, '')::text AS failed_reason
FROM channel_accounts a
LEFT JOIN send_lanes l ON l.account_id = a.id AND l.paused_until > now()
LEFT JOIN LATERAL (SELECT m.minute FROM account_minutes m WHERE m.account_id = a.id AND m.sends[1] > 0 ORDER BY m.minute DESC LIMIT 1) h ON true
LEFT JOIN LATERAL (SELECT m.minute FROM account_minutes m WHERE m.account_id = a.id AND m.sends[2] > 0 ORDER BY m.minute DESC LIMIT 1) s ON true
LEFT JOIN LATERAL (SELECT m.reason FROM account_minutes m WHERE m.account_id = a.id AND m.minute > now() - interval '1 hour' AND m.reason <> '' ORDER BY m.minute DESC LIMIT 1) f ON true
ORDER BY a.created_at, a.id;

-- name: AccountMinutes :many
-- The last hour of each account.
SELECT m.account_id, m.minute, m.sends FROM channel_accounts a
CROSS JOIN LATERAL (SELECT * FROM account_minutes r WHERE r.account_id = a.id AND r.minute > now() - interval '1 hour') m ORDER BY m.account_id, m.minute;

-- name: TroubledEvents :many
-- Raw events that somebody has to look at, the latest first: poison, and those of accounts that are not here.
(SELECT q.event_id AS id, q.account_id, q.received_at, q.quarantined_at AS since, q.attempts, q.error AS why, ''::text AS kind, ''::text AS key_value
	FROM quarantined_events q WHERE q.over_at IS NULL ORDER BY q.quarantined_at DESC LIMIT sqlc.arg(most)::int)
UNION ALL
(SELECT u.id, '00000000-0000-0000-0000-000000000000'::uuid, u.received_at, u.received_at, 0, '', u.kind, u.key_value
	FROM unrouted_events u ORDER BY u.received_at DESC LIMIT sqlc.arg(most)::int);

-- name: ForgetMinutes :execrows
DELETE FROM vital_minutes WHERE minute IN (SELECT m.minute FROM vital_minutes m WHERE m.minute < now() - interval '7 days' ORDER BY m.minute LIMIT @most::int);

-- name: ForgetAccountMinutes :execrows
DELETE FROM account_minutes d USING (
	SELECT o.account_id, o.minute FROM channel_accounts a CROSS JOIN LATERAL (
		SELECT m.account_id, m.minute FROM account_minutes m WHERE m.account_id = a.id AND m.minute < now() - interval '7 days' ORDER BY m.minute LIMIT @most::int
	) o LIMIT @most::int
) AS old
WHERE d.account_id = old.account_id AND d.minute = old.minute;

-- name: ForgetNodes :execrows
DELETE FROM nodes WHERE node IN (SELECT n.node FROM nodes n WHERE n.seen_at < now() - interval '7 days' LIMIT @most::int);

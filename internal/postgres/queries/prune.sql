-- What is forgotten, a few rows at a time: nobody waits for a lock of these, and no statement runs long (docs/adr/0012).

-- name: OldestNeeded :one
-- Provider ids that are newer than this are needed: a repeat may come, or an event be replayed that brought them. events is the
-- day of the oldest raw events that are there; a day more, for events are dated by the gateways' clocks.
SELECT (least(now() - interval '30 days', sqlc.arg(events)::timestamptz, (SELECT min(q.received_at) FROM quarantined_events q)) - interval '1 day')::timestamptz;

-- name: ForgetProviderIDs :execrows
DELETE FROM provider_ids p USING (
	SELECT o.provider_id, o.account_id FROM provider_ids o WHERE o.created_at < sqlc.arg(before)::timestamptz
	ORDER BY o.created_at LIMIT sqlc.arg(most)::int FOR UPDATE SKIP LOCKED
) AS old
WHERE p.provider_id = old.provider_id AND p.account_id = old.account_id;

-- name: GiveUpQuarantined :execrows
-- Poison at which nobody looked.
DELETE FROM quarantined_events WHERE event_id IN (
	SELECT q.event_id FROM quarantined_events q
	WHERE q.over_at IS NULL AND q.quarantined_at < now() - make_interval(secs => sqlc.arg(keep_s)::float8) ORDER BY q.quarantined_at LIMIT sqlc.arg(most)::int
);

-- name: ForgetReplayed :execrows
-- What was poison once and was put back, or dismissed.
DELETE FROM quarantined_events WHERE event_id IN (
	SELECT q.event_id FROM quarantined_events q
	WHERE q.over_at < now() - make_interval(secs => sqlc.arg(keep_s)::float8) AND q.quarantined_at < now() - make_interval(secs => sqlc.arg(keep_s)) ORDER BY q.quarantined_at LIMIT sqlc.arg(most)::int
);

-- name: GiveUpUnrouted :execrows
-- Events of accounts that nobody connected.
DELETE FROM unrouted_events WHERE id IN (
	SELECT u.id FROM unrouted_events u WHERE u.received_at < now() - make_interval(secs => sqlc.arg(keep_s)::float8) ORDER BY u.received_at LIMIT sqlc.arg(most)::int
);

-- name: ExpireParked :execrows
DELETE FROM parked_updates WHERE id IN (SELECT u.id FROM parked_updates u WHERE u.expires_at < now() ORDER BY u.expires_at LIMIT sqlc.arg(most)::int);

-- name: ForgetIdempotencyKeys :execrows
DELETE FROM idempotency_keys f USING (
	SELECT k.key, k.principal FROM idempotency_keys k WHERE k.created_at < now() - interval '24 hours' ORDER BY k.created_at LIMIT sqlc.arg(most)::int
) AS old
WHERE f.key = old.key AND f.principal = old.principal;

-- name: ForgetDrafts :execrows
-- Drafts for conversations that were ended, a month after somebody wrote at them. There are few: those of open ones, and of a month.
DELETE FROM drafts d USING conversations c WHERE c.id = d.conversation_id AND c.status = 'closed' AND d.updated_at < now() - interval '30 days';

-- name: ForgetVisitors :many
-- The next visitors in the order of their ids, and of them those who are gone: a month away without a word, or a year away. What
-- a visitor wrote stays with the contact.
WITH page AS (
	SELECT v.id, v.seen_at, v.account_id FROM visitors v WHERE v.id > sqlc.arg(after)::uuid ORDER BY v.id LIMIT sqlc.arg(most)::int
), gone AS (
	DELETE FROM visitors v USING page p WHERE v.id = p.id AND (p.seen_at < now() - interval '1 year' OR p.seen_at < now() - interval '30 days' AND NOT EXISTS (
		SELECT 1 FROM identities i WHERE i.value = p.id::text AND i.type = 'visitor' AND i.kind = 'webchat' AND i.scope = p.account_id::text
	))
	RETURNING v.id
)
SELECT p.id, EXISTS (SELECT 1 FROM gone g WHERE g.id = p.id)::boolean AS gone FROM page p ORDER BY p.id;

-- name: EventsDue :one
-- Whether a lane still has to apply an event that was received in this time.
SELECT EXISTS (SELECT 1 FROM inbound_pending p WHERE p.received_at >= sqlc.arg(low)::timestamptz AND p.received_at < sqlc.arg(high)::timestamptz);

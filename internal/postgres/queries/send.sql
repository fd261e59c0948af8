-- The way out: claims, outcomes, and what is due.

-- name: LockSendLane :many
SELECT l.tat, l.paused_until, l.pauses, now()::timestamptz AS now FROM send_lanes l WHERE l.account_id = $1 FOR NO KEY UPDATE SKIP LOCKED;

-- name: SendCandidates :many
-- The oldest unsent message of each conversation in which none is in flight and which may get one now, agents' before bulk.
SELECT sqlc.embed(m) FROM messages m
WHERE m.account_id = @account_id AND m.status = 'pending' AND m.due_at <= now() + make_interval(secs => @shift_s::float8)
	AND NOT EXISTS (SELECT 1 FROM messages o WHERE o.conversation_id = m.conversation_id AND o.status IN ('pending', 'sending')
		AND (o.seq < m.seq OR o.status = 'sending'))
	AND NOT EXISTS (SELECT 1 FROM conversations c WHERE c.id = m.conversation_id
		AND (c.pair_ready_at > now() + make_interval(secs => @shift_s::float8) OR c.pair_blocked_until > now()))
ORDER BY m.bulk, m.due_at, m.id LIMIT @most;

-- name: NextPair :one
-- Seconds until the first of those who have to wait for their next message may get it; 0 if nobody has to.
SELECT coalesce(extract(epoch FROM min(greatest(c.pair_ready_at - now() - make_interval(secs => @shift_s::float8), c.pair_blocked_until - now(), interval '0'))), 0)::float8
FROM messages m JOIN conversations c ON c.id = m.conversation_id
WHERE m.account_id = @account_id AND m.status = 'pending' AND m.due_at <= now() + make_interval(secs => @shift_s::float8)
	AND (c.pair_ready_at > now() + make_interval(secs => @shift_s::float8) OR c.pair_blocked_until > now());

-- name: ThreadAddresses :many
-- Where the conversations' contacts can be reached.
SELECT i.thread_id, i.kind, i.scope, i.type, i.value FROM identities i
WHERE i.thread_id = any(ARRAY(SELECT c.identity_id FROM conversations c WHERE c.id = any(@conversation_ids::uuid[])))
ORDER BY i.thread_id, (i.type = 'phone') DESC, i.created_at DESC, i.id DESC;

-- name: AttachmentsOf :many
SELECT id, message_id, state, type, name, size, width, height, duration_ms, voice, animated, thumb, error, provider_id, provider_until, ref
FROM attachments WHERE message_id = any(@message_ids::uuid[]) ORDER BY message_id, position;

-- name: ExternalIDs :many
SELECT m.id, m.external_id FROM messages m WHERE m.id = any(@ids::uuid[]);

-- name: ClaimSends :many
UPDATE messages SET status = 'sending', fence = nextval('send_fence'), attempt = attempt + 1, due_at = now() + make_interval(secs => @lease_s::float8)
WHERE id = any(@ids::uuid[]) AND (status = 'pending') IS TRUE -- by id: a partial index of what is pending holds all of it
RETURNING id, fence, attempt;

-- name: KeepRate :exec
UPDATE send_lanes SET tat = @tat WHERE account_id = @account_id;

-- name: KeepPairs :exec
UPDATE conversations c SET pair_ready_at = t.ready_at
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@ready_ats::timestamptz[]) AS ready_at) AS t WHERE c.id = t.id;

-- name: LockClaimed :many
-- The claimed messages whose fences still hold. One that is not being sent any more was given up, or the provider's status
-- came before its answer.
SELECT sqlc.embed(m) FROM messages m
JOIN (SELECT unnest(@ids::uuid[]) AS id, unnest(@fences::bigint[]) AS fence) AS t ON m.id = t.id AND m.fence = t.fence;

-- name: TakeParkedOf :many
-- What waited for the ids that the provider gave to claimed messages whose fences still hold: see TakeParked.
WITH gone AS (
	DELETE FROM parked_updates u WHERE u.account_id = @account_id AND u.provider_id = any(ARRAY(
		SELECT t.provider_id
		FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@fences::bigint[]) AS fence, unnest(@provider_ids::text[]) AS provider_id) AS t
		JOIN messages m ON m.id = t.id AND m.fence = t.fence AND (m.status = 'sending') IS TRUE
	))
	RETURNING u.id, u.provider_id, u.inbound, u.received_at
)
SELECT provider_id, inbound, received_at FROM gone ORDER BY received_at, id;

-- name: BlockPair :exec
UPDATE conversations SET pair_blocked_until = greatest(pair_blocked_until, now() + make_interval(secs => @pause_s::float8)) WHERE id = @id;

-- name: PauseLane :exec
-- For 1, 4, 16, 60, 60… seconds in a row and up to a quarter more, but for as long as the provider asks at least. Of messages
-- that were on their way together only the first counts.
UPDATE send_lanes SET paused_until = greatest(paused_until, now() + make_interval(secs => sqlc.arg(asked_s)::float8),
		CASE WHEN coalesce(paused_until <= now(), true) THEN now() + make_interval(secs => least(60, 4 ^ pauses) * (1 + random() / 4)) END),
	pauses = pauses + coalesce(paused_until <= now(), true)::int
WHERE account_id = sqlc.arg(account_id);

-- name: ResumeLane :exec
UPDATE send_lanes SET pauses = 0 WHERE account_id = @account_id AND pauses > 0;

-- name: SendDue :one
-- Whether the account has something unsent that is due, be it held back or not.
SELECT EXISTS (SELECT 1 FROM messages WHERE account_id = @account_id AND status = 'pending' AND due_at <= now() + make_interval(secs => @shift_s::float8))::boolean;

-- name: DueSends :many
-- Accounts with an unsent message that was due before age, in seconds.
SELECT DISTINCT m.account_id FROM messages m
WHERE m.status = 'pending' AND m.due_at < now() + make_interval(secs => @shift_s::float8) - make_interval(secs => @age_s::float8);

-- name: LostSends :many
-- Claims whose lease ran out: their senders are gone, and nobody knows whether the message went out.
SELECT m.id, m.conversation_id, m.account_id, m.fence FROM messages m
WHERE m.status = 'sending' AND m.due_at < now() LIMIT 200;

-- name: KeepProviderMedia :exec
UPDATE attachments SET provider_id = @provider_id, provider_until = @provider_until WHERE id = @id;

-- name: ForgetProviderMedia :exec
UPDATE attachments SET provider_id = '', provider_until = NULL WHERE message_id = any(@message_ids::uuid[]);

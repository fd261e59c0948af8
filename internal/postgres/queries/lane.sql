-- The lane: how an account's inbound events are applied. The three round trips of lane.go are made of these.

-- name: InsertEvents :exec
-- Stores raw events and marks them pending, in one statement. They are received now, by the clock of this database: those of the
-- gateways may differ.
WITH e AS (
	INSERT INTO inbound_events (id, account_id, received_at, body)
	SELECT unnest(@ids::uuid[]), unnest(@account_ids::uuid[]), now() + make_interval(secs => @shift_s::float8), unnest(@bodies::bytea[])
	RETURNING id, account_id, received_at
)
INSERT INTO inbound_pending (account_id, event_id, received_at)
SELECT account_id, id, received_at FROM e;

-- name: InsertEventsAgain :exec
-- InsertEvents, of events that may have been stored a moment ago. Then they are pending too, or were applied.
WITH e AS (
	INSERT INTO inbound_events (id, account_id, received_at, body)
	SELECT x.id, x.account_id, now() + make_interval(secs => @shift_s::float8), x.body
	FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@account_ids::uuid[]) AS account_id, unnest(@bodies::bytea[]) AS body) AS x
	WHERE NOT EXISTS (SELECT 1 FROM inbound_events o WHERE o.id = x.id AND o.received_at > now() + make_interval(secs => @shift_s::float8) - interval '1 minute')
	RETURNING id, account_id, received_at
)
INSERT INTO inbound_pending (account_id, event_id, received_at)
SELECT account_id, id, received_at FROM e;

-- name: InsertUnrouted :exec
INSERT INTO unrouted_events (id, kind, key_type, key_value, body) VALUES ($1, $2, $3, $4, $5);

-- name: LockLane :many
-- Takes a lane, and tells the rest of the transaction that it is ours.
WITH ours AS MATERIALIZED (SELECT account_id FROM lanes WHERE account_id = $1 FOR NO KEY UPDATE SKIP LOCKED)
SELECT now()::timestamptz AS now, set_config('gatehouse.lane', account_id::text, true)::text AS lane FROM ours;

-- name: PendingEvents :many
-- The oldest events of a lane that are due. It runs after LockLane, in the same pipeline: its snapshot must be younger than
-- the lock, and without the lock it reads nothing.
SELECT p.place, p.event_id, p.received_at, p.attempts, e.body
FROM (
	SELECT q.place, q.event_id, q.received_at, q.attempts FROM inbound_pending q
	WHERE q.account_id = @account_id AND (q.due_at IS NULL OR q.due_at <= now())
	ORDER BY q.account_id, q.place LIMIT @most
) p
JOIN inbound_events e ON e.id = p.event_id AND e.received_at = p.received_at
WHERE current_setting('gatehouse.lane', true) = (@account_id::uuid)::text
ORDER BY p.place;

-- name: LaneDue :one
SELECT EXISTS (SELECT 1 FROM inbound_pending q JOIN inbound_events e ON e.id = q.event_id AND e.received_at = q.received_at
	WHERE q.account_id = $1 AND (q.due_at IS NULL OR q.due_at <= now()));

-- name: ClaimProviderIDs :many
-- Tells which provider ids are new to the account; the others were seen before.
INSERT INTO provider_ids (provider_id, account_id, message_id)
SELECT t.p, @account_id::uuid, t.m FROM (SELECT unnest(@provider_ids::text[]) AS p, unnest(@message_ids::uuid[]) AS m) AS t
ON CONFLICT DO NOTHING
RETURNING provider_id;

-- name: IdentitiesByValue :many
-- The addresses named in a batch.
SELECT i.id, i.contact_id, i.thread_id, i.kind, i.scope, i.type, i.value, i.profile_name, i.username,
	c.name AS contact_name, c.opted_out_at, c.wished_at
FROM identities i JOIN contacts c ON c.id = i.contact_id
WHERE i.value = any(@values::text[]) AND i.kind = @kind;

-- name: IdentitiesByID :many
SELECT i.id, i.contact_id, i.thread_id, i.kind, i.scope, i.type, i.value, i.profile_name, i.username,
	c.name AS contact_name, c.opted_out_at, c.wished_at
FROM identities i JOIN contacts c ON c.id = i.contact_id
WHERE i.id = any(@ids::uuid[]);

-- name: LockConversationsOfBatch :many
-- The open conversations of the named addresses and those of the named messages, locked in the one order.
SELECT sqlc.embed(c), k.name, i.profile_name, i.username, i.type, i.value, k.opted_out_at
FROM conversations c JOIN contacts k ON k.id = c.contact_id JOIN identities i ON i.id = c.identity_id
WHERE c.id = any(ARRAY(
	SELECT o.id FROM conversations o WHERE o.identity_id = any(ARRAY(
		SELECT t.thread_id FROM identities t WHERE t.value = any(@values::text[]) AND t.kind = @kind
	)) AND o.account_id = @account_id AND (o.status <> 'closed') IS TRUE
	UNION
	SELECT m.conversation_id FROM provider_ids p JOIN messages m ON m.id = p.message_id
	WHERE p.provider_id = any(@targets::text[]) AND p.account_id = @account_id
	UNION
	SELECT m.conversation_id FROM messages m WHERE m.id = any(@opaque::uuid[]) AND m.account_id = @account_id
))
ORDER BY c.id
FOR NO KEY UPDATE OF c;

-- name: LockOpenConversations :many
-- As LockConversationsOfBatch for a batch of new messages only.
SELECT sqlc.embed(c), k.name, i.profile_name, i.username, i.type, i.value, k.opted_out_at
FROM conversations c JOIN contacts k ON k.id = c.contact_id JOIN identities i ON i.id = c.identity_id
WHERE c.account_id = @account_id AND (c.status <> 'closed') IS TRUE AND c.identity_id = any(ARRAY(
	SELECT t.thread_id FROM identities t WHERE t.value = any(@values::text[]) AND t.kind = @kind
))
ORDER BY c.id
FOR NO KEY UPDATE OF c;

-- name: MessagesByProviderID :many
SELECT p.provider_id, sqlc.embed(m) FROM provider_ids p JOIN messages m ON m.id = p.message_id
WHERE p.provider_id = any(@targets::text[]) AND p.account_id = @account_id;

-- name: MessagesByID :many
SELECT sqlc.embed(m) FROM messages m WHERE m.id = any(@ids::uuid[]) AND m.account_id = @account_id;

-- name: UnreadOutbound :many
-- Messages of ours in a thread that a "read up to" may still move.
SELECT sqlc.embed(m) FROM messages m
WHERE m.conversation_id = any(@conversation_ids::uuid[]) AND m.direction = 'out' AND m.status IN ('sending', 'sent', 'delivered', 'unknown')
ORDER BY m.conversation_id, m.seq;

-- name: UnconfirmedOutbound :many
-- The latest messages of ours of which nobody knows the provider's id, or whether they were sent.
SELECT sqlc.embed(m) FROM messages m JOIN conversations c ON c.id = m.conversation_id
WHERE c.id = any(@conversation_ids::uuid[]) AND m.seq > c.last_seq - 200 AND m.direction = 'out' AND m.status IN ('sending', 'unknown') AND m.external_id = ''
ORDER BY m.conversation_id, m.seq;

-- name: UnconfirmedConversations :many
-- Conversations of these threads, beside those at hand, in which such a message is: they were ended after it was written.
SELECT DISTINCT c.id FROM conversations c JOIN messages m ON m.conversation_id = c.id
WHERE c.account_id = @account_id AND c.identity_id = any(@identity_ids::uuid[]) AND NOT c.id = any(@at_hand::uuid[]) AND c.last_message_at > now() - interval '1 day'
	AND m.seq > c.last_seq - 200 AND m.direction = 'out' AND m.status IN ('sending', 'unknown') AND m.external_id = '';

-- name: LastConversations :many
-- The newest conversation of each thread, for those without an open one.
SELECT DISTINCT ON (c.identity_id) c.id FROM conversations c
WHERE (c.account_id = @account_id) IS TRUE AND c.identity_id = any(@identity_ids::uuid[]) -- by identity
ORDER BY c.identity_id, c.created_at DESC;

-- name: LockConversations :many
SELECT sqlc.embed(c), k.name, i.profile_name, i.username, i.type, i.value, k.opted_out_at
FROM conversations c JOIN contacts k ON k.id = c.contact_id JOIN identities i ON i.id = c.identity_id
WHERE c.id = any(@ids::uuid[]) ORDER BY c.id FOR NO KEY UPDATE OF c;

-- name: InsertContacts :exec
INSERT INTO contacts (id, language, created_at, updated_at)
SELECT t.id, t.language, @at::timestamptz, @at::timestamptz FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@languages::text[]) AS language) AS t;

-- name: InsertIdentities :exec
INSERT INTO identities (id, contact_id, thread_id, kind, scope, type, value, profile_name, username)
SELECT t.id, t.contact_id, t.thread_id, @kind::text, t.scope, t.type, t.value, t.profile_name, t.username
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@contact_ids::uuid[]) AS contact_id, unnest(@thread_ids::uuid[]) AS thread_id,
	unnest(@scopes::text[]) AS scope, unnest(@types::text[]) AS type, unnest(@values::text[]) AS value,
	unnest(@profile_names::text[]) AS profile_name, unnest(@usernames::text[]) AS username) AS t;

-- name: UpdateIdentities :exec
UPDATE identities i SET value = t.value, profile_name = t.profile_name, username = t.username
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@values::text[]) AS value, unnest(@profile_names::text[]) AS profile_name,
	unnest(@usernames::text[]) AS username) AS t
WHERE i.id = t.id;

-- name: KeepWishes :exec
-- What contacts chose about being messaged; an older wish does not undo a newer one.
UPDATE contacts c SET opted_out_at = CASE WHEN t.out THEN t.at END, wished_at = t.at, updated_at = now()
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@outs::boolean[]) AS out, unnest(@ats::timestamptz[]) AS at) AS t
WHERE c.id = t.id AND (c.wished_at IS NULL OR c.wished_at < t.at);

-- name: InsertConversations :exec
INSERT INTO conversations (id, account_id, identity_id, contact_id, department_id, agent_id, status, controller, priority,
	window_opened_at, window_shut_at, free_entry_until, last_seq, read_seq, unread_count, last_message_at, last_inbound_at, preview,
	waiting_since, assigned_at, created_at, ended_at)
SELECT unnest(@ids::uuid[]), unnest(@account_ids::uuid[]), unnest(@identity_ids::uuid[]), unnest(@contact_ids::uuid[]),
	unnest(@department_ids::uuid[]), unnest(@agent_ids::uuid[]), unnest(@statuses::text[]), unnest(@controllers::text[]),
	unnest(@priorities::int[]), unnest(@window_opened::timestamptz[]), unnest(@window_shut::timestamptz[]), unnest(@free_entry::timestamptz[]),
	unnest(@last_seqs::bigint[]), unnest(@read_seqs::bigint[]), unnest(@unreads::int[]), unnest(@last_message::timestamptz[]),
	unnest(@last_inbound::timestamptz[]), unnest(@previews::jsonb[]), unnest(@waiting_since::timestamptz[]), unnest(@assigned::timestamptz[]),
	unnest(@created::timestamptz[]), unnest(@ended::timestamptz[]);

-- name: UpdateConversations :exec
-- Everything that a batch, a routing or a person's deed may change.
UPDATE conversations c SET
	identity_id = c.identity_id, department_id = t.department_id, agent_id = t.agent_id, status = t.status, controller = t.controller,
	window_opened_at = t.window_opened_at, window_shut_at = t.window_shut_at, free_entry_until = t.free_entry_until,
	last_seq = t.last_seq, read_seq = t.read_seq, unread_count = t.unread_count, last_message_at = t.last_message_at,
	last_inbound_at = t.last_inbound_at, preview = t.preview, waiting_since = t.waiting_since, returned_by = t.returned_by, assigned_at = t.assigned_at,
	ended_at = t.ended_at, ended_by = t.ended_by, end_reason_id = t.end_reason_id, end_note = t.end_note
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@department_ids::uuid[]) AS department_id, unnest(@agent_ids::uuid[]) AS agent_id,
	unnest(@statuses::text[]) AS status, unnest(@controllers::text[]) AS controller, unnest(@window_opened::timestamptz[]) AS window_opened_at,
	unnest(@window_shut::timestamptz[]) AS window_shut_at, unnest(@free_entry::timestamptz[]) AS free_entry_until, unnest(@last_seqs::bigint[]) AS last_seq,
	unnest(@read_seqs::bigint[]) AS read_seq, unnest(@unreads::int[]) AS unread_count, unnest(@last_message::timestamptz[]) AS last_message_at,
	unnest(@last_inbound::timestamptz[]) AS last_inbound_at, unnest(@previews::jsonb[]) AS preview, unnest(@waiting_since::timestamptz[]) AS waiting_since,
	unnest(@returned_bys::uuid[]) AS returned_by, unnest(@assigned::timestamptz[]) AS assigned_at, unnest(@ended::timestamptz[]) AS ended_at, unnest(@ended_by::uuid[]) AS ended_by,
	unnest(@end_reasons::uuid[]) AS end_reason_id, unnest(@end_notes::text[]) AS end_note) AS t
WHERE c.id = t.id;

-- name: InsertMessages :exec
INSERT INTO messages (id, conversation_id, account_id, seq, direction, kind, text, content, status, error, agent_id, source,
	external_id, reply_to, reply_external, provider_at, created_at, late, automated, due_at, edited_at, deleted_at)
SELECT unnest(@ids::uuid[]), unnest(@conversation_ids::uuid[]), unnest(@account_ids::uuid[]), unnest(@seqs::bigint[]),
	unnest(@directions::text[]), unnest(@kinds::text[]), unnest(@texts::text[]), unnest(@contents::jsonb[]),
	unnest(@statuses::text[]), unnest(@errors::jsonb[]), unnest(@agent_ids::uuid[]), unnest(@sources::text[]),
	unnest(@external_ids::text[]), unnest(@reply_tos::uuid[]), unnest(@reply_externals::text[]), unnest(@provider_ats::timestamptz[]),
	unnest(@created_ats::timestamptz[]), unnest(@lates::boolean[]), unnest(@automateds::boolean[]), unnest(@due_ats::timestamptz[]),
	unnest(@edited_ats::timestamptz[]), unnest(@deleted_ats::timestamptz[]);

-- name: UpdateMessages :exec
-- Statuses, edits, deletions and new attempts of messages that are there.
UPDATE messages m SET status = t.status, error = t.error, external_id = t.external_id, text = t.text, content = t.content,
	edited_at = t.edited_at, deleted_at = t.deleted_at, due_at = t.due_at, attempt = t.attempt
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@created_ats::timestamptz[]) AS created_at, unnest(@statuses::text[]) AS status,
	unnest(@errors::jsonb[]) AS error, unnest(@external_ids::text[]) AS external_id, unnest(@texts::text[]) AS text,
	unnest(@contents::jsonb[]) AS content, unnest(@edited_ats::timestamptz[]) AS edited_at, unnest(@deleted_ats::timestamptz[]) AS deleted_at,
	unnest(@due_ats::timestamptz[]) AS due_at, unnest(@attempts::int[]) AS attempt) AS t
WHERE m.id = t.id AND m.created_at = t.created_at;

-- name: GiveProviderIDs :exec
-- Ids that the provider gave to messages of ours. An id stays with the message that it names, unless that is only about to
-- be written: an echo that turned out to be of ours.
INSERT INTO provider_ids AS p (account_id, provider_id, message_id)
SELECT @account_id::uuid, unnest(@provider_ids::text[]), unnest(@message_ids::uuid[])
ON CONFLICT (provider_id, account_id) DO UPDATE SET message_id = excluded.message_id
WHERE NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = p.message_id);

-- name: AttachUploads :exec
UPDATE attachments a SET message_id = t.message_id, conversation_id = t.conversation_id, account_id = t.account_id, position = t.position
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@message_ids::uuid[]) AS message_id, unnest(@conversation_ids::uuid[]) AS conversation_id,
	unnest(@account_ids::uuid[]) AS account_id, unnest(@positions::smallint[]) AS position) AS t
WHERE a.id = t.id AND a.message_id IS NULL;

-- name: EndAssignments :exec
-- A contact's "//end" may have come in before the assignment that it ends began.
UPDATE assignments a SET ended_at = greatest(t.at, a.started_at)
FROM (SELECT unnest(@conversation_ids::uuid[]) AS id, unnest(@ats::timestamptz[]) AS at) AS t
WHERE a.conversation_id = t.id AND a.conversation_id = any(@conversation_ids::uuid[]) AND a.ended_at IS NULL;

-- name: StartAssignments :exec
INSERT INTO assignments (id, conversation_id, agent_id, how, department_id, waiting_since, started_at, load_after, capacity, seen)
SELECT unnest(@ids::uuid[]), unnest(@conversation_ids::uuid[]), unnest(@agent_ids::uuid[]), unnest(@hows::text[]),
	unnest(@department_ids::uuid[]), unnest(@waiting_sinces::timestamptz[]), unnest(@started_ats::timestamptz[]),
	unnest(@loads::int[]), unnest(@capacities::int[]), nullif(unnest(@seen::text[]), '')::pg_snapshot;

-- name: ChangeAccountState :exec
UPDATE channel_accounts SET
	state = CASE WHEN @state::text = '' OR state = 'disabled' THEN state ELSE @state END,
	state_reason = CASE WHEN @state = '' OR state = 'disabled' THEN state_reason ELSE @reason END,
	per_second = CASE WHEN @per_second::int > 0 THEN @per_second ELSE per_second END,
	templates_blocked_until = coalesce(sqlc.narg(templates_blocked_until), templates_blocked_until)
WHERE id = @id;

-- name: ChangeTemplate :exec
UPDATE templates SET status = @status, category = @category, definition = @definition, updated_at = now() WHERE id = @id;

-- name: TemplatesOfAccount :many
SELECT sqlc.embed(t) FROM templates t WHERE t.account_id = $1 AND t.gone_at IS NULL;

-- name: AccountByID :one
SELECT sqlc.embed(a), (
	SELECT coalesce(jsonb_agg(jsonb_build_object('kind', k.kind, 'type', k.type, 'value', k.value) ORDER BY k.main DESC, k.value), '[]')
	FROM account_keys k WHERE k.account_id = a.id
)::jsonb AS keys
FROM channel_accounts a WHERE a.id = $1;

-- name: AccountOfConversation :one
-- As AccountByID.
SELECT sqlc.embed(a), (
	SELECT coalesce(jsonb_agg(jsonb_build_object('kind', k.kind, 'type', k.type, 'value', k.value) ORDER BY k.main DESC, k.value), '[]')
	FROM account_keys k WHERE k.account_id = a.id
)::jsonb AS keys
FROM channel_accounts a WHERE a.id = (SELECT c.account_id FROM conversations c WHERE c.id = $1);

-- name: InsertConversationEvents :exec
INSERT INTO conversation_events (conversation_id, seq, kind, at, actor, message_id, data)
SELECT unnest(@conversation_ids::uuid[]), unnest(@seqs::bigint[]), unnest(@kinds::text[]), unnest(@ats::timestamptz[]),
	unnest(@actors::uuid[]), unnest(@message_ids::uuid[]), unnest(@datas::jsonb[]);

-- name: InsertAttachments :exec
INSERT INTO attachments (id, message_id, conversation_id, account_id, position, state, ref, type, name, size, voice, animated, due_at)
SELECT unnest(@ids::uuid[]), unnest(@message_ids::uuid[]), unnest(@conversation_ids::uuid[]), unnest(@account_ids::uuid[]),
	unnest(@positions::smallint[]), unnest(@states::text[]), unnest(@refs::jsonb[]), unnest(@types::text[]),
	unnest(@names::text[]), unnest(@sizes::bigint[]), unnest(@voices::boolean[]), unnest(@animateds::boolean[]),
	unnest(@due_ats::timestamptz[]);

-- name: SetReactions :exec
INSERT INTO reactions (message_id, direction, emoji, at)
SELECT unnest(@message_ids::uuid[]), unnest(@directions::text[]), unnest(@emojis::text[]), unnest(@ats::timestamptz[])
ON CONFLICT (message_id, direction) DO UPDATE SET emoji = excluded.emoji, at = excluded.at WHERE reactions.at <= excluded.at;

-- name: ParkUpdates :exec
INSERT INTO parked_updates (id, provider_id, account_id, inbound, received_at, expires_at)
SELECT t.id, t.provider_id, @account_id::uuid, t.inbound, t.received_at, t.received_at + interval '24 hours'
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@provider_ids::text[]) AS provider_id, unnest(@inbounds::jsonb[]) AS inbound,
	unnest(@received_ats::timestamptz[]) AS received_at) AS t;

-- name: TakeParked :many
-- The updates that waited for these provider ids, oldest first: by Postgres' clock, for ids go by those of whoever made them.
WITH gone AS (
	DELETE FROM parked_updates WHERE provider_id = any(@provider_ids::text[]) AND account_id = @account_id
	RETURNING id, provider_id, inbound, received_at
)
SELECT provider_id, inbound, received_at FROM gone ORDER BY received_at, id;

-- name: Stranded :many
-- Updates that wait for a message that is there. They were parked in the last minutes: the sweeper looks every second.
SELECT DISTINCT u.account_id, u.provider_id FROM parked_updates u
JOIN provider_ids p ON p.provider_id = u.provider_id AND p.account_id = u.account_id
WHERE u.expires_at > now() + make_interval(hours => 23, mins => 50, secs => @shift_s::float8) LIMIT 200;

-- name: DeletePending :exec
DELETE FROM inbound_pending WHERE account_id = @account_id AND place = any(@places::bigint[]);

-- name: FailPending :exec
UPDATE inbound_pending SET attempts = attempts + 1, error = @error, due_at = now() + make_interval(secs => @delay_s::float8)
WHERE account_id = @account_id AND place = @place;

-- name: Quarantine :exec
WITH gone AS (
	DELETE FROM inbound_pending p WHERE p.account_id = @account_id AND p.place = @place
	RETURNING p.event_id, p.account_id, p.received_at, p.attempts
)
INSERT INTO quarantined_events (event_id, account_id, received_at, attempts, error, body)
SELECT g.event_id, g.account_id, g.received_at, g.attempts + 1, @error, e.body
FROM gone g JOIN inbound_events e ON e.id = g.event_id AND e.received_at = g.received_at
ON CONFLICT (event_id) DO UPDATE SET attempts = quarantined_events.attempts + excluded.attempts, error = excluded.error, quarantined_at = now(), over_at = NULL;

-- name: PendingLanes :many
-- Accounts with a due event older than age, in seconds, the longest waiting first.
SELECT account_id FROM inbound_pending
WHERE (due_at IS NULL AND received_at < now() - make_interval(secs => @age_s::float8)) OR due_at < now() - make_interval(secs => @age_s)
GROUP BY account_id ORDER BY min(received_at);

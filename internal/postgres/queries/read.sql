-- What lists and threads show.

-- name: ReactionsOf :many
SELECT message_id, direction, emoji FROM reactions WHERE message_id = any(@message_ids::uuid[]) AND emoji <> '';

-- name: ConversationRow :many
SELECT sqlc.embed(c), k.name, i.profile_name, i.username, i.type, i.value, k.opted_out_at
FROM conversations c JOIN contacts k ON k.id = c.contact_id JOIN identities i ON i.id = c.identity_id
WHERE c.id = any(@ids::uuid[]) ORDER BY c.id;

-- name: ThreadBefore :many
SELECT sqlc.embed(m) FROM messages m WHERE m.conversation_id = @conversation_id AND m.seq < @before AND m.kind <> 'reaction' ORDER BY m.seq DESC LIMIT @most;

-- name: ThreadAfter :many
SELECT sqlc.embed(m) FROM messages m WHERE m.conversation_id = @conversation_id AND m.seq > @after AND m.kind <> 'reaction' ORDER BY m.seq LIMIT @most;

-- name: MessageByID :many
SELECT sqlc.embed(m) FROM messages m WHERE m.id = $1;

-- name: MessagesIn :many
SELECT sqlc.embed(m) FROM messages m WHERE m.id = any(@ids::uuid[]);

-- name: EventsAfter :many
-- Events of several conversations after a number each, so many of each.
SELECT e.conversation_id, e.seq, e.kind, e.at, e.actor, e.message_id, e.data
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@seqs::bigint[]) AS seq) AS x
CROSS JOIN LATERAL (
	SELECT v.* FROM conversation_events v WHERE v.conversation_id = x.id AND v.seq > x.seq ORDER BY v.seq LIMIT @most
) AS e
ORDER BY e.conversation_id, e.seq;

-- name: EventsBetween :many
-- Events other than those of messages, for a page of a thread.
SELECT conversation_id, seq, kind, at, actor, message_id, data FROM conversation_events
WHERE conversation_id = @conversation_id AND seq >= @low AND seq < @high AND kind NOT IN ('message', 'status', 'reaction', 'edited', 'deleted', 'media', 'read')
ORDER BY seq DESC LIMIT @most;

-- name: ContactByID :one
SELECT sqlc.embed(c) FROM contacts c WHERE c.id = $1;

-- name: IdentitiesOfContact :many
SELECT sqlc.embed(i) FROM identities i WHERE i.contact_id = $1 ORDER BY i.created_at, i.id;

-- name: HistoryOfContact :many
SELECT c.id, c.account_id, a.kind, c.status, c.last_message_at, c.ended_at, r.label, c.agent_id, c.department_id, c.preview
FROM conversations c JOIN channel_accounts a ON a.id = c.account_id LEFT JOIN end_reasons r ON r.id = c.end_reason_id
WHERE c.contact_id = @contact_id AND c.id <> @except_id ORDER BY c.last_message_at DESC LIMIT 20;

-- name: UpdateContact :exec
UPDATE contacts SET name = coalesce(sqlc.narg(name), name), language = coalesce(sqlc.narg(language), language), updated_at = now() WHERE id = @id;

-- name: ContactVisible :one
-- Whether one of the contact's conversations lies within a principal's scope.
SELECT EXISTS (SELECT 1 FROM conversations c WHERE c.contact_id = @contact_id
	AND (@sees_all::boolean OR c.agent_id = @agent_id::uuid OR c.department_id = any(@departments::uuid[])));

-- name: ChangedSince :many
-- The conversation of each event that committed after a snapshot was taken: the question of a reader that reconnects. A server
-- that was killed gives the numbers of its last transactions out again, those that had not committed: hence the 1000.
SELECT e.conversation_id FROM conversation_events e
WHERE e.xid >= greatest(sqlc.arg(horizon)::bigint - CASE WHEN pg_postmaster_start_time() > sqlc.arg(taken)::timestamptz THEN 1000 ELSE 0 END, 3)::text::xid8
ORDER BY e.xid LIMIT @most;

-- name: NewestSince :many
-- The newest event of each conversation that has some which committed after a snapshot was taken (as in ChangedSince), and how
-- many.
SELECT e.conversation_id, max(e.seq)::bigint AS seq, count(*)::bigint AS events
FROM (
	SELECT x.conversation_id, x.seq FROM conversation_events x
	WHERE x.xid >= greatest(sqlc.arg(horizon)::bigint - CASE WHEN pg_postmaster_start_time() > sqlc.arg(taken)::timestamptz THEN 1000 ELSE 0 END, 3)::text::xid8
	ORDER BY x.xid LIMIT @most
) e
GROUP BY e.conversation_id;

-- name: ContactsNamed :many
-- Contacts with this in a name or an address, up to most.
SELECT f.id FROM (
	(SELECT k.id FROM contacts k WHERE k.name ILIKE sqlc.arg(pattern)::text LIMIT sqlc.arg(most)::int)
	UNION
	(SELECT i.contact_id FROM identities i WHERE i.profile_name ILIKE sqlc.arg(pattern) LIMIT sqlc.arg(most))
	UNION
	(SELECT i.contact_id FROM identities i WHERE i.username ILIKE sqlc.arg(pattern) LIMIT sqlc.arg(most))
	UNION
	(SELECT i.contact_id FROM identities i WHERE i.value ILIKE sqlc.arg(pattern) LIMIT sqlc.arg(most))
) AS f LIMIT sqlc.arg(most);

-- name: Horizon :one
-- The oldest transaction that still runs, the time, and which copy of the record this is: one that was dumped and restored has other
-- numbers for its tables, one that was cloned is a database of another name, and one that went back in time, or is a standby that took over,
-- goes on in another timeline, which is how the names of its WAL files begin.
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xid, now()::timestamptz AS at,
	('conversation_events'::regclass::oid::text || '.' || hashtext(current_database())::text || '.' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::text AS copy;

-- name: CountMine :one
SELECT count(*) FILTER (WHERE status = 'assigned')::int AS mine, count(*) FILTER (WHERE status = 'pending')::int AS pending,
	count(*) FILTER (WHERE unread_count > 0)::int AS unread
FROM conversations WHERE agent_id = $1 AND status IN ('assigned', 'pending');

-- name: CountWaiting :many
SELECT department_id, count(*)::int AS n FROM conversations
WHERE status = 'waiting' AND (@sees_all::boolean OR department_id = any(@departments::uuid[])) GROUP BY department_id;

-- name: CountOpen :many
SELECT department_id, count(*)::int AS n FROM conversations
WHERE (status <> 'closed') IS TRUE AND (@sees_all::boolean OR department_id = any(@departments::uuid[]) OR agent_id = @agent_id::uuid) GROUP BY department_id;

-- name: CountExpiring :one
-- Conversations held by the agent, or waiting in their lines, whose window is about to shut.
SELECT count(*)::int FROM conversations c JOIN channel_accounts a ON a.id = c.account_id
WHERE (c.status <> 'closed') IS TRUE AND a.kind = any(@kinds::text[])
	AND c.window_opened_at > @from_at::timestamptz AND c.window_opened_at <= @to_at::timestamptz
	AND (c.agent_id = @agent_id::uuid OR (c.status = 'waiting' AND (@sees_all::boolean OR c.department_id = any(@departments::uuid[]))));

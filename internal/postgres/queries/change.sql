-- An agent's deed: one conversation, locked, with what the deed needs to know.

-- name: LockLineOf :many
-- The line that a conversation stands in, or comes back to.
SELECT l.department_id FROM department_lines l WHERE l.department_id = (SELECT c.department_id FROM conversations c WHERE c.id = $1)
FOR NO KEY UPDATE OF l;

-- name: PresentAgent :many
-- An agent with presence, without load: the columns of AgentWithLoad as far as they go.
SELECT sqlc.embed(a), coalesce(p.presence, 'offline') AS presence, p.break_reason_id, coalesce(p.since, a.created_at)::timestamptz AS since, p.seen_at
FROM agents a LEFT JOIN agent_presence p ON p.agent_id = a.id WHERE a.id = $1;

-- name: MessagesOfConversation :many
SELECT sqlc.embed(m) FROM messages m WHERE m.id = any(@ids::uuid[]) AND m.conversation_id = @conversation_id;

-- name: UploadsByID :many
SELECT id, coalesce(message_id, '00000000-0000-0000-0000-000000000000')::uuid AS message_id, state, type, name, size, width, height, duration_ms, voice, animated, thumb,
	coalesce(uploaded_by, '00000000-0000-0000-0000-000000000000')::uuid AS uploaded_by
FROM attachments WHERE id = any(@ids::uuid[]) FOR UPDATE;

-- name: TemplateByID :one
SELECT sqlc.embed(t) FROM templates t WHERE t.id = $1;

-- name: EndReasonByID :one
SELECT sqlc.embed(r) FROM end_reasons r WHERE r.id = $1;

-- name: IdempotentMessage :many
-- What a request with this key made.
SELECT k.body_hash, sqlc.embed(m) FROM idempotency_keys k JOIN messages m ON m.id = k.message_id
WHERE k.key = @key AND k.principal = @principal AND k.created_at > now() - interval '24 hours';

-- name: ForgetIdempotencyKey :exec
DELETE FROM idempotency_keys WHERE key = @key AND principal = @principal AND created_at <= now() - interval '24 hours';

-- name: KeepIdempotencyKey :exec
INSERT INTO idempotency_keys (key, principal, body_hash, message_id) VALUES ($1, $2, $3, $4);

-- name: OtherOpen :one
SELECT EXISTS (SELECT 1 FROM conversations WHERE identity_id = @identity_id AND account_id = @account_id AND (status <> 'closed') IS TRUE AND id <> @id);

-- name: LastInboundExternal :many
SELECT external_id FROM messages WHERE conversation_id = $1 AND direction = 'in' ORDER BY seq DESC LIMIT 1;

-- name: ThreadWindow :one
-- The window over all conversations of a thread: an older conversation taken up again must not look at an older window.
SELECT max(window_opened_at)::timestamptz AS opened, max(window_shut_at)::timestamptz AS shut, max(free_entry_until)::timestamptz AS free
FROM conversations WHERE identity_id = @identity_id AND account_id = @account_id;

-- name: CountUnread :one
SELECT count(*)::int FROM messages WHERE conversation_id = @conversation_id AND seq > @after AND direction = 'in';

-- name: PlaceInLine :one
-- When a held conversation had begun to wait: where it returns to.
SELECT waiting_since FROM assignments WHERE conversation_id = $1 AND ended_at IS NULL;

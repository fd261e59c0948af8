-- An agent's deed: one conversation, locked, with what the deed needs to know.

-- name: DepartmentOf :one
SELECT department_id FROM conversations WHERE id = $1;

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
SELECT EXISTS (SELECT 1 FROM conversations WHERE identity_id = @identity_id AND account_id = @account_id AND status <> 'closed' AND id <> @id);

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

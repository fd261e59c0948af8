-- Web chat visitors: what one visitor of one account may see.

-- name: CreateVisitor :exec
INSERT INTO visitors (id, account_id, token_hash) VALUES ($1, $2, $3);

-- name: VisitorByToken :many
UPDATE visitors SET seen_at = now() WHERE token_hash = @token_hash AND account_id = @account_id RETURNING id;

-- name: IdentityOfVisitor :many
SELECT i.id, i.contact_id, i.thread_id, i.profile_name FROM identities i
WHERE i.value = @value AND i.type = 'visitor' AND i.kind = 'webchat' AND i.scope = @scope;

-- name: VisitorConversations :many
SELECT c.id FROM conversations c WHERE c.identity_id = @identity_id AND c.account_id = @account_id
ORDER BY (c.status <> 'closed') DESC, c.last_message_at DESC LIMIT 50;

-- name: VisitorEvents :many
-- What a visitor sees of its conversations, newest first: messages but no notes, and who joined and left.
SELECT e.conversation_id, e.seq, e.kind, e.at, e.actor, e.message_id, e.data FROM conversation_events e
WHERE e.conversation_id = any(@conversation_ids::uuid[]) AND e.kind IN ('message', 'queued', 'assigned', 'ended', 'reopened')
	AND (e.kind <> 'message' OR EXISTS (SELECT 1 FROM messages m WHERE m.id = e.message_id AND m.direction <> 'note' AND m.kind <> 'reaction'))
	AND (NOT @bounded::boolean OR (e.at, e.seq) < (@before_at::timestamptz, @before_seq::bigint))
ORDER BY e.at DESC, e.seq DESC LIMIT @most;

-- name: EventPlace :many
SELECT e.at, e.seq FROM conversation_events e WHERE e.conversation_id = @conversation_id AND e.seq = @seq;

-- name: VisitorMessageID :many
SELECT p.message_id FROM provider_ids p WHERE p.provider_id = @provider_id AND p.account_id = @account_id;

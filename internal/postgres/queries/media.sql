-- Files and templates: what workers fetch and sync.

-- name: TemplateRows :many
-- Of one account; of the zero account: of all.
SELECT sqlc.embed(t) FROM templates t
WHERE (t.account_id = @account_id::uuid OR @account_id::uuid = '00000000-0000-0000-0000-000000000000') AND t.gone_at IS NULL
ORDER BY t.name, t.language, t.account_id;

-- name: UpsertTemplates :exec
INSERT INTO templates (id, account_id, provider_id, name, language, status, category, definition, updated_at)
SELECT unnest(@ids::uuid[]), @account_id::uuid, unnest(@provider_ids::text[]), unnest(@names::text[]), unnest(@languages::text[]),
	unnest(@statuses::text[]), unnest(@categories::text[]), unnest(@definitions::jsonb[]), now()
ON CONFLICT (name, language, account_id) DO UPDATE SET provider_id = excluded.provider_id, status = excluded.status,
	category = excluded.category, definition = excluded.definition, gone_at = NULL, updated_at = now();

-- name: DropTemplates :exec
-- Templates that the provider does not list any more.
UPDATE templates u SET gone_at = now() WHERE u.account_id = @account_id AND u.gone_at IS NULL AND NOT (u.id = any(
	SELECT t.id FROM templates t JOIN (SELECT unnest(@names::text[]) AS name, unnest(@languages::text[]) AS language) l
	ON t.name = l.name AND t.language = l.language WHERE t.account_id = @account_id));

-- name: SyncedTemplates :exec
UPDATE channel_accounts SET templates_synced_at = now() WHERE id = $1;

-- name: ClaimMedia :many
-- Files to fetch, each for a while: whoever does not come back in time loses it to the next.
UPDATE attachments SET attempts = attempts + 1, due_at = now() + make_interval(secs => @lease_s::float8)
WHERE id IN (
	SELECT a.id FROM attachments a WHERE a.state = 'pending' AND a.due_at <= now() + make_interval(secs => @shift_s::float8) AND a.account_id = @account_id
	ORDER BY a.due_at LIMIT @most FOR UPDATE SKIP LOCKED
)
RETURNING id, message_id, conversation_id, ref, type, name, attempts, voice;

-- name: DueMedia :many
SELECT DISTINCT account_id FROM attachments WHERE state = 'pending' AND account_id IS NOT NULL
	AND due_at < now() + make_interval(secs => @shift_s::float8) - make_interval(secs => @age_s::float8);

-- name: FinishMedia :execrows
UPDATE attachments SET state = @state, type = @type, size = @size, width = @width, height = @height, duration_ms = @duration_ms,
	animated = @animated, thumb = @thumb, error = @error, due_at = NULL
WHERE id = @id AND state = 'pending';

-- name: RetryMedia :exec
UPDATE attachments SET due_at = now() + make_interval(secs => @delay_s::float8), error = @error WHERE id = @id AND state = 'pending';

-- name: KeepUpload :exec
INSERT INTO attachments (id, state, type, name, size, width, height, duration_ms, voice, animated, thumb, uploaded_by)
VALUES ($1, 'ready', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: AttachmentByID :one
-- The files of a message that was taken back are gone with it.
SELECT a.id, a.message_id, a.conversation_id, a.state, a.type, a.name, a.size, a.width, a.height, a.duration_ms, a.voice, a.animated, a.thumb, a.error,
	a.uploaded_by, a.ref
FROM attachments a WHERE a.id = $1 AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = a.message_id AND m.deleted_at IS NOT NULL);

-- name: OrphanUploads :many
-- Uploads that nobody sent within a day.
DELETE FROM attachments WHERE id IN (SELECT a.id FROM attachments a WHERE a.message_id IS NULL AND a.created_at < now() - interval '24 hours' LIMIT 200) RETURNING id;

-- name: NoteProfile :exec
UPDATE identities SET profile_name = CASE WHEN @name::text <> '' THEN @name ELSE profile_name END,
	username = CASE WHEN @username::text <> '' THEN @username ELSE username END
WHERE thread_id = (SELECT c.identity_id FROM conversations c WHERE c.id = @conversation_id);

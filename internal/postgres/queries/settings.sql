-- Departments, reasons, saved answers, drafts, and the installation's own values.

-- name: DepartmentCards :many
-- Departments with how they stand. Who waits is counted only within the asker's scope.
SELECT sqlc.embed(d), m.total, m.online, m.on_break,
	CASE WHEN @sees_all::boolean OR d.id = any(@departments::uuid[])
		THEN (SELECT count(*) FROM conversations c WHERE c.department_id = d.id AND c.status = 'waiting') ELSE 0 END::int AS waiting
FROM departments d, LATERAL (
	SELECT count(*)::int AS total,
		count(*) FILTER (WHERE p.presence = 'online' AND p.seen_at > now() - interval '45 seconds')::int AS online,
		count(*) FILTER (WHERE p.presence = 'break' AND p.seen_at > now() - interval '45 seconds')::int AS on_break
	FROM agent_departments x JOIN agents a ON a.id = x.agent_id AND a.state = 'active' LEFT JOIN agent_presence p ON p.agent_id = a.id
	WHERE x.department_id = d.id
) AS m
ORDER BY lower(d.name), d.id;

-- name: AllDepartments :many
SELECT sqlc.embed(d) FROM departments d;

-- name: InsertDepartment :exec
INSERT INTO departments (id, name, description, color, policy, sticky, return_on_break, return_after_s) VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: InsertLine :exec
INSERT INTO department_lines (department_id) VALUES ($1);

-- name: PatchDepartment :one
UPDATE departments d SET name = coalesce(sqlc.narg(name), name), description = coalesce(sqlc.narg(description), description),
	color = coalesce(sqlc.narg(color), color), policy = coalesce(sqlc.narg(policy), policy), sticky = coalesce(sqlc.narg(sticky), sticky),
	return_on_break = coalesce(sqlc.narg(return_on_break), return_on_break), return_after_s = coalesce(sqlc.narg(return_after_s), return_after_s)
WHERE d.id = @id RETURNING sqlc.embed(d);

-- name: DeleteDepartment :many
DELETE FROM departments WHERE id = $1 RETURNING name;

-- name: EndReasons :many
SELECT sqlc.embed(r) FROM end_reasons r ORDER BY r.position, r.id;

-- name: InsertEndReason :one
INSERT INTO end_reasons (id, label, position) SELECT @id, @label, coalesce(max(r.position) + 1, 0) FROM end_reasons r RETURNING position;

-- name: PatchEndReason :one
UPDATE end_reasons r SET label = coalesce(sqlc.narg(label), label), position = coalesce(sqlc.narg(position), position), disabled = coalesce(sqlc.narg(disabled), disabled)
WHERE r.id = @id RETURNING sqlc.embed(r);

-- name: BreakReasons :many
SELECT sqlc.embed(r) FROM break_reasons r ORDER BY r.position, r.id;

-- name: InsertBreakReason :one
INSERT INTO break_reasons (id, label, position) SELECT @id, @label, coalesce(max(r.position) + 1, 0) FROM break_reasons r RETURNING position;

-- name: PatchBreakReason :one
UPDATE break_reasons r SET label = coalesce(sqlc.narg(label), label), position = coalesce(sqlc.narg(position), position), disabled = coalesce(sqlc.narg(disabled), disabled)
WHERE r.id = @id RETURNING sqlc.embed(r);

-- name: CannedReplies :many
-- The shared ones and the agent's own.
SELECT sqlc.embed(r) FROM canned_replies r WHERE r.agent_id IS NULL OR r.agent_id = @agent_id::uuid ORDER BY r.shortcut, r.id;

-- name: InsertCannedReply :exec
INSERT INTO canned_replies (id, shortcut, title, text, agent_id) VALUES ($1, $2, $3, $4, $5);

-- name: PatchCannedReply :many
-- One's own, and with shared also the shared ones.
UPDATE canned_replies r SET shortcut = coalesce(sqlc.narg(shortcut), shortcut), title = coalesce(sqlc.narg(title), title), text = coalesce(sqlc.narg(text), text)
WHERE r.id = @id AND (r.agent_id = @agent_id::uuid OR (r.agent_id IS NULL AND @shared::boolean)) RETURNING sqlc.embed(r);

-- name: DeleteCannedReply :many
DELETE FROM canned_replies r WHERE r.id = @id AND (r.agent_id = @agent_id::uuid OR (r.agent_id IS NULL AND @shared::boolean))
RETURNING sqlc.embed(r);

-- name: SharedCannedReply :one
SELECT EXISTS (SELECT 1 FROM canned_replies WHERE id = $1 AND agent_id IS NULL);

-- name: PutDraft :execrows
-- In a conversation that the agent may see.
INSERT INTO drafts (agent_id, conversation_id, tab, body, updated_at)
SELECT @agent_id::uuid, c.id, @tab::text, @body::jsonb, now() FROM conversations c
WHERE c.id = @conversation_id AND (@sees_all::boolean OR c.agent_id = @agent_id::uuid OR c.department_id = any(@departments::uuid[]))
ON CONFLICT (agent_id, conversation_id, tab) DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at;

-- name: Drafts :many
SELECT tab, body, updated_at FROM drafts WHERE agent_id = @agent_id AND conversation_id = @conversation_id ORDER BY tab DESC;

-- name: DeleteDraft :exec
DELETE FROM drafts WHERE agent_id = @agent_id AND conversation_id = @conversation_id AND tab = @tab;

-- name: KeepSetting :exec
INSERT INTO settings (key, value) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- name: SettingByKey :one
SELECT value FROM settings WHERE key = $1;

-- name: ReplaceSetting :exec
UPDATE settings SET value = @to_value WHERE key = @key AND value = @from_value;

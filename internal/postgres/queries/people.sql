-- Agents, and what a change of one locks.

-- name: Agents :many
-- Everybody, with load and presence: the columns of AgentWithLoad.
SELECT sqlc.embed(a), coalesce(p.presence, 'offline') AS presence, p.break_reason_id, coalesce(p.since, a.created_at)::timestamptz AS since, p.seen_at,
	(SELECT count(*) FROM conversations c WHERE c.agent_id = a.id AND c.status = 'assigned')::int AS load,
	(SELECT s.ended_at FROM assignments s WHERE s.agent_id = a.id AND s.ended_at IS NOT NULL ORDER BY s.ended_at DESC LIMIT 1) AS freed_at,
	(SELECT coalesce(array_agg(x.department_id), '{}') FROM agent_departments x WHERE x.agent_id = a.id)::uuid[] AS departments
FROM agents a LEFT JOIN agent_presence p ON p.agent_id = a.id
ORDER BY lower(a.name), a.id;

-- name: AgentPrefs :one
SELECT prefs FROM agents WHERE id = $1;

-- name: SetAgentPrefs :exec
UPDATE agents SET prefs = @prefs WHERE id = @id;

-- name: InsertAgent :exec
INSERT INTO agents (id, name, email, role, behavior, capacity, languages, password_hash, must_change)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: InsertAgentPresence :exec
INSERT INTO agent_presence (agent_id) VALUES ($1);

-- name: UpdateAgent :exec
UPDATE agents SET name = @name, email = @email, role = @role, state = @state, behavior = @behavior, capacity = @capacity, languages = @languages
WHERE id = @id;

-- name: LeaveDepartments :exec
DELETE FROM agent_departments WHERE agent_id = @agent_id AND department_id <> all(@departments::uuid[]);

-- name: JoinDepartments :exec
INSERT INTO agent_departments (agent_id, department_id)
SELECT @agent_id::uuid, d FROM unnest(@departments::uuid[]) AS d
ON CONFLICT DO NOTHING;

-- name: SetPassword :exec
UPDATE agents SET password_hash = @password_hash, must_change = @must_change WHERE id = @id;

-- name: LockHolder :many
-- An agent, and with admins all active ones: whoever would leave none behind must see the others as they are.
SELECT a.id, a.password_hash, (a.id <> @id AND a.role = 'admin' AND a.state = 'active')::boolean AS other_admin
FROM agents a WHERE a.id = @id OR (@admins::boolean AND a.role = 'admin' AND a.state = 'active')
ORDER BY a.id FOR NO KEY UPDATE;

-- name: HeldLines :many
SELECT DISTINCT department_id FROM conversations WHERE agent_id = $1 AND status IN ('assigned', 'pending');

-- name: HeldConversations :many
-- What an agent holds, with the old place in the line where it came from one.
SELECT c.id, s.waiting_since FROM conversations c LEFT JOIN assignments s ON s.conversation_id = c.id AND s.ended_at IS NULL
WHERE c.agent_id = $1 AND c.status IN ('assigned', 'pending') ORDER BY c.id;

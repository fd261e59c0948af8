-- Routing: lines, agents and their loads.

-- name: LockLine :one
SELECT sqlc.embed(d), now()::timestamptz AS now FROM department_lines l JOIN departments d ON d.id = l.department_id
WHERE l.department_id = $1 FOR NO KEY UPDATE OF l;

-- name: LockLines :many
SELECT l.department_id FROM department_lines l WHERE l.department_id = any(@ids::uuid[]) ORDER BY l.department_id FOR NO KEY UPDATE OF l;

-- name: AllLines :many
SELECT department_id FROM department_lines ORDER BY department_id;

-- name: LineHead :many
SELECT id, pg_current_snapshot()::text AS seen FROM conversations WHERE department_id = $1 AND status = 'waiting' ORDER BY priority DESC, waiting_since, id LIMIT $2;

-- name: LockWaiting :many
-- The head of the line, locked; who was taken meanwhile is not in it any more.
SELECT sqlc.embed(c), k.name, i.profile_name, i.username, i.type, i.value, k.opted_out_at
FROM conversations c JOIN contacts k ON k.id = c.contact_id JOIN identities i ON i.id = c.identity_id
WHERE c.id = any(@ids::uuid[]) AND (c.status = 'waiting' AND c.department_id = @department_id) IS TRUE -- by id, not along the whole line
ORDER BY c.id FOR NO KEY UPDATE OF c;

-- name: OldestWaiting :many
SELECT c.id, c.department_id FROM conversations c WHERE c.status = 'waiting' AND c.department_id = any(@department_ids::uuid[])
ORDER BY c.priority DESC, c.waiting_since, c.id LIMIT 1;

-- name: LastAgents :many
-- Who had the contacts of these conversations last.
SELECT DISTINCT ON (c.contact_id) c.contact_id, c.agent_id FROM conversations c
WHERE c.contact_id = any(ARRAY(SELECT w.contact_id FROM conversations w WHERE w.id = any(@ids::uuid[]))) AND c.agent_id IS NOT NULL AND (c.status = 'closed') IS TRUE -- by contact
ORDER BY c.contact_id, c.ended_at DESC;

-- name: LockOnlineAgents :exec
-- Agents of a line who could be chosen, locked in the one order.
SELECT a.id FROM agents a
JOIN agent_departments d ON d.agent_id = a.id AND d.department_id = @department_id
JOIN agent_presence p ON p.agent_id = a.id
WHERE a.state = 'active' AND a.behavior <> 'assigned_only' AND p.presence = 'online' AND p.seen_at > now() - interval '45 seconds'
ORDER BY a.id FOR NO KEY UPDATE OF a;

-- name: LineAgents :many
-- All agents of a line with their loads, after LockOnlineAgents.
SELECT sqlc.embed(a), coalesce(p.presence, 'offline') AS presence, p.break_reason_id, coalesce(p.since, a.created_at)::timestamptz AS since, p.seen_at,
	(SELECT count(*) FROM conversations c WHERE c.agent_id = a.id AND c.status = 'assigned')::int AS load,
	(SELECT s.ended_at FROM assignments s WHERE s.agent_id = a.id AND s.ended_at IS NOT NULL ORDER BY s.ended_at DESC LIMIT 1) AS freed_at,
	(SELECT coalesce(array_agg(x.department_id), '{}') FROM agent_departments x WHERE x.agent_id = a.id)::uuid[] AS departments
FROM agents a
JOIN agent_departments d ON d.agent_id = a.id AND d.department_id = @department_id
LEFT JOIN agent_presence p ON p.agent_id = a.id
WHERE a.state = 'active'
ORDER BY a.id;

-- name: LockAgent :many
SELECT id FROM agents WHERE id = $1 FOR NO KEY UPDATE;

-- name: AgentWithLoad :many
SELECT sqlc.embed(a), coalesce(p.presence, 'offline') AS presence, p.break_reason_id, coalesce(p.since, a.created_at)::timestamptz AS since, p.seen_at,
	(SELECT count(*) FROM conversations c WHERE c.agent_id = a.id AND c.status = 'assigned')::int AS load,
	(SELECT s.ended_at FROM assignments s WHERE s.agent_id = a.id AND s.ended_at IS NOT NULL ORDER BY s.ended_at DESC LIMIT 1) AS freed_at,
	(SELECT coalesce(array_agg(x.department_id), '{}') FROM agent_departments x WHERE x.agent_id = a.id)::uuid[] AS departments
FROM agents a LEFT JOIN agent_presence p ON p.agent_id = a.id
WHERE a.id = any(@ids::uuid[]);

-- name: NoteAssigned :exec
UPDATE agents SET last_assigned_at = @at WHERE id = any(@ids::uuid[]);

-- name: RoutedLine :exec
UPDATE department_lines SET routed_at = now() WHERE department_id = $1;

-- name: LinesWithRoom :many
-- Departments in which somebody waits while an agent could take one more: what the sweeper routes.
SELECT DISTINCT c.department_id FROM conversations c
WHERE c.status = 'waiting' AND EXISTS (
	SELECT 1 FROM agent_departments d JOIN agents a ON a.id = d.agent_id JOIN agent_presence p ON p.agent_id = a.id
	WHERE d.department_id = c.department_id AND a.state = 'active' AND a.behavior <> 'assigned_only' AND p.presence = 'online'
		AND p.seen_at > now() - interval '45 seconds' AND a.id IS DISTINCT FROM c.returned_by
		AND a.capacity > (SELECT count(*) FROM conversations h WHERE h.agent_id = a.id AND h.status = 'assigned')
);

-- Routing: lines, agents and their loads.

-- name: LockLine :one
SELECT d.* FROM department_lines l JOIN departments d ON d.id = l.department_id
WHERE l.department_id = $1 FOR NO KEY UPDATE OF l;

-- name: LockLines :many
SELECT l.department_id FROM department_lines l WHERE l.department_id = any(@ids::uuid[]) ORDER BY l.department_id FOR NO KEY UPDATE OF l;

-- name: AllLines :many
SELECT department_id FROM department_lines ORDER BY department_id;

-- name: LineHead :many
-- The head of a line, who had each contact last, and what was committed then.
SELECT c.id, c.priority, c.waiting_since, c.returned_by,
	(SELECT o.agent_id FROM conversations o WHERE o.contact_id = c.contact_id AND o.ended_at IS NOT NULL AND o.agent_id IS NOT NULL
		ORDER BY o.ended_at DESC LIMIT 1) AS last_agent,
	pg_current_snapshot()::text AS seen
FROM conversations c WHERE c.department_id = $1 AND c.status = 'waiting' ORDER BY c.priority DESC, c.waiting_since, c.id LIMIT $2;

-- name: LockWaiting :many
-- Those picked from the line, locked; who does not wait in it any more is left out.
SELECT sqlc.embed(c), k.name, i.profile_name, i.username, i.type, i.value, k.opted_out_at
FROM conversations c JOIN contacts k ON k.id = c.contact_id JOIN identities i ON i.id = c.identity_id
WHERE c.id = any(@ids::uuid[]) AND (c.status = 'waiting' AND c.department_id = @department_id) IS TRUE -- by id, not along the whole line
ORDER BY c.id FOR NO KEY UPDATE OF c;

-- name: OldestWaiting :many
SELECT c.id, c.department_id FROM conversations c WHERE c.status = 'waiting' AND c.department_id = any(@department_ids::uuid[])
ORDER BY c.priority DESC, c.waiting_since, c.id LIMIT 1;

-- name: LineAgents :many
-- The agents of a line as they are, if anybody waits in it and what is known of them is not good any more. Only of those who are there is
-- counted what they hold.
SELECT x.id, x.presence, x.behavior, x.capacity, x.load, x.last_assigned_at, greatest(x.since, x.last_assigned_at, CASE WHEN x.load = 0 AND x.presence = 'online' THEN
	(SELECT s.ended_at FROM assignments s WHERE s.agent_id = x.id AND s.ended_at IS NOT NULL ORDER BY s.ended_at DESC LIMIT 1) END)::timestamptz AS idle_since
FROM (
	SELECT y.*, CASE WHEN y.presence = 'online' THEN (SELECT count(*) FROM conversations c WHERE c.agent_id = y.id AND c.status = 'assigned') ELSE 0 END::int AS load FROM (
		SELECT a.id, a.behavior, a.capacity, a.last_assigned_at, coalesce(p.since, a.created_at) AS since,
			CASE WHEN p.seen_at >= now() - interval '45 seconds' THEN p.presence ELSE 'offline' END AS presence
		FROM agent_departments d JOIN agents a ON a.id = d.agent_id LEFT JOIN agent_presence p ON p.agent_id = a.id
		WHERE d.department_id = @department_id AND @known::timestamptz <= now() - make_interval(secs => @good) AND EXISTS (SELECT 1 FROM conversations w WHERE w.department_id = @department_id AND w.status = 'waiting') AND a.state = 'active'
		OFFSET 0 -- each of these is asked for once
	) y OFFSET 0
) x;

-- name: LockAgents :exec
SELECT id FROM agents WHERE id = any(@ids::uuid[]) ORDER BY id FOR NO KEY UPDATE;

-- name: PickedAgents :many
-- LineAgents of those who were picked, after LockAgents.
SELECT x.id, x.presence, x.behavior, x.capacity, x.load, x.last_assigned_at, greatest(x.since, x.last_assigned_at, CASE WHEN x.load = 0 AND x.presence = 'online' THEN
	(SELECT s.ended_at FROM assignments s WHERE s.agent_id = x.id AND s.ended_at IS NOT NULL ORDER BY s.ended_at DESC LIMIT 1) END)::timestamptz AS idle_since
FROM (
	SELECT y.*, CASE WHEN y.presence = 'online' THEN (SELECT count(*) FROM conversations c WHERE c.agent_id = y.id AND c.status = 'assigned') ELSE 0 END::int AS load FROM (
		SELECT a.id, a.behavior, a.capacity, a.last_assigned_at, coalesce(p.since, a.created_at) AS since,
			CASE WHEN p.seen_at >= now() - interval '45 seconds' THEN p.presence ELSE 'offline' END AS presence
		FROM agent_departments d JOIN agents a ON a.id = d.agent_id LEFT JOIN agent_presence p ON p.agent_id = a.id
		WHERE d.department_id = @department_id AND d.agent_id = any(@ids::uuid[]) AND a.state = 'active'
		OFFSET 0 -- each of these is asked for once
	) y OFFSET 0
) x;

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

-- Presence: what agents chose, and what is true of it. It follows the database's own clock.

-- name: ChoosePresence :exec
-- An agent's own word. They were there to say it, which counts as a beat.
INSERT INTO agent_presence AS p (agent_id, presence, break_reason_id, since, seen_at, settled)
VALUES (@agent_id, @presence, sqlc.narg(break_reason_id), now(), now(), @presence)
ON CONFLICT (agent_id) DO UPDATE SET
	since = CASE WHEN p.settled = excluded.presence AND p.break_reason_id IS NOT DISTINCT FROM excluded.break_reason_id THEN p.since ELSE now() END,
	presence = excluded.presence, break_reason_id = excluded.break_reason_id, settled = excluded.settled,
	seen_at = CASE WHEN excluded.presence = 'offline' THEN p.seen_at ELSE now() END;

-- name: Beat :many
-- These agents have a live socket now. Says who is back from where others think they are. The order keeps two gateways with
-- the same agents from waiting for each other.
INSERT INTO agent_presence AS p (agent_id, seen_at)
SELECT a.id, now() FROM agents a WHERE a.id = any(@agent_ids::uuid[]) ORDER BY a.id
ON CONFLICT (agent_id) DO UPDATE SET seen_at = excluded.seen_at
RETURNING p.agent_id, (p.presence <> p.settled)::boolean AS unsettled;

-- name: SettlePresence :many
-- Who is something else than others were last told: a socket is gone for 45 s, or back. One of several sweepers gets each.
UPDATE agent_presence p SET
	settled = CASE WHEN p.presence <> 'offline' AND p.seen_at > now() - interval '45 seconds' AND p.agent_id IN (SELECT a.id FROM agents a WHERE a.state = 'active')
		THEN p.presence ELSE 'offline' END,
	since = CASE WHEN p.presence = 'offline' OR p.seen_at > now() - interval '45 seconds' THEN now() ELSE coalesce(p.seen_at, now()) END
WHERE p.settled <> CASE WHEN p.presence <> 'offline' AND p.seen_at > now() - interval '45 seconds' AND p.agent_id IN (SELECT a.id FROM agents a WHERE a.state = 'active')
		THEN p.presence ELSE 'offline' END
RETURNING p.agent_id;

-- name: AwayTooLong :many
-- Agents who are offline for longer than the department of something in their hands allows.
SELECT DISTINCT p.agent_id FROM agent_presence p
JOIN conversations c ON c.agent_id = p.agent_id AND c.status = 'assigned'
JOIN departments d ON d.id = c.department_id
WHERE p.settled = 'offline' AND d.return_after_s > 0 AND p.since <= now() - make_interval(secs => d.return_after_s);

-- Who changed what.

-- name: InsertAudit :exec
-- The number, the time and the hash are the database's.
INSERT INTO audit (agent_id, key_id, action, object_id, name, details) VALUES ($1, $2, $3, $4, $5, $6);

-- name: AuditBefore :many
SELECT id, at, agent_id, key_id, action, object_id, name, details FROM audit WHERE id < @before ORDER BY id DESC LIMIT @most;

-- name: NewestAudits :many
-- The number of the newest row of each of these actions, 0 where there is none.
SELECT a::text AS action, coalesce((SELECT max(t.id) FROM audit t WHERE t.action = a), 0)::bigint AS newest FROM unnest(@actions::text[]) AS a;

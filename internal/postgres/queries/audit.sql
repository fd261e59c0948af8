-- Who changed what.

-- name: InsertAudit :exec
-- The number, the time and the hash are the database's.
INSERT INTO audit (agent_id, key_id, action, object_id, name, details) VALUES ($1, $2, $3, $4, $5, $6);

-- name: AuditBefore :many
SELECT id, at, agent_id, key_id, action, object_id, name, details FROM audit WHERE id < @before ORDER BY id DESC LIMIT @most;

-- Channel accounts with their keys and sealed secrets.

-- name: Accounts :many
SELECT sqlc.embed(a), (
	SELECT coalesce(jsonb_agg(jsonb_build_object('kind', k.kind, 'type', k.type, 'value', k.value) ORDER BY k.main DESC, k.value), '[]')
	FROM account_keys k WHERE k.account_id = a.id
)::jsonb AS keys
FROM channel_accounts a ORDER BY a.created_at, a.id;

-- name: LockAccount :one
SELECT sqlc.embed(a), (
	SELECT coalesce(jsonb_agg(jsonb_build_object('kind', k.kind, 'type', k.type, 'value', k.value) ORDER BY k.main DESC, k.value), '[]')
	FROM account_keys k WHERE k.account_id = a.id
)::jsonb AS keys
FROM channel_accounts a WHERE a.id = $1 FOR NO KEY UPDATE OF a;

-- name: InsertAccount :one
INSERT INTO channel_accounts (id, kind, name, address, state, state_reason, department_id, language, settings, secrets)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING created_at;

-- name: UpdateAccount :exec
UPDATE channel_accounts SET name = @name, address = @address, state = @state, state_reason = @state_reason, department_id = @department_id,
	language = @language, settings = @settings, secrets = @secrets WHERE id = @id;

-- name: DropAccountKeys :exec
DELETE FROM account_keys WHERE account_id = $1;

-- name: InsertAccountKeys :exec
INSERT INTO account_keys (value, type, kind, account_id, main)
SELECT unnest(@values::text[]), unnest(@types::text[]), unnest(@kinds::text[]), @account_id::uuid, unnest(@mains::boolean[]);

-- name: InsertLane :exec
INSERT INTO lanes (account_id) VALUES ($1);

-- name: InsertSendLane :exec
INSERT INTO send_lanes (account_id) VALUES ($1);

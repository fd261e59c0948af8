-- How people and programs get in: sessions, the first admin's link, API keys. By the database's own clock.

-- name: AgentByEmail :many
SELECT sqlc.embed(a) FROM agents a WHERE lower(a.email) = lower(@email);

-- name: AgentByID :many
SELECT sqlc.embed(a) FROM agents a WHERE a.id = $1;

-- name: Rehash :exec
-- The same password under stronger settings, unless it was changed meanwhile.
UPDATE agents SET password_hash = @to_hash WHERE id = @id AND password_hash = @from_hash;

-- name: StartSession :execrows
-- Nobody gets a session who was disabled, or whose password was changed, after it was verified: FOR SHARE waits for them.
INSERT INTO sessions (token_hash, agent_id, expires_at, user_agent, ip)
SELECT @token_hash, a.id, now() + make_interval(secs => @life_s::float8), @user_agent, @ip
FROM (SELECT g.id FROM agents g WHERE g.id = @agent_id AND g.state = 'active' AND g.password_hash = @password_hash FOR SHARE) AS a;

-- name: SessionByHash :many
SELECT sqlc.embed(a), s.created_at, s.expires_at, (s.used_at < now() - interval '1 minute')::boolean AS stale,
	(SELECT coalesce(array_agg(x.department_id), '{}') FROM agent_departments x WHERE x.agent_id = a.id)::uuid[] AS departments
FROM sessions s JOIN agents a ON a.id = s.agent_id
WHERE s.token_hash = @token_hash AND s.expires_at > now() AND s.used_at > now() - make_interval(secs => @idle_s::float8) AND a.state = 'active';

-- name: TouchSession :exec
UPDATE sessions SET used_at = now() WHERE token_hash = $1;

-- name: EndSession :many
DELETE FROM sessions WHERE token_hash = $1 RETURNING agent_id;

-- name: EndSessionsOf :exec
DELETE FROM sessions WHERE agent_id = @agent_id AND token_hash <> @keep;

-- name: SessionsOf :many
SELECT id, token_hash, created_at, used_at, expires_at, user_agent, ip FROM sessions
WHERE agent_id = @agent_id AND expires_at > now() AND used_at > now() - make_interval(secs => @idle_s::float8)
ORDER BY used_at DESC, id;

-- name: EndOwnSession :execrows
DELETE FROM sessions WHERE id = @id AND agent_id = @agent_id;

-- name: TOTPOf :many
SELECT sqlc.embed(t) FROM agent_totp t WHERE t.agent_id = $1;

-- name: BeginTOTP :execrows
-- A second factor that is in use is not replaced by one that nobody has confirmed.
INSERT INTO agent_totp (agent_id, sealed) VALUES (@agent_id, @sealed)
ON CONFLICT (agent_id) DO UPDATE SET sealed = excluded.sealed, step = 0 WHERE agent_totp.confirmed_at IS NULL;

-- name: ConfirmTOTP :execrows
UPDATE agent_totp SET confirmed_at = now(), step = @step, recovery = @recovery
WHERE agent_id = @agent_id AND sealed = @sealed AND confirmed_at IS NULL;

-- name: UseTOTPStep :execrows
UPDATE agent_totp SET step = @step WHERE agent_id = @agent_id AND confirmed_at IS NOT NULL AND step < @step;

-- name: UseRecoveryCode :execrows
UPDATE agent_totp SET recovery = array_remove(recovery, @hash::bytea)
WHERE agent_id = @agent_id AND confirmed_at IS NOT NULL AND @hash::bytea = any(recovery);

-- name: EndTOTP :execrows
DELETE FROM agent_totp WHERE agent_id = $1;

-- name: TOTPHolders :many
-- Who is asked for a code.
SELECT agent_id FROM agent_totp WHERE confirmed_at IS NOT NULL;

-- name: SealedTOTPs :many
SELECT agent_id, sealed FROM agent_totp ORDER BY agent_id;

-- name: ResealTOTP :exec
UPDATE agent_totp SET sealed = @to_sealed WHERE agent_id = @agent_id AND sealed = @from_sealed;

-- name: EndOverSessions :many
-- Sessions that are over, with whose they were. Who has none left is offline.
WITH gone AS (
	DELETE FROM sessions WHERE token_hash IN (
		SELECT s.token_hash FROM sessions s
		WHERE s.expires_at <= now() OR s.used_at <= now() - make_interval(secs => @idle_s::float8) FOR UPDATE SKIP LOCKED
	)
	RETURNING agent_id
), away AS (
	UPDATE agent_presence p SET presence = 'offline', break_reason_id = NULL
	WHERE p.agent_id IN (SELECT g.agent_id FROM gone g) AND NOT EXISTS (
		SELECT 1 FROM sessions s
		WHERE s.agent_id = p.agent_id AND s.expires_at > now() AND s.used_at > now() - make_interval(secs => @idle_s::float8)
	)
)
SELECT DISTINCT agent_id FROM gone;

-- name: HasAdmin :one
SELECT EXISTS (SELECT 1 FROM agents WHERE role = 'admin' AND state = 'active');

-- name: ForgetSetupLinks :exec
DELETE FROM setup_links WHERE expires_at <= now();

-- name: InsertSetupLink :exec
INSERT INTO setup_links (token_hash, expires_at) VALUES (@token_hash, now() + make_interval(secs => @life_s::float8));

-- name: OpenSetupLink :one
SELECT EXISTS (SELECT 1 FROM setup_links WHERE token_hash = $1 AND agent_id IS NULL AND used_at IS NULL AND expires_at > now());

-- name: LockSetupLinks :many
-- All of them: two links must not make two first admins.
SELECT token_hash FROM setup_links WHERE agent_id IS NULL ORDER BY token_hash FOR UPDATE;

-- name: UseSetupLink :execrows
UPDATE setup_links SET used_at = now() WHERE token_hash = $1 AND agent_id IS NULL AND used_at IS NULL AND expires_at > now();

-- name: APIKeys :many
SELECT sqlc.embed(k), (SELECT coalesce(array_agg(x.department_id), '{}') FROM api_key_departments x WHERE x.api_key_id = k.id)::uuid[] AS departments
FROM api_keys k WHERE k.revoked_at IS NULL ORDER BY k.created_at, k.id;

-- name: InsertAPIKey :one
INSERT INTO api_keys (id, name, hash, prefix, role, scopes) VALUES ($1, $2, $3, $4, $5, $6) RETURNING created_at;

-- name: InsertAPIKeyDepartments :exec
INSERT INTO api_key_departments (api_key_id, department_id) SELECT @api_key_id::uuid, d FROM unnest(@departments::uuid[]) AS d ON CONFLICT DO NOTHING;

-- name: RevokeAPIKey :many
UPDATE api_keys SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL RETURNING name;

-- name: APIKeyByHash :many
SELECT sqlc.embed(k), (k.used_at IS NULL OR k.used_at < now() - interval '1 minute')::boolean AS stale,
	(SELECT coalesce(array_agg(x.department_id), '{}') FROM api_key_departments x WHERE x.api_key_id = k.id)::uuid[] AS departments
FROM api_keys k WHERE k.hash = $1 AND k.revoked_at IS NULL;

-- name: TouchAPIKey :exec
UPDATE api_keys SET used_at = now() WHERE id = $1;

-- The record. Every table says what a row is; every index says which question it answers.
-- Rules (DATABASE.md): the selective column comes first in every unique index, so that an empty database cannot plan
-- wrongly; what is due is found by a small table or a partial index; nobody locks a row that foreign keys of others need
-- (lanes, send_lanes, department_lines are locked instead of the things they stand for).
-- One order of locks for everybody: lane -> department line -> agent -> conversations by id -> the rest.

-- +goose Up

-- The installation's own values: keys that it made for itself, sealed.
CREATE TABLE settings (
	key   text PRIMARY KEY,
	value bytea NOT NULL
);

-- People who answer ---------------------------------------------------------------------------------------------------

CREATE TABLE departments (
	id              uuid PRIMARY KEY,
	name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
	description     text NOT NULL DEFAULT '',
	color           smallint NOT NULL DEFAULT 0 CHECK (color BETWEEN 0 AND 7),
	policy          text NOT NULL DEFAULT 'least_busy' CHECK (policy IN ('round_robin', 'least_busy', 'longest_idle', 'random')),
	sticky          boolean NOT NULL DEFAULT true,
	return_on_break boolean NOT NULL DEFAULT false,
	return_after_s  integer NOT NULL DEFAULT 0 CHECK (return_after_s >= 0), -- seconds offline until work returns; 0 = never
	created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX departments_name ON departments (lower(name));

-- A department's line, locked while conversations are given out.
CREATE TABLE department_lines (
	department_id uuid PRIMARY KEY REFERENCES departments ON DELETE CASCADE,
	routed_at     timestamptz
) WITH (fillfactor = 20);

CREATE TABLE agents (
	id               uuid PRIMARY KEY,
	name             text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
	email            text NOT NULL CHECK (length(email) BETWEEN 3 AND 254),
	role             text NOT NULL CHECK (role IN ('admin', 'manager', 'agent')),
	state            text NOT NULL DEFAULT 'active' CHECK (state IN ('invited', 'active', 'disabled')),
	behavior         text NOT NULL DEFAULT 'normal' CHECK (behavior IN ('normal', 'assigned_only', 'normal_and_assigned')),
	capacity         integer NOT NULL DEFAULT 15 CHECK (capacity BETWEEN 0 AND 500),
	languages        text[] NOT NULL DEFAULT '{}',
	password_hash    text NOT NULL DEFAULT '', -- argon2id; empty = cannot sign in by password
	must_change      boolean NOT NULL DEFAULT false,
	prefs            jsonb NOT NULL DEFAULT '{}', -- theme, language, sorts, shortcuts: the agent's own
	last_assigned_at timestamptz,
	created_at       timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX agents_email ON agents (lower(email));

CREATE TABLE agent_departments (
	agent_id      uuid NOT NULL REFERENCES agents ON DELETE CASCADE,
	department_id uuid NOT NULL REFERENCES departments ON DELETE CASCADE,
	PRIMARY KEY (agent_id, department_id)
);
CREATE INDEX agent_departments_department ON agent_departments (department_id);

CREATE TABLE break_reasons (
	id       uuid PRIMARY KEY,
	label    text NOT NULL CHECK (length(label) BETWEEN 1 AND 60),
	position integer NOT NULL DEFAULT 0,
	disabled boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX break_reasons_label ON break_reasons (lower(label));

-- Kept apart from agents so that a heartbeat never waits for a routing transaction.
CREATE TABLE agent_presence (
	agent_id        uuid PRIMARY KEY REFERENCES agents ON DELETE CASCADE,
	presence        text NOT NULL DEFAULT 'offline' CHECK (presence IN ('online', 'break', 'offline')), -- as chosen
	break_reason_id uuid REFERENCES break_reasons,
	since           timestamptz NOT NULL DEFAULT now(),
	seen_at         timestamptz,                    -- last beat of a live socket
	settled         text NOT NULL DEFAULT 'offline' -- presence that others were last told of; since is its beginning
) WITH (fillfactor = 50);

CREATE TABLE sessions (
	token_hash bytea PRIMARY KEY, -- SHA-256 of the cookie
	id         uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(), -- by which its owner names it
	agent_id   uuid NOT NULL REFERENCES agents ON DELETE CASCADE,
	created_at timestamptz NOT NULL DEFAULT now(),
	used_at    timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz NOT NULL,
	user_agent text NOT NULL DEFAULT '',
	ip         text NOT NULL DEFAULT ''
);
CREATE INDEX sessions_agent ON sessions (agent_id);

-- A person's second factor.
CREATE TABLE agent_totp (
	agent_id     uuid PRIMARY KEY REFERENCES agents ON DELETE CASCADE,
	sealed       bytea NOT NULL,               -- the secret that the phone shares
	confirmed_at timestamptz,                  -- null: begun, not asked for yet
	step         bigint NOT NULL DEFAULT 0,    -- of the last code that was taken: it is good once, and none before it is
	recovery     bytea[] NOT NULL DEFAULT '{}' -- hashes of the codes for the day the phone is lost
);

CREATE TABLE setup_links ( -- one-time: the first admin's link, later invitations
	token_hash bytea PRIMARY KEY,
	agent_id   uuid REFERENCES agents ON DELETE CASCADE, -- null: makes the first admin
	expires_at timestamptz NOT NULL,
	used_at    timestamptz
);

CREATE TABLE api_keys (
	id         uuid PRIMARY KEY,
	name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
	hash       bytea NOT NULL UNIQUE,
	prefix     text NOT NULL, -- the first characters, to recognise it by
	role       text NOT NULL CHECK (role IN ('admin', 'manager', 'agent')),
	scopes     text[] NOT NULL DEFAULT '{}',
	created_at timestamptz NOT NULL DEFAULT now(),
	used_at    timestamptz,
	revoked_at timestamptz
);

-- What a key of role manager or agent sees.
CREATE TABLE api_key_departments (
	api_key_id    uuid NOT NULL REFERENCES api_keys ON DELETE CASCADE,
	department_id uuid NOT NULL REFERENCES departments ON DELETE CASCADE,
	PRIMARY KEY (api_key_id, department_id)
);
CREATE INDEX api_key_departments_department ON api_key_departments (department_id);

CREATE TABLE end_reasons (
	id       uuid PRIMARY KEY,
	label    text NOT NULL CHECK (length(label) BETWEEN 1 AND 60),
	position integer NOT NULL DEFAULT 0,
	disabled boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX end_reasons_label ON end_reasons (lower(label));

CREATE TABLE canned_replies (
	id         uuid PRIMARY KEY,
	shortcut   text NOT NULL CHECK (length(shortcut) BETWEEN 1 AND 32),
	title      text NOT NULL DEFAULT '',
	text       text NOT NULL CHECK (length(text) BETWEEN 1 AND 4096),
	agent_id   uuid REFERENCES agents ON DELETE CASCADE, -- null = shared
	created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX canned_replies_shortcut ON canned_replies (shortcut, agent_id) NULLS NOT DISTINCT;

-- Channels ------------------------------------------------------------------------------------------------------------

CREATE TABLE channel_accounts (
	id                      uuid PRIMARY KEY,
	kind                    text NOT NULL,
	name                    text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
	address                 text NOT NULL DEFAULT '',
	state                   text NOT NULL DEFAULT 'connected' CHECK (state IN ('connected', 'degraded', 'disabled', 'disconnected')),
	state_reason            text NOT NULL DEFAULT '',
	department_id           uuid NOT NULL REFERENCES departments,
	language                text NOT NULL DEFAULT 'en',
	settings                jsonb NOT NULL DEFAULT '{}', -- plain settings by name
	secrets                 bytea NOT NULL DEFAULT '',   -- sealed JSON of the secret ones; AAD = this row
	per_second              integer NOT NULL DEFAULT 0,  -- throughput told by the provider; 0 = the driver's default
	templates_blocked_until timestamptz,
	templates_synced_at     timestamptz,
	created_at              timestamptz NOT NULL DEFAULT now()
);

-- The names under which providers address an account.
CREATE TABLE account_keys (
	value      text NOT NULL,
	type       text NOT NULL,
	kind       text NOT NULL,
	account_id uuid NOT NULL REFERENCES channel_accounts ON DELETE CASCADE,
	main       boolean NOT NULL DEFAULT false, -- unique; others (a business account's id) may be shared
	PRIMARY KEY (value, type, kind, account_id)
);
CREATE UNIQUE INDEX account_keys_main ON account_keys (value, type, kind) WHERE main;

CREATE TABLE templates (
	id            uuid PRIMARY KEY,
	account_id    uuid NOT NULL REFERENCES channel_accounts ON DELETE CASCADE,
	provider_id   text NOT NULL,
	name          text NOT NULL,
	language      text NOT NULL,
	status        text NOT NULL,
	category      text NOT NULL,
	definition    jsonb NOT NULL, -- templates.Template
	gone_at       timestamptz,    -- not listed by the provider any more
	updated_at    timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX templates_name ON templates (name, language, account_id);
CREATE INDEX templates_account ON templates (account_id);

-- Contacts ------------------------------------------------------------------------------------------------------------

CREATE TABLE contacts (
	id           uuid PRIMARY KEY,
	name         text NOT NULL DEFAULT '', -- as an agent wrote it
	language     text NOT NULL DEFAULT '',
	opted_out_at timestamptz, -- null: may be messaged
	wished_at    timestamptz, -- when they last said the one or the other
	created_at   timestamptz NOT NULL DEFAULT now(),
	updated_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE identities (
	id           uuid PRIMARY KEY,
	contact_id   uuid NOT NULL REFERENCES contacts,
	thread_id    uuid NOT NULL, -- itself, or the identity that conversations of this person on this channel hang on
	kind         text NOT NULL,
	scope        text NOT NULL DEFAULT '',
	type         text NOT NULL,
	value        text NOT NULL,
	profile_name text NOT NULL DEFAULT '',
	username     text NOT NULL DEFAULT '',
	created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX identities_address ON identities (value, type, kind, scope);
CREATE INDEX identities_contact ON identities (contact_id);
CREATE INDEX identities_thread ON identities (thread_id);

-- +goose StatementBegin
-- Search by a part of a name or number. pg_trgm comes with Postgres and any owner of a database may create it; where its files are
-- not installed, search reads everybody.
DO $$
BEGIN
	IF EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm') THEN
		CREATE EXTENSION IF NOT EXISTS pg_trgm;
		CREATE INDEX contacts_search ON contacts USING gin (name gin_trgm_ops);
		CREATE INDEX identities_search ON identities USING gin (profile_name gin_trgm_ops, username gin_trgm_ops, value gin_trgm_ops);
	END IF;
END $$;
-- +goose StatementEnd

-- Conversations -------------------------------------------------------------------------------------------------------

CREATE TABLE conversations (
	id               uuid PRIMARY KEY,
	account_id       uuid NOT NULL REFERENCES channel_accounts,
	identity_id      uuid NOT NULL REFERENCES identities,
	contact_id       uuid NOT NULL REFERENCES contacts,
	department_id    uuid NOT NULL REFERENCES departments,
	agent_id         uuid REFERENCES agents,
	status           text NOT NULL CHECK (status IN ('waiting', 'assigned', 'pending', 'closed')),
	controller       text NOT NULL CHECK (controller IN ('bot', 'queue', 'agent', 'none')),
	priority         integer NOT NULL DEFAULT 0,
	window_opened_at timestamptz,
	window_shut_at   timestamptz,
	free_entry_until timestamptz,
	last_seq         bigint NOT NULL DEFAULT 0,
	read_seq         bigint NOT NULL DEFAULT 0,
	unread_count     integer NOT NULL DEFAULT 0,
	last_message_at  timestamptz NOT NULL,
	last_inbound_at  timestamptz,
	preview          jsonb NOT NULL DEFAULT '{}',
	waiting_since    timestamptz,
	returned_by      uuid,
	assigned_at      timestamptz,
	pair_ready_at    timestamptz, -- pair limit of ours: when the next message may go
	pair_blocked_until timestamptz, -- the provider limits this pair
	created_at       timestamptz NOT NULL,
	ended_at         timestamptz,
	ended_by         uuid REFERENCES agents,
	end_reason_id    uuid REFERENCES end_reasons,
	end_note         text NOT NULL DEFAULT '',
	CHECK ((status = 'waiting') = (waiting_since IS NOT NULL)),
	CHECK ((status IN ('assigned', 'pending')) <= (agent_id IS NOT NULL)),
	CHECK ((status = 'closed') = (ended_at IS NOT NULL))
) WITH (fillfactor = 80);
-- at most one open conversation of a pair, and all that is open, for who asks for it in these words. Who asks for an agent's or a line's does not:
-- by a plan that was made while next to nothing was open it would walk all of it
CREATE UNIQUE INDEX conversations_open ON conversations (identity_id, account_id) WHERE (status <> 'closed') IS TRUE;
CREATE INDEX conversations_identity ON conversations (identity_id);
CREATE INDEX conversations_contact ON conversations (contact_id, ended_at DESC); -- who had them last
-- the line, in order
CREATE INDEX conversations_line ON conversations (department_id, priority DESC, waiting_since, id) WHERE status = 'waiting';
-- an agent's load, and Mine
CREATE INDEX conversations_mine ON conversations (agent_id, last_message_at DESC, id DESC) WHERE status IN ('assigned', 'pending');
-- the other lists
CREATE INDEX conversations_all ON conversations (last_message_at DESC, id DESC);
CREATE INDEX conversations_queue ON conversations (department_id, last_message_at DESC, id DESC) WHERE status = 'waiting';
CREATE INDEX conversations_department ON conversations (department_id, last_message_at DESC, id DESC);
-- those of an account or a channel; not the account first, by which lanes look for identities' conversations
CREATE INDEX conversations_department_account ON conversations (department_id, account_id, last_message_at DESC, id DESC);
CREATE INDEX conversations_history ON conversations (agent_id, last_message_at DESC, id DESC) WHERE status = 'closed';

-- Who held a conversation when. At most one row of a conversation is open.
CREATE TABLE assignments (
	id              uuid PRIMARY KEY,
	conversation_id uuid NOT NULL REFERENCES conversations,
	agent_id        uuid NOT NULL REFERENCES agents,
	how             text NOT NULL CHECK (how IN ('automatic', 'pulled', 'taken', 'assigned', 'reopened')),
	department_id   uuid NOT NULL,
	waiting_since   timestamptz,
	started_at      timestamptz NOT NULL,
	ended_at        timestamptz,
	load_after      integer NOT NULL,
	capacity        integer NOT NULL,
	seen            pg_snapshot -- of an automatic one: what the router saw of the line
);
CREATE UNIQUE INDEX assignments_open ON assignments (conversation_id) WHERE ended_at IS NULL;
CREATE INDEX assignments_conversation ON assignments (conversation_id, started_at);
CREATE INDEX assignments_freed ON assignments (agent_id, ended_at DESC) WHERE ended_at IS NOT NULL; -- how long somebody has been idle

-- Messages ------------------------------------------------------------------------------------------------------------

CREATE TABLE messages (
	id              uuid NOT NULL,
	conversation_id uuid NOT NULL REFERENCES conversations,
	account_id      uuid NOT NULL,
	seq             bigint NOT NULL,
	direction       text NOT NULL CHECK (direction IN ('in', 'out', 'note')),
	kind            text NOT NULL,
	text            text NOT NULL DEFAULT '',
	content         jsonb, -- chat.Content without media; null when there is nothing beyond the text
	status          text NOT NULL CHECK (status IN ('received', 'pending', 'sending', 'sent', 'delivered', 'read', 'played', 'failed', 'unknown')),
	error           jsonb,
	agent_id        uuid,
	source          text NOT NULL,
	external_id     text NOT NULL DEFAULT '',
	reply_to        uuid,
	reply_external  text NOT NULL DEFAULT '',
	provider_at     timestamptz,
	created_at      timestamptz NOT NULL,
	late            boolean NOT NULL DEFAULT false,
	edited_at       timestamptz,
	deleted_at      timestamptz,
	bulk            boolean NOT NULL DEFAULT false, -- goes after agents' messages
	automated       boolean NOT NULL DEFAULT false, -- not typed by a person: may not use the human agent tag
	attempt         integer NOT NULL DEFAULT 0,
	fence           bigint NOT NULL DEFAULT 0,
	due_at          timestamptz, -- when a pending one may be claimed, or a claimed one is given up as unknown
	PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE INDEX messages_conversation ON messages (conversation_id, seq);
-- what is due to be sent, and what is in flight
CREATE INDEX messages_outbound ON messages (conversation_id, seq) WHERE status IN ('pending', 'sending');
-- what a "read up to here" may move
CREATE INDEX messages_unread ON messages (conversation_id, seq) WHERE direction = 'out' AND status IN ('sending', 'sent', 'delivered', 'unknown');
CREATE INDEX messages_due ON messages (account_id, due_at) WHERE status IN ('pending', 'sending');

CREATE SEQUENCE send_fence;

-- Every provider id that we have seen or been given, with the message that it names. Outlives message partitions.
CREATE TABLE provider_ids (
	provider_id     text NOT NULL,
	account_id      uuid NOT NULL,
	message_id      uuid NOT NULL,
	created_at      timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (provider_id, account_id)
) PARTITION BY HASH (provider_id, account_id);
CREATE TABLE provider_ids_0 PARTITION OF provider_ids FOR VALUES WITH (MODULUS 8, REMAINDER 0);
CREATE TABLE provider_ids_1 PARTITION OF provider_ids FOR VALUES WITH (MODULUS 8, REMAINDER 1);
CREATE TABLE provider_ids_2 PARTITION OF provider_ids FOR VALUES WITH (MODULUS 8, REMAINDER 2);
CREATE TABLE provider_ids_3 PARTITION OF provider_ids FOR VALUES WITH (MODULUS 8, REMAINDER 3);
CREATE TABLE provider_ids_4 PARTITION OF provider_ids FOR VALUES WITH (MODULUS 8, REMAINDER 4);
CREATE TABLE provider_ids_5 PARTITION OF provider_ids FOR VALUES WITH (MODULUS 8, REMAINDER 5);
CREATE TABLE provider_ids_6 PARTITION OF provider_ids FOR VALUES WITH (MODULUS 8, REMAINDER 6);
CREATE TABLE provider_ids_7 PARTITION OF provider_ids FOR VALUES WITH (MODULUS 8, REMAINDER 7);
-- the oldest, to be forgotten; entries are only ever added at its right end
CREATE INDEX provider_ids_age ON provider_ids (created_at);

-- A conversation's numbered events; xid lets a reconnecting reader ask for what committed after its snapshot.
CREATE TABLE conversation_events (
	conversation_id uuid NOT NULL REFERENCES conversations,
	seq             bigint NOT NULL,
	kind            text NOT NULL,
	at              timestamptz NOT NULL,
	actor           uuid,
	message_id      uuid,
	data            jsonb,
	xid             xid8 NOT NULL DEFAULT pg_current_xact_id(),
	written_at      timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (conversation_id, seq)
);
CREATE INDEX conversation_events_xid ON conversation_events (xid);

CREATE TABLE reactions (
	message_id uuid NOT NULL,
	direction  text NOT NULL CHECK (direction IN ('in', 'out')),
	emoji      text NOT NULL,
	at         timestamptz NOT NULL,
	PRIMARY KEY (message_id, direction)
);

-- Statuses, reactions, edits and deletions that came before the message they are about.
CREATE TABLE parked_updates (
	id          uuid PRIMARY KEY,
	provider_id text NOT NULL,
	account_id  uuid NOT NULL,
	inbound     jsonb NOT NULL, -- chat.Inbound
	received_at timestamptz NOT NULL,
	expires_at  timestamptz NOT NULL
);
CREATE INDEX parked_updates_provider ON parked_updates (provider_id, account_id);
CREATE INDEX parked_updates_expiry ON parked_updates (expires_at);

CREATE TABLE attachments (
	id              uuid PRIMARY KEY, -- also the blob's name in the media store
	message_id      uuid,             -- null: uploaded and not sent yet
	conversation_id uuid REFERENCES conversations,
	account_id      uuid,
	position        smallint NOT NULL DEFAULT 0,
	state           text NOT NULL CHECK (state IN ('pending', 'ready', 'failed', 'expired', 'remote')),
	ref             jsonb, -- chat.MediaRef: how to fetch it
	type            text NOT NULL DEFAULT '',
	name            text NOT NULL DEFAULT '',
	size            bigint NOT NULL DEFAULT 0,
	width           integer NOT NULL DEFAULT 0,
	height          integer NOT NULL DEFAULT 0,
	duration_ms     bigint NOT NULL DEFAULT 0,
	voice           boolean NOT NULL DEFAULT false,
	animated        boolean NOT NULL DEFAULT false,
	thumb           boolean NOT NULL DEFAULT false,
	error           text NOT NULL DEFAULT '',
	uploaded_by     uuid, -- the agent or visitor who may attach it to a message
	provider_id     text NOT NULL DEFAULT '', -- the provider's id of our upload
	provider_until  timestamptz,              -- and how long it holds
	attempts        integer NOT NULL DEFAULT 0,
	due_at          timestamptz,
	created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX attachments_message ON attachments (message_id);
CREATE INDEX attachments_due ON attachments (due_at) WHERE state = 'pending';
CREATE INDEX attachments_orphans ON attachments (created_at) WHERE message_id IS NULL;

CREATE TABLE drafts (
	agent_id        uuid NOT NULL REFERENCES agents ON DELETE CASCADE,
	conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
	tab             text NOT NULL CHECK (tab IN ('reply', 'note')),
	body            jsonb NOT NULL,
	updated_at      timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (agent_id, conversation_id, tab)
);

-- What a request with this key answered. Kept 24 hours.
CREATE TABLE idempotency_keys (
	key        text NOT NULL,
	principal  uuid NOT NULL,
	body_hash  bytea NOT NULL,
	message_id uuid NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (key, principal)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

CREATE TABLE visitors ( -- web chat
	id         uuid PRIMARY KEY,
	account_id uuid NOT NULL REFERENCES channel_accounts ON DELETE CASCADE,
	token_hash bytea NOT NULL UNIQUE,
	created_at timestamptz NOT NULL DEFAULT now(),
	seen_at    timestamptz NOT NULL DEFAULT now()
);

-- The door --------------------------------------------------------------------------------------------------------------

CREATE TABLE inbound_events (
	id          uuid NOT NULL,
	account_id  uuid NOT NULL,
	received_at timestamptz NOT NULL,
	body        bytea NOT NULL,
	PRIMARY KEY (id, received_at)
) PARTITION BY RANGE (received_at);

-- What a lane has still to do. DELETEd in the transaction that does it. Every look of a lane walks over what was deleted and not
-- vacuumed, 2 ms over 400,000 (docs/performance.md): so it is vacuumed after 5,000, also when a backlog made it look large. The
-- file is not cut off at its end, for that would lock the lanes out of a table that fills again.
-- The order of a lane is the order in which this database took its events, whatever the clocks of the gateways say.
CREATE TABLE inbound_pending (
	account_id  uuid NOT NULL,
	place       bigint GENERATED ALWAYS AS IDENTITY,
	event_id    uuid NOT NULL,
	received_at timestamptz NOT NULL,
	attempts    integer NOT NULL DEFAULT 0,
	error       text NOT NULL DEFAULT '',
	due_at      timestamptz, -- a failed one's next try
	PRIMARY KEY (account_id, place)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, vacuum_truncate = off);

-- Poison: events that could not be applied. `gatehouse replay` puts them back. Each has a copy of what it was, so that the
-- day of raw events that it came with may go (docs/adr/0012).
CREATE TABLE quarantined_events (
	event_id       uuid PRIMARY KEY,
	account_id     uuid NOT NULL,
	received_at    timestamptz NOT NULL,
	attempts       integer NOT NULL,
	error          text NOT NULL,
	body           bytea NOT NULL,
	quarantined_at timestamptz NOT NULL DEFAULT now(),
	over_at        timestamptz -- when it was put back, or dismissed: then nothing is due any more
);
CREATE INDEX quarantined_events_age ON quarantined_events (quarantined_at);
CREATE INDEX quarantined_events_received ON quarantined_events (received_at); -- how far back provider ids are needed

-- Signed events of accounts that we do not know. `gatehouse replay` hands them to the account once there is one.
CREATE TABLE unrouted_events (
	id          uuid PRIMARY KEY,
	kind        text NOT NULL,
	key_type    text NOT NULL,
	key_value   text NOT NULL,
	received_at timestamptz NOT NULL DEFAULT now(),
	body        bytea NOT NULL
);
CREATE INDEX unrouted_events_age ON unrouted_events (received_at);

-- An account's inbound lane, and its sending lane with the state of its rate limit.
CREATE TABLE lanes (
	account_id uuid PRIMARY KEY REFERENCES channel_accounts ON DELETE CASCADE,
	drained_at timestamptz
) WITH (fillfactor = 20);

CREATE TABLE send_lanes (
	account_id   uuid PRIMARY KEY REFERENCES channel_accounts ON DELETE CASCADE,
	tat          timestamptz, -- GCRA of the account's rate
	paused_until timestamptz, -- the provider limits this account
	pauses       integer NOT NULL DEFAULT 0 -- in a row, for the backoff
) WITH (fillfactor = 20);

-- +goose StatementBegin
-- ensure_partition makes a partition if it is not there and tells how many were new. It is made beside its parent and then
-- attached, for CREATE TABLE ... PARTITION OF would lock out everybody who uses the parent.
CREATE FUNCTION ensure_partition(parent text, part text, low date, high date) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
	IF to_regclass(part) IS NOT NULL THEN
		RETURN 0;
	END IF;
	EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', part, parent);
	EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, part, low || ' 00:00:00+00', high || ' 00:00:00+00');
	RETURN 1;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION ensure_events_of(day date) RETURNS integer LANGUAGE sql AS $$
	SELECT ensure_partition('inbound_events', 'inbound_events_' || to_char(day, 'YYYYMMDD'), day, day + 1)
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- ensure_partitions makes the partitions that the next days and months need and tells how many were new.
CREATE FUNCTION ensure_partitions(at timestamptz) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	made integer := 0;
	mon  date;
BEGIN
	FOR i IN -1..8 LOOP
		made := made + ensure_events_of((at AT TIME ZONE 'UTC')::date + i);
	END LOOP;
	FOR i IN -1..2 LOOP
		mon := (date_trunc('month', at AT TIME ZONE 'UTC') + make_interval(months => i))::date;
		made := made + ensure_partition('messages', 'messages_' || to_char(mon, 'YYYYMM'), mon, (mon + interval '1 month')::date);
	END LOOP;
	RETURN made;
END $$;
-- +goose StatementEnd

SELECT ensure_partitions(now());

-- Audit ---------------------------------------------------------------------------------------------------------------

-- Who changed what of the desk: one row for each privileged change, in its transaction. Rows are only ever added, and each
-- holds the hash of the one before: whoever changes the past changes all that follows.
CREATE TABLE audit (
	id        bigint PRIMARY KEY, -- without a gap
	at        timestamptz NOT NULL,
	agent_id  uuid, -- who, by session or by key; neither: the operator at the machine. They outlive those whom they name
	key_id    uuid,
	action    text NOT NULL CHECK (action ~ '^[a-z_]+[.][a-z_]+$'),
	object_id uuid,
	name      text NOT NULL DEFAULT '', -- of the object, as it was then
	details   jsonb NOT NULL DEFAULT '{}', -- what changed; no secret and no text of a message
	hash      bytea NOT NULL
);
CREATE INDEX audit_action ON audit (action, id); -- the newest of each: whether a list is still what a reader has

-- +goose StatementBegin
CREATE FUNCTION audit_hash(before bytea, r audit) RETURNS bytea LANGUAGE sql STABLE AS $$
	SELECT sha256(before || convert_to(jsonb_build_array(
		r.id, extract(epoch FROM r.at)::text, r.agent_id, r.key_id, r.action, r.object_id, r.name, r.details)::text, 'UTF8'))
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION audit_chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	last audit;
BEGIN
	PERFORM pg_advisory_xact_lock(hashtext('audit')); -- the last lock of every transaction that takes it
	SELECT * INTO last FROM audit ORDER BY id DESC LIMIT 1;
	NEW.id := coalesce(last.id, 0) + 1;
	NEW.at := clock_timestamp();
	NEW.hash := audit_hash(coalesce(last.hash, ''::bytea), NEW);
	RETURN NEW;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION audit_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'rows of the audit are only ever added';
END $$;
-- +goose StatementEnd

CREATE TRIGGER audit_chain BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_chain();
CREATE TRIGGER audit_stands BEFORE UPDATE OR DELETE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_stands();

-- Vital signs ---------------------------------------------------------------------------------------------------------

-- One row for each minute in which something happened or somebody looked, kept for a week (docs/adr/0012): what all processes
-- together did in it, each adding its part a few times, and how things stood when a worker asked the record. What stands where
-- in the lists says internal/vitals.
CREATE TABLE vital_minutes (
	minute         timestamptz PRIMARY KEY,
	accept         bigint[] NOT NULL DEFAULT '{}', -- webhooks, by how long their answer took
	ingest         bigint[] NOT NULL DEFAULT '{}', -- raw events, by how long until they were applied
	send           bigint[] NOT NULL DEFAULT '{}', -- messages, by how long until they were handed to the provider
	counts         bigint[] NOT NULL DEFAULT '{}',
	sends          bigint[] NOT NULL DEFAULT '{}',
	sampled_at     timestamptz, -- null: nobody asked, and what follows says nothing
	waiting        integer NOT NULL DEFAULT 0,
	longest_s      float8 NOT NULL DEFAULT 0,
	online         integer NOT NULL DEFAULT 0,
	load           integer NOT NULL DEFAULT 0,
	capacity       integer NOT NULL DEFAULT 0,
	sockets        integer NOT NULL DEFAULT 0,
	snapshot_s     float8 NOT NULL DEFAULT 0,
	due            integer[] NOT NULL DEFAULT '{}',
	oldest_s       float8[] NOT NULL DEFAULT '{}',
	queue_behind_s float8, -- null: Redis did not answer
	queue_pending  integer NOT NULL DEFAULT 0,
	queue_archived integer NOT NULL DEFAULT 0
) WITH (fillfactor = 60);

-- What was heard of an account and sent on it in a minute, by all processes. Kept for a week.
CREATE TABLE account_minutes (
	account_id uuid NOT NULL REFERENCES channel_accounts ON DELETE CASCADE,
	minute     timestamptz NOT NULL,
	sends      bigint[] NOT NULL,
	reason     text NOT NULL DEFAULT '', -- the code of the last failure
	PRIMARY KEY (account_id, minute)
) WITH (fillfactor = 60);

-- The processes that run, as each tells of itself a few times a minute. One that ends takes its row away; one that was killed
-- falls silent.
CREATE TABLE nodes (
	node       text PRIMARY KEY, -- chosen anew at each start
	role       text NOT NULL,
	host       text NOT NULL,
	version    text NOT NULL,
	started_at timestamptz NOT NULL,
	seen_at    timestamptz NOT NULL,
	redis      boolean NOT NULL, -- it answered
	postgres_s float8 NOT NULL,  -- how long the record took to answer
	sockets    integer NOT NULL  -- of agents
) WITH (fillfactor = 50);

-- +goose StatementBegin
-- add_counts adds two lists, of which one may be longer, element by element.
CREATE FUNCTION add_counts(a bigint[], b bigint[]) RETURNS bigint[] LANGUAGE sql IMMUTABLE AS $$
	SELECT coalesce(array_agg(coalesce(x, 0) + coalesce(y, 0) ORDER BY n), '{}') FROM unnest(a, b) WITH ORDINALITY AS t(x, y, n)
$$;
-- +goose StatementEnd

-- +goose Down
-- There is no way back from the first migration: it would drop the record.
SELECT 1 / 0;

package postgres_test

import (
	"strconv"
	"testing"

	"gatehouse/internal/postgres"
	"gatehouse/internal/postgres/postgrestest"
)

func TestWhoCameLaterOvertakesOnlyThoseWhoStoodInTheLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		entered int // the transaction in which the one who had come first entered the line
		want    int
	}{
		"in the line and passed over":              {1000, 1},
		"committed after the router had looked":    {1007, 0},
		"begun and not committed when it looked":   {1005, 0},
		"committed just before, begun long before": {1006, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := postgrestest.New(t)
			furnish(t, s)
			// Of two who wrote at 10:00:01 and 10:00:02 the second is given away first, at 10:00:20, by a router to whom 1005 was under way.
			if _, err := s.Pool().Exec(t.Context(), `
				INSERT INTO conversation_events (conversation_id, seq, kind, at, data, xid) VALUES
					(u(8), 1, 'queued', at('10:00:01'), '{"why": "new"}', '`+strconv.Itoa(c.entered)+`'), (u(8), 2, 'assigned', at('10:00:40'), '{}', '1020'),
					(u(9), 1, 'queued', at('10:00:02'), '{"why": "new"}', '1002'), (u(9), 2, 'assigned', at('10:00:20'), '{}', '1010');
				INSERT INTO assignments (id, conversation_id, agent_id, how, department_id, waiting_since, started_at, load_after, capacity, seen) VALUES
					(u(10), u(8), u(2), 'automatic', u(1), at('10:00:01'), at('10:00:40'), 2, 5, '1015:1020:'),
					(u(11), u(9), u(2), 'automatic', u(1), at('10:00:02'), at('10:00:20'), 1, 5, '1005:1007:1005')`); err != nil {
				t.Fatal(err)
			}
			all, err := s.Verify(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range all {
				if b.ID == "I16" && b.Count != c.want {
					t.Errorf("%d breaches of I16, want %d: %v", b.Count, c.want, b.Samples)
				}
			}
		})
	}
}

// furnish makes two conversations, u(8) and u(9), with agent u(2) in department u(1).
func furnish(t *testing.T, s *postgres.Store) {
	t.Helper()
	if _, err := s.Pool().Exec(t.Context(), `
		CREATE FUNCTION u(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT lpad(n::text, 32, '0')::uuid $$;
		CREATE FUNCTION at(t text) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$ SELECT ('2026-03-01 ' || t || '+00')::timestamptz $$;
		INSERT INTO departments (id, name) VALUES (u(1), 'Sales');
		INSERT INTO agents (id, name, email, role) VALUES (u(2), 'Ada', 'ada@example.com', 'agent');
		INSERT INTO channel_accounts (id, kind, name, department_id) VALUES (u(3), 'whatsapp', 'Shop', u(1));
		INSERT INTO contacts (id) VALUES (u(4)), (u(5));
		INSERT INTO identities (id, contact_id, thread_id, kind, type, value) VALUES
			(u(6), u(4), u(6), 'whatsapp', 'phone', '1'), (u(7), u(5), u(7), 'whatsapp', 'phone', '2');
		INSERT INTO conversations (id, account_id, identity_id, contact_id, department_id, agent_id, status, controller, last_message_at, created_at)
			SELECT u(n), u(3), u(n - 2), u(n - 4), u(1), u(2), 'assigned', 'agent', at('10:00:01'), at('10:00:01') FROM generate_series(8, 9) n`); err != nil {
		t.Fatal(err)
	}
}

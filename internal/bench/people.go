package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"gatehouse/internal/auth"
	"gatehouse/internal/bench/agent"
	"gatehouse/internal/chat"
)

// post is what an agent is made for.
type post struct {
	name        string // unique among all that a run makes
	role        chat.Role
	capacity    int
	departments []chat.DepartmentID
}

// mailOf is the address of an agent of ours. Nobody else's ends like it, and mail to it goes nowhere.
func mailOf(name string) string {
	return strings.ToLower(strings.ReplaceAll(name, " ", "-")) + "@bench.invalid"
}

// hire makes agents, ten thousand as easily as one. They have no password: only enter lets them in.
func (t Target) hire(ctx context.Context, posts []post) ([]chat.AgentID, error) {
	ids := make([]chat.AgentID, len(posts))
	var people, presences, places [][]any
	for i, p := range posts {
		ids[i] = chat.NewID[chat.AgentID]()
		people = append(people, []any{ids[i], p.name, mailOf(p.name), string(p.role), p.capacity})
		presences = append(presences, []any{ids[i]})
		for _, d := range p.departments {
			places = append(places, []any{ids[i], d})
		}
	}
	return ids, t.clerk(ctx, func(conn *pgx.Conn) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			return errors.Join(
				copyRows(ctx, tx, "agents", []string{"id", "name", "email", "role", "capacity"}, people),
				copyRows(ctx, tx, "agent_presence", []string{"agent_id"}, presences),
				copyRows(ctx, tx, "agent_departments", []string{"agent_id", "department_id"}, places))
		})
	})
}

func copyRows(ctx context.Context, tx pgx.Tx, table string, columns []string, rows [][]any) error {
	_, err := tx.CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromRows(rows))
	if err != nil {
		return fmt.Errorf("%s: %w", table, err)
	}
	return nil
}

// sessionLife is longer than any bench takes.
const sessionLife = 12 * time.Hour

// sessions lets agents of ours in, past the limits of attempts and the cost of passwords: the instance is not measured by
// those. The tokens are in the order of the ids.
func (t Target) sessions(ctx context.Context, ids []chat.AgentID) ([]string, error) {
	var rows [][]any
	tokens := make([]string, len(ids))
	for i, id := range ids {
		plain, hash := auth.NewToken()
		tokens[i] = plain
		rows = append(rows, []any{hash, id, time.Now().Add(sessionLife), "gatehouse bench"})
	}
	return tokens, t.clerk(ctx, func(conn *pgx.Conn) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			return copyRows(ctx, tx, "sessions", []string{"token_hash", "agent_id", "expires_at", "user_agent"}, rows)
		})
	})
}

// enter signs agents of ours in.
func (t Target) enter(ctx context.Context, ids []chat.AgentID) ([]*agent.Agent, error) {
	tokens, err := t.sessions(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := make([]*agent.Agent, len(ids))
	for i, token := range tokens {
		if out[i], err = agent.Resume(ctx, t.URL, token); err != nil {
			return nil, fmt.Errorf("%w: is %s the public listener of this database's instance?", err, t.URL)
		}
	}
	return out, nil
}

// attend has agents of ours be online, all at the moment that it returns. How long a live socket of theirs will have been heard is
// written down for them: ten thousand sockets would measure something else.
func (t Target) attend(ctx context.Context, ids []chat.AgentID) (since time.Time, err error) {
	err = t.clerk(ctx, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, `
			WITH here AS (UPDATE agent_presence SET presence = 'online', since = now(), seen_at = now() + interval '1 hour', settled = 'online' WHERE agent_id = ANY($1))
			SELECT now()`, ids).Scan(&since)
	})
	return since, err
}

// leave ends the sessions of agents of ours, who are offline then. It works after ctx is over too.
func (t Target) leave(ctx context.Context, ids []chat.AgentID) error {
	return t.each(ctx, ids,
		"UPDATE agent_presence SET presence = 'offline', settled = 'offline' WHERE agent_id = ANY($1)",
		"DELETE FROM sessions WHERE agent_id = ANY($1)")
}

// dismiss is leave for good: they are disabled.
func (t Target) dismiss(ctx context.Context, ids []chat.AgentID) error {
	return errors.Join(t.leave(ctx, ids), t.each(ctx, ids, "UPDATE agents SET state = 'disabled' WHERE id = ANY($1)"))
}

// each runs statements about agents, one after the other, also after ctx is over.
func (t Target) each(ctx context.Context, ids []chat.AgentID, statements ...string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return t.clerk(ctx, func(conn *pgx.Conn) error {
		for _, sql := range statements {
			if _, err := conn.Exec(ctx, sql, ids); err != nil {
				return err
			}
		}
		return nil
	})
}

// clear ends what is open in departments of ours, so that the next bench finds no line and nobody's load.
func (t Target) clear(ctx context.Context, departments []chat.DepartmentID) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Minute)
	defer cancel()
	reason, err := t.endReason(ctx)
	if err != nil {
		return err
	}
	return t.clerk(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `
			WITH over AS (
				UPDATE conversations SET status = 'closed', controller = 'none', waiting_since = NULL, ended_at = now(), end_reason_id = $2, last_seq = last_seq + 1
				WHERE department_id = ANY($1) AND (status <> 'closed') IS TRUE RETURNING id, last_seq),
			told AS (
				INSERT INTO conversation_events (conversation_id, seq, kind, at, data)
				SELECT id, last_seq, 'ended', now(), jsonb_build_object('reason', $2::uuid) FROM over)
			UPDATE assignments a SET ended_at = now() FROM over WHERE a.conversation_id = over.id AND a.ended_at IS NULL`, departments, reason)
		return err
	})
}

// endReason is one by which conversations of ours end.
func (t Target) endReason(ctx context.Context) (chat.EndReasonID, error) {
	const label = "Bench"
	all, err := t.Desk.EndReasons(ctx)
	if err != nil {
		return chat.EndReasonID{}, err
	}
	for _, r := range all {
		if r.Label == label {
			return r.ID, nil
		}
	}
	r, err := t.Desk.CreateEndReason(ctx, operator, label)
	return r.ID, err
}

package postgres

import (
	"context"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/postgres/gen"

	"github.com/jackc/pgx/v5"
)

// RouteLine locks a department's line, the agents who could be chosen and up to limit conversations at its head, and writes
// what decide returns, in one transaction. Loads are recounted under the locks: no two routers can fill the same place. When
// nobody waits, decide gets nobody.
func (s *Store) RouteLine(ctx context.Context, department chat.DepartmentID, limit int, decide func(chat.RouteState) *chat.Write) error {
	return s.inTx(ctx, s.pool, "route", func(tx pgx.Tx) error {
		q := s.q.WithTx(tx)
		line, err := q.LockLine(ctx, department)
		if err != nil {
			return err
		}
		head, err := q.LineHead(ctx, department, int32(limit))
		if err != nil {
			return err
		}
		st := chat.RouteState{Department: departmentOf(line.Department), More: len(head) == limit}
		if len(head) == 0 {
			decide(st)
			return nil
		}
		if err := q.LockOnlineAgents(ctx, department); err != nil {
			return err
		}
		if st.Agents, err = s.lineAgents(ctx, tx, department, line.Now); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, gen.LockWaiting, head, department)
		if err != nil {
			return err
		}
		waiting, err := conversationRows(rows, "")
		if err != nil {
			return err
		}
		if st.Waiting, err = s.inLine(ctx, tx, head, waiting); err != nil {
			return err
		}
		if st.Now, err = s.clock(ctx, tx); err != nil {
			return err
		}
		w := decide(st)
		if w.Empty() {
			return nil
		}
		var b pgx.Batch
		queueWrite(&b, chat.AccountID{}, w)
		queueAssigned(&b, w)
		b.Queue(gen.RoutedLine, department)
		return runBatch(ctx, tx, &b)
	})
}

// inLine puts locked conversations back into the line's order and adds who answered each contact last, and the channels'
// kinds.
func (s *Store) inLine(ctx context.Context, tx db, order []chat.ConversationID, rows []chat.ConversationRow) ([]chat.WaitingRow, error) {
	at := map[chat.ConversationID]chat.ConversationRow{}
	for _, r := range rows {
		at[r.ID] = r
	}
	last := map[chat.ContactID]chat.AgentID{}
	found, err := tx.Query(ctx, gen.LastAgents, column(rows, func(r *chat.ConversationRow) chat.ContactID { return r.ContactID }))
	if err != nil {
		return nil, err
	}
	var contact chat.ContactID
	var agent chat.AgentID
	if _, err := pgx.ForEachRow(found, []any{&contact, &agent}, func() error { last[contact] = agent; return nil }); err != nil {
		return nil, err
	}
	kinds, err := s.kinds(ctx, tx)
	if err != nil {
		return nil, err
	}
	var out []chat.WaitingRow
	for _, id := range order {
		if r, ok := at[id]; ok {
			r.Kind = kinds[r.AccountID]
			out = append(out, chat.WaitingRow{ConversationRow: r, LastAgent: last[r.ContactID]})
		}
	}
	return out, nil
}

func (s *Store) kinds(ctx context.Context, tx db) (map[chat.AccountID]chat.ChannelKind, error) {
	rows, err := tx.Query(ctx, "SELECT id, kind FROM channel_accounts")
	if err != nil {
		return nil, err
	}
	out := map[chat.AccountID]chat.ChannelKind{}
	var id chat.AccountID
	var kind chat.ChannelKind
	_, err = pgx.ForEachRow(rows, []any{&id, &kind}, func() error { out[id] = kind; return nil })
	return out, err
}

func queueAssigned(b *pgx.Batch, w *chat.Write) {
	var agents []chat.AgentID
	var when time.Time
	for _, e := range w.Events {
		if d, ok := e.Data.(chat.AssignedData); ok {
			agents, when = append(agents, d.To), e.At
		}
	}
	if len(agents) > 0 {
		b.Queue(gen.NoteAssigned, when, agents)
	}
}

// LinesWithRoom names departments in which somebody waits while an agent has room.
func (s *Store) LinesWithRoom(ctx context.Context) ([]chat.DepartmentID, error) {
	ids, err := s.q.LinesWithRoom(ctx)
	return ids, wrap(err)
}

func (s *Store) lineAgents(ctx context.Context, tx db, department chat.DepartmentID, now time.Time) ([]chat.AgentLoad, error) {
	rows, err := tx.Query(ctx, gen.LineAgents, department)
	if err != nil {
		return nil, err
	}
	return agentLoads(rows, now)
}

// agentLoads reads agents with their loads: the columns of LineAgents. Presence is derived for now, the database's clock.
func agentLoads(rows pgx.Rows, now time.Time) ([]chat.AgentLoad, error) {
	defer rows.Close()
	var out []chat.AgentLoad
	for rows.Next() {
		var (
			g           gen.Agent
			presence    chat.Presence
			reason      *chat.BreakReasonID
			since       time.Time
			seen        *time.Time
			load        int
			freed       *time.Time
			departments []chat.DepartmentID
		)
		if err := rows.Scan(append(fields(&g), &presence, &reason, &since, &seen, &load, &freed, &departments)...); err != nil {
			return nil, err
		}
		a := agent(g)
		a.Presence, a.BreakReasonID, a.PresenceSince, a.SeenAt, a.Departments = presence, id(reason), since.UTC(), at(seen), departments
		a.Presence = a.PresenceAt(now)
		out = append(out, chat.AgentLoad{Agent: a, Load: load, FreedAt: at(freed)})
	}
	return out, rows.Err()
}

func agent(g gen.Agent) chat.Agent {
	return chat.Agent{
		ID: g.ID, Name: g.Name, Email: g.Email, Role: chat.Role(g.Role), State: chat.AgentState(g.State), Behavior: chat.Behavior(g.Behavior),
		Capacity: int(g.Capacity), Languages: g.Languages, LastAssignedAt: at(g.LastAssignedAt), MustChange: g.MustChange, CreatedAt: g.CreatedAt.UTC(),
	}
}

func departmentOf(g gen.Department) chat.Department {
	return chat.Department{
		ID: g.ID, Name: g.Name, Description: g.Description, Color: int(g.Color), Policy: g.Policy, Sticky: g.Sticky,
		ReturnOnBreak: g.ReturnOnBreak, ReturnAfter: time.Duration(g.ReturnAfterS) * time.Second,
	}
}

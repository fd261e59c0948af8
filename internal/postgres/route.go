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
//
// It is three round trips: take the line and find its head; lock and read those who could be chosen and those who wait; write and
// commit.
func (s *Store) RouteLine(ctx context.Context, department chat.DepartmentID, limit int, decide func(chat.RouteState) *chat.Write) error {
	return s.inPipelines(ctx, s.deed, "route", func(tx db) error {
		st, now, head, err := openLine(ctx, tx, department, limit)
		if err != nil {
			return err
		}
		st.More = len(head) == limit
		if len(head) == 0 {
			decide(st)
			return nil
		}
		if err := s.lineState(ctx, tx, department, now, head, &st); err != nil {
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
		return commit(ctx, tx, &b)
	})
}

// openLine takes the line and finds its head. now is the database's clock.
func openLine(ctx context.Context, tx db, id chat.DepartmentID, limit int) (st chat.RouteState, now time.Time, head []chat.ConversationID, err error) {
	var b pgx.Batch
	begin(&b)
	b.Queue(gen.LockLine, id).QueryRow(func(row pgx.Row) error {
		var d gen.Department
		err := row.Scan(append(fields(&d), &now)...)
		st.Department = departmentOf(d)
		return err
	})
	b.Queue(gen.LineHead, id, int32(limit)).Query(func(rows pgx.Rows) error {
		var c chat.ConversationID
		_, err := pgx.ForEachRow(rows, []any{&c, &st.Seen}, func() error { head = append(head, c); return nil })
		return err
	})
	return st, now, head, runBatch(ctx, tx, &b)
}

// lineState locks the line's agents and its head, and reads the loads, and who had each contact last.
func (s *Store) lineState(ctx context.Context, tx db, id chat.DepartmentID, now time.Time, head []chat.ConversationID, st *chat.RouteState) error {
	var (
		waiting []chat.ConversationRow
		last    = map[chat.ContactID]chat.AgentID{}
		kinds   map[chat.AccountID]chat.ChannelKind
		b       pgx.Batch
	)
	b.Queue(gen.LockOnlineAgents, id)
	b.Queue(gen.LineAgents, id).Query(func(rows pgx.Rows) (err error) {
		st.Agents, err = agentLoads(rows, now)
		return err
	})
	queueConversationRows(&b, "", &waiting, gen.LockWaiting, head, id)
	b.Queue(gen.LastAgents, head).Query(func(rows pgx.Rows) error {
		var contact chat.ContactID
		var agent chat.AgentID
		_, err := pgx.ForEachRow(rows, []any{&contact, &agent}, func() error { last[contact] = agent; return nil })
		return err
	})
	b.Queue(allKinds).Query(func(rows pgx.Rows) (err error) {
		kinds, err = kindsOf(rows)
		return err
	})
	s.queueNow(&b, &st.Now)
	if err := runBatch(ctx, tx, &b); err != nil {
		return err
	}
	rows := map[chat.ConversationID]chat.ConversationRow{}
	for _, r := range waiting {
		rows[r.ID] = r
	}
	for _, id := range head { // in the line's order
		if r, ok := rows[id]; ok {
			r.Kind = kinds[r.AccountID]
			st.Waiting = append(st.Waiting, chat.WaitingRow{ConversationRow: r, LastAgent: last[r.ContactID]})
		}
	}
	return nil
}

const allKinds = "SELECT id, kind FROM channel_accounts"

func (s *Store) kinds(ctx context.Context, tx db) (map[chat.AccountID]chat.ChannelKind, error) {
	rows, err := tx.Query(ctx, allKinds)
	if err != nil {
		return nil, err
	}
	return kindsOf(rows)
}

func kindsOf(rows pgx.Rows) (map[chat.AccountID]chat.ChannelKind, error) {
	out := map[chat.AccountID]chat.ChannelKind{}
	var id chat.AccountID
	var kind chat.ChannelKind
	_, err := pgx.ForEachRow(rows, []any{&id, &kind}, func() error { out[id] = kind; return nil })
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
		a := withPresence(agent(g), presence, reason, since, seen, now)
		a.Departments = departments
		out = append(out, chat.AgentLoad{Agent: a, Load: load, FreedAt: at(freed)})
	}
	return out, rows.Err()
}

// presentAgent reads one agent without load: the columns of PresentAgent. It is nil if there is none.
func presentAgent(rows pgx.Rows, now time.Time) (*chat.Agent, error) {
	var (
		r   gen.PresentAgentRow
		out *chat.Agent
	)
	_, err := pgx.ForEachRow(rows, append(fields(&r.Agent), &r.Presence, &r.BreakReasonID, &r.Since, &r.SeenAt), func() error {
		a := withPresence(agent(r.Agent), chat.Presence(r.Presence), r.BreakReasonID, r.Since, r.SeenAt, now)
		out = &a
		return nil
	})
	return out, err
}

// withPresence adds what an agent's presence is at this time of the database's clock.
func withPresence(a chat.Agent, presence chat.Presence, reason *chat.BreakReasonID, since time.Time, seen *time.Time, now time.Time) chat.Agent {
	a.Presence, a.BreakReasonID, a.PresenceSince, a.SeenAt = presence, id(reason), since.UTC(), at(seen)
	a.Presence = a.PresenceAt(now)
	return a
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

package postgres

import (
	"context"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/postgres/gen"

	"github.com/jackc/pgx/v5"
)

// RouteLine locks a department's line and shows its head and its agents to plan, locks whom plan picks, counts their loads again and
// writes what give returns, in one transaction: no two routers can fill the same place. Nobody else of the line's agents is locked,
// however many they are. When nobody waits, plan gets nobody. After a race both are called again.
//
// It is three round trips: take the line and read it; lock and read who was picked; write and commit.
func (s *Store) RouteLine(ctx context.Context, n chat.RouteNeeds, plan func(chat.RouteState) []chat.Pick, give func(chat.PickState) *chat.Write) error {
	return s.inPipelines(ctx, s.deed, "route", func(tx db) error {
		st, err := s.openLine(ctx, tx, n)
		if err != nil {
			return err
		}
		picks := plan(st)
		if len(picks) == 0 {
			return nil
		}
		picked, err := s.lockPicks(ctx, tx, n.Department, picks)
		if err != nil {
			return err
		}
		w := give(picked)
		if w.Empty() {
			return nil
		}
		var b pgx.Batch
		queueWrite(&b, chat.AccountID{}, w)
		queueAssigned(&b, w)
		b.Queue(gen.RoutedLine, n.Department)
		return commit(ctx, tx, &b)
	})
}

// openLine takes the line and reads its head, and its agents if they are needed.
func (s *Store) openLine(ctx context.Context, tx db, n chat.RouteNeeds) (st chat.RouteState, err error) {
	var b pgx.Batch
	begin(&b)
	b.Queue(gen.LockLine, n.Department).QueryRow(func(row pgx.Row) error {
		var d gen.Department
		err := row.Scan(fields(&d)...)
		st.Department = departmentOf(d)
		return err
	})
	b.Queue(gen.LineHead, n.Department, int32(n.Limit)).Query(func(rows pgx.Rows) error {
		var r gen.LineHeadRow
		_, err := pgx.ForEachRow(rows, fields(&r), func() error {
			st.Seen = r.Seen
			st.Waiting = append(st.Waiting, chat.WaitingRow{
				ID: r.ID, Priority: int(r.Priority), WaitingSince: at(r.WaitingSince), ReturnedBy: id(r.ReturnedBy), LastAgent: id(r.LastAgent),
			})
			return nil
		})
		return err
	})
	b.Queue(gen.LineAgents, n.Department, n.Known.Add(-s.Shifted()), n.Good.Seconds()).Query(func(rows pgx.Rows) error {
		return eachLineAgent(rows, func(a chat.LineAgent) { st.Agents = append(st.Agents, a) })
	})
	s.queueNow(&b, &st.Now)
	err = runBatch(ctx, tx, &b)
	st.More = len(st.Waiting) == n.Limit
	return st, err
}

// lockPicks locks who was picked, in the one order, and reads them as they are.
func (s *Store) lockPicks(ctx context.Context, tx db, line chat.DepartmentID, picks []chat.Pick) (chat.PickState, error) {
	var (
		st            = chat.PickState{Rows: map[chat.ConversationID]chat.ConversationRow{}, Agents: map[chat.AgentID]*chat.LineAgent{}}
		agents        = column(picks, func(p *chat.Pick) chat.AgentID { return p.Agent })
		conversations = column(picks, func(p *chat.Pick) chat.ConversationID { return p.Conversation })
		waiting       []chat.ConversationRow
		kinds         map[chat.AccountID]chat.ChannelKind
		b             pgx.Batch
	)
	b.Queue(gen.LockAgents, agents)
	b.Queue(gen.PickedAgents, line, agents).Query(func(rows pgx.Rows) error {
		return eachLineAgent(rows, func(a chat.LineAgent) { st.Agents[a.ID] = &a })
	})
	queueConversationRows(&b, "", &waiting, gen.LockWaiting, conversations, line)
	b.Queue(allKinds).Query(func(rows pgx.Rows) (err error) {
		kinds, err = kindsOf(rows)
		return err
	})
	s.queueNow(&b, &st.Now)
	err := runBatch(ctx, tx, &b)
	for _, r := range waiting {
		r.Kind = kinds[r.AccountID]
		st.Rows[r.ID] = r
	}
	return st, err
}

// eachLineAgent reads the columns of LineAgents.
func eachLineAgent(rows pgx.Rows, f func(chat.LineAgent)) error {
	var r gen.LineAgentsRow
	_, err := pgx.ForEachRow(rows, fields(&r), func() error {
		f(chat.LineAgent{
			ID: r.ID, Presence: chat.Presence(r.Presence), Behavior: chat.Behavior(r.Behavior), Capacity: int(r.Capacity), Load: int(r.Load),
			LastAssignedAt: at(r.LastAssignedAt), IdleSince: r.IdleSince.UTC(),
		})
		return nil
	})
	return err
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

package postgres

import (
	"context"
	"errors"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/postgres/gen"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Agents lists everybody by name, with load and with presence as it is now.
func (s *Store) Agents(ctx context.Context) ([]chat.AgentLoad, error) {
	agents, _, err := s.agents(ctx, s.pool, gen.Agents)
	return agents, wrap(err)
}

// AgentsByID finds agents with load and presence; ids of nobody are left out.
func (s *Store) AgentsByID(ctx context.Context, ids []chat.AgentID) ([]chat.AgentLoad, error) {
	agents, _, err := s.agents(ctx, s.pool, gen.AgentWithLoad, ids)
	return agents, wrap(err)
}

// agents runs a query with the columns of AgentWithLoad. Presence is derived for the database's clock, which it returns.
func (s *Store) agents(ctx context.Context, tx db, sql string, args ...any) ([]chat.AgentLoad, time.Time, error) {
	var clock time.Time
	if err := tx.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&clock); err != nil {
		return nil, clock, err
	}
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, clock, err
	}
	agents, err := agentLoads(rows, clock)
	return agents, clock.UTC(), err
}

// Me reads an agent for themselves.
func (s *Store) Me(ctx context.Context, id chat.AgentID) (chat.Me, error) {
	agents, err := s.AgentsByID(ctx, []chat.AgentID{id})
	if err != nil {
		return chat.Me{}, err
	}
	if len(agents) == 0 {
		return chat.Me{}, errNoAgent()
	}
	prefs, err := s.q.AgentPrefs(ctx, id)
	return chat.Me{AgentLoad: agents[0], Prefs: prefs}, wrap(err)
}

func errNoAgent() error { return chat.Errorf(chat.CodeNotFound, "no such agent") }

// SetPrefs replaces what an agent has set for themselves.
func (s *Store) SetPrefs(ctx context.Context, id chat.AgentID, prefs []byte) error {
	return wrap(s.q.SetAgentPrefs(ctx, prefs, id))
}

// CreateAgent adds an active agent. An e-mail address that somebody has is CodeInUse.
func (s *Store) CreateAgent(ctx context.Context, by chat.Audit, a chat.Agent, p chat.Password) error {
	return s.audited(ctx, by, func(tx pgx.Tx, _ *chat.Audit) error { return insertAgent(ctx, tx, a, p) })
}

func insertAgent(ctx context.Context, tx pgx.Tx, a chat.Agent, p chat.Password) error {
	var b pgx.Batch
	b.Queue(gen.InsertAgent, a.ID, a.Name, a.Email, a.Role, a.Behavior, int32(a.Capacity), notNull(a.Languages), p.Hash, p.MustChange)
	b.Queue(gen.InsertAgentPresence, a.ID)
	b.Queue(gen.JoinDepartments, a.ID, notNull(a.Departments))
	return namedAgent(runBatch(ctx, tx, &b))
}

func namedAgent(err error) error {
	return named(err, rule{"agents_email", "email"}, rule{"agent_departments_department_id_fkey", "departments"})
}

// rule is a constraint of the schema and the field that breaks it.
type rule struct{ constraint, field string }

// named turns the violation of a rule into the refusal of its field: somebody else has the value, or what it names does not
// exist. A unique violation that is left as it is counts as a lost race, and the transaction is run again.
func named(err error, rules ...rule) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return err
	}
	for _, r := range rules {
		switch {
		case r.constraint != pg.ConstraintName:
		case pg.Code == "23505":
			return chat.Errorf(chat.CodeInUse, "the %s is taken", r.field).With("field", r.field)
		case pg.Code == "23503":
			return chat.Errorf(chat.CodeInvalid, "%s names something that does not exist", r.field).With("field", r.field)
		}
	}
	return err
}

// notNull makes "none" an empty array: an absent one would be NULL.
func notNull[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// ChangeAgent locks an agent, in the one order with what they hold, and writes what decide returns, in one transaction. A
// refusal of decide is returned as it is, and nothing is written.
func (s *Store) ChangeAgent(ctx context.Context, n chat.HolderNeeds, decide func(chat.HolderState) (*chat.HolderWrite, error)) error {
	return s.inTx(ctx, s.pool, "agent", func(tx pgx.Tx) error {
		st, err := s.holderState(ctx, tx, n)
		if err != nil {
			return err
		}
		w, err := decide(st)
		if err != nil || w == nil {
			return err
		}
		var b pgx.Batch
		queueHolder(&b, n.Agent, w)
		return namedAgent(runBatch(ctx, tx, &b))
	})
}

func (s *Store) holderState(ctx context.Context, tx pgx.Tx, n chat.HolderNeeds) (st chat.HolderState, err error) {
	q := s.q.WithTx(tx)
	if n.Held {
		lines, err := q.HeldLines(ctx, &n.Agent)
		if err != nil {
			return st, err
		}
		if _, err := q.LockLines(ctx, column(lines, func(d *chat.DepartmentID) uid { return uid(*d) })); err != nil {
			return st, err
		}
	}
	locked, err := q.LockHolder(ctx, n.Agent, n.Admins)
	if err != nil {
		return st, err
	}
	for _, a := range locked {
		if a.OtherAdmin {
			st.OtherAdmins++
		}
		if a.ID == n.Agent {
			st.PasswordHash = a.PasswordHash
		}
	}
	agents, clock, err := s.agents(ctx, tx, gen.AgentWithLoad, []chat.AgentID{n.Agent})
	if err != nil {
		return st, err
	}
	if len(agents) == 0 {
		return st, errNoAgent()
	}
	st.Agent, st.Clock, st.Now = agents[0], clock, s.desk(clock)
	if n.Held {
		err = s.held(ctx, tx, &st)
	}
	return st, err
}

// held locks what the agent holds. Nobody can give them more meanwhile: that would take the agent's lock.
func (s *Store) held(ctx context.Context, tx pgx.Tx, st *chat.HolderState) error {
	q := s.q.WithTx(tx)
	found, err := q.HeldConversations(ctx, &st.Agent.ID)
	if err != nil {
		return err
	}
	since := map[chat.ConversationID]time.Time{}
	for _, f := range found {
		since[f.ID] = at(f.WaitingSince)
	}
	rows, err := s.lockConversations(ctx, tx, "", column(found, func(f *gen.HeldConversationsRow) chat.ConversationID { return f.ID }))
	if err != nil {
		return err
	}
	kinds, err := s.kinds(ctx, tx)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if !r.Status.Held() || r.AgentID != st.Agent.ID {
			continue // ended or handed over while we waited for it
		}
		r.Kind = kinds[r.AccountID]
		waited := since[r.ID]
		if waited.IsZero() { // it never stood in a line: it was taken up again, or given by a person
			waited = r.AssignedAt
		}
		st.Held = append(st.Held, chat.HeldRow{ConversationRow: r, WaitedSince: waited})
	}
	departments, err := q.AllDepartments(ctx)
	if err != nil {
		return err
	}
	st.Departments = map[chat.DepartmentID]chat.Department{}
	for _, d := range departments {
		st.Departments[d.Department.ID] = departmentOf(d.Department)
	}
	st.BreakReasons, err = breakReasons(ctx, q)
	return err
}

func queueHolder(b *pgx.Batch, id chat.AgentID, w *chat.HolderWrite) {
	if a := w.Agent; a != nil {
		b.Queue(gen.UpdateAgent, a.Name, a.Email, a.Role, a.State, a.Behavior, int32(a.Capacity), notNull(a.Languages), id)
		b.Queue(gen.LeaveDepartments, id, notNull(a.Departments))
		b.Queue(gen.JoinDepartments, id, notNull(a.Departments))
	}
	if p := w.Password; p != nil {
		b.Queue(gen.SetPassword, p.Hash, p.MustChange, id)
	}
	if p := w.Presence; p != nil {
		b.Queue(gen.ChoosePresence, id, p.Presence, nullID(p.Reason))
	}
	if w.EndSessions {
		b.Queue(gen.EndSessionsOf, id, notNull(w.KeepSession))
	}
	queueWrite(b, chat.AccountID{}, &w.Write)
	if w.Audit != nil {
		b.Queue(gen.InsertAudit, auditArgs(*w.Audit)...)
	}
}

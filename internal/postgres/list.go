package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gatehouse/internal/chat"

	"github.com/jackc/pgx/v5"
)

// ListConversations reads a page of a view. Each view has an index that holds its order; the tops of several departments
// are merged (DATABASE.md). from and to bound when windows that are about to shut were opened: the view "expiring".
func (s *Store) ListConversations(ctx context.Context, q chat.ListQuery, from, to time.Time) ([]chat.ConversationRow, error) {
	sql, args := listSQL(q, from, to)
	// Planned for these arguments: what is best for any of them is to read everything.
	rows, err := s.pool.Query(ctx, sql, append([]any{pgx.QueryExecModeCacheDescribe}, args...)...)
	if err != nil {
		return nil, wrap(err)
	}
	return s.withKinds(ctx, rows)
}

// list is a query in the making. Only constants of this file and $n places go into its text; values are always arguments.
//
// Its page is merged from the tops of one or several sources, of which each has an index that holds its rows in the list's order
// (DATABASE.md): "mine or my departments'" in one condition would walk through everybody's.
type list struct {
	where   []string
	args    []any
	sources []source
}

// source is where a list's rows come from: those of departments, one after another, or those that a condition names.
type source struct{ departments, condition string }

func (l *list) arg(v any) string {
	l.args = append(l.args, v)
	return fmt.Sprintf("$%d", len(l.args))
}

// and adds a condition; each ? stands for the same value.
func (l *list) and(condition string, v ...any) {
	if len(v) > 0 {
		condition = strings.ReplaceAll(condition, "?", l.arg(v[0]))
	}
	l.where = append(l.where, condition)
}

// of adds the rows that an agent holds, held names which.
func (l *list) of(agent chat.AgentID, held ...string) {
	a := l.arg(agent)
	for _, h := range held {
		l.sources = append(l.sources, source{condition: "c.agent_id = " + a + " AND " + h})
	}
}

// The parts of an agent's conversations, and of a line's, as the indexes have them.
const (
	heldNow    = "c.status IN ('assigned', 'pending')"
	heldBefore = "c.status = 'closed'"
	inLine     = "c.status = 'waiting'"
)

func listSQL(q chat.ListQuery, from, to time.Time) (string, []any) {
	l := &list{}
	p := q.Principal
	departments := p.Departments
	if !chat.IsZero(q.Department) {
		departments = nil
		if p.Sees(q.Department, chat.AgentID{}) {
			departments = []chat.DepartmentID{q.Department}
		}
	}
	everything := p.SeesAll() && chat.IsZero(q.Department)
	lines := func(condition string) {
		in := "(SELECT id FROM departments)"
		if !everything {
			in = "unnest(" + l.arg(departments) + "::uuid[])"
		}
		l.sources = append(l.sources, source{in, condition})
	}
	switch q.View {
	case chat.ViewMine, chat.ViewPending:
		l.of(p.AgentID, heldNow)
		l.and("c.status = ?", map[chat.View]chat.ConversationStatus{chat.ViewMine: chat.Assigned, chat.ViewPending: chat.Pending}[q.View])
		l.inDepartment(q)
	case chat.ViewQueue:
		lines(inLine)
	case chat.ViewExpiring:
		l.and("c.window_opened_at > ?", from)
		l.and("c.window_opened_at <= ?", to)
		l.of(p.AgentID, heldNow)
		lines(inLine)
		l.inDepartment(q)
	default:
		parts := []string{heldNow, heldBefore}
		if q.View == chat.ViewHistory {
			parts = parts[1:]
			l.and(heldBefore)
		}
		switch {
		case !chat.IsZero(q.Agent):
			l.of(q.Agent, parts...)
			switch {
			case everything:
			case !chat.IsZero(q.Department):
				l.and("c.department_id = any(?::uuid[])", departments)
			default:
				l.and(fmt.Sprintf("(c.agent_id = %s OR c.department_id = any(%s::uuid[]))", l.arg(p.AgentID), l.arg(departments)))
			}
		case everything:
			l.sources = []source{{condition: "true"}}
		case !chat.IsZero(q.Department):
			lines("true")
		default:
			l.of(p.AgentID, parts...)
			lines("true")
		}
	}
	if q.Kind != "" {
		l.and("c.account_id IN (SELECT id FROM channel_accounts WHERE kind = ?)", q.Kind)
	}
	if !chat.IsZero(q.Account) {
		l.and("c.account_id = ?", q.Account)
	}
	if !chat.IsZero(q.Agent) {
		l.and("c.agent_id = ?", q.Agent)
	}
	if q.Text != "" {
		l.and(`c.contact_id IN (SELECT k2.id FROM contacts k2 WHERE k2.name ILIKE ?
		UNION SELECT i2.contact_id FROM identities i2 WHERE i2.profile_name ILIKE ? OR i2.username ILIKE ? OR i2.value LIKE ?)`, "%"+escapeLike(q.Text)+"%")
	}
	key, dir, after := "last_message_at", "DESC", "<"
	switch {
	case q.Sort == chat.SortWaiting && q.View == chat.ViewQueue:
		key, dir, after = "waiting_since", "ASC", ">"
	case q.Sort == chat.SortExpiring && q.View == chat.ViewExpiring:
		key, dir, after = "window_opened_at", "ASC", ">"
	}
	if !q.After.At.IsZero() {
		l.and(fmt.Sprintf("(c.%s, c.id) %s (%s, %s)", key, after, l.arg(q.After.At), l.arg(q.After.ID)))
	}
	order := fmt.Sprintf("ORDER BY c.%s %s, c.id %s", key, dir, dir)
	top := fmt.Sprintf("%s LIMIT %s", order, l.arg(q.Limit))
	tops := make([]string, 0, len(l.sources))
	for _, s := range l.sources {
		rows := "SELECT c.* FROM conversations c WHERE " + strings.Join(append([]string{s.condition}, l.where...), " AND ")
		if s.departments != "" {
			rows = fmt.Sprintf("SELECT c.* FROM %s AS d(id) CROSS JOIN LATERAL (%s AND c.department_id = d.id %s) c", s.departments, rows, top)
		}
		tops = append(tops, "("+rows+" "+top+")")
	}
	return fmt.Sprintf("SELECT c.*, k.name, i.profile_name, i.username, i.type, i.value, k.opted_out_at FROM (SELECT c.* FROM (%s) c %s) c"+
		" JOIN contacts k ON k.id = c.contact_id JOIN identities i ON i.id = c.identity_id %s", strings.Join(tops, " UNION "), top, order), l.args
}

// inDepartment narrows to the asked department; whose conversations they are is settled elsewhere.
func (l *list) inDepartment(q chat.ListQuery) {
	if !chat.IsZero(q.Department) {
		l.and("c.department_id = ?", q.Department)
	}
}

func escapeLike(s string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s)
}

package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gatehouse/internal/chat"
)

// ListConversations reads a page of a view. Each view has an index that holds its order; the tops of several departments
// are merged (DATABASE.md). from and to bound when windows that are about to shut were opened: the view "expiring".
func (s *Store) ListConversations(ctx context.Context, q chat.ListQuery, from, to time.Time) ([]chat.ConversationRow, error) {
	sql, args := listSQL(q, from, to)
	rows, err := s.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, wrap(err)
	}
	return s.withKinds(ctx, rows)
}

// list is a query in the making. Only constants of this file and $n places go into its text; values are always arguments.
type list struct {
	where []string
	args  []any
}

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
	merged := false // the tops of each department
	switch q.View {
	case chat.ViewMine, chat.ViewPending:
		status := map[chat.View]chat.ConversationStatus{chat.ViewMine: chat.Assigned, chat.ViewPending: chat.Pending}[q.View]
		l.and("c.agent_id = ?", p.AgentID)
		l.and("c.status IN ('assigned', 'pending')") // names the index
		l.and("c.status = ?", status)
		l.inDepartment(q)
	case chat.ViewQueue:
		l.and("c.status = 'waiting'")
		merged = !everything
	case chat.ViewExpiring:
		l.and("c.status IN ('waiting', 'assigned', 'pending')")
		l.and("c.window_opened_at > ?", from)
		l.and("c.window_opened_at <= ?", to)
		l.and(fmt.Sprintf("(c.agent_id = %s OR (c.status = 'waiting' AND (%s::boolean OR c.department_id = any(%s::uuid[]))))",
			l.arg(p.AgentID), l.arg(everything), l.arg(departments)))
		l.inDepartment(q)
	default:
		if q.View == chat.ViewHistory {
			l.and("c.status = 'closed'")
		}
		switch {
		case everything:
		case !chat.IsZero(q.Department):
			l.and("c.department_id = any(?::uuid[])", departments)
		default:
			l.and(fmt.Sprintf("(c.agent_id = %s OR c.department_id = any(%s::uuid[]))", l.arg(p.AgentID), l.arg(departments)))
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
	if len(l.where) == 0 {
		l.and("true")
	}
	order := fmt.Sprintf("ORDER BY c.%s %s, c.id %s", key, dir, dir)
	limit := l.arg(q.Limit)
	page := fmt.Sprintf("(SELECT c.* FROM conversations c WHERE %s %s LIMIT %s) c", strings.Join(l.where, " AND "), order, limit)
	if merged {
		page = fmt.Sprintf(`(SELECT c.* FROM unnest(%s::uuid[]) AS d(id) CROSS JOIN LATERAL
	(SELECT c.* FROM conversations c WHERE c.department_id = d.id AND %s %s LIMIT %s) c %s LIMIT %s) c`,
			l.arg(departments), strings.Join(l.where, " AND "), order, limit, order, limit)
	}
	return `SELECT c.*, k.name, i.profile_name, i.username, i.type, i.value, k.opted_out_at FROM ` + page +
		` JOIN contacts k ON k.id = c.contact_id JOIN identities i ON i.id = c.identity_id ` + order, l.args
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

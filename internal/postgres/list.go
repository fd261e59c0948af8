package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/postgres/gen"

	"github.com/jackc/pgx/v5"
)

// ListConversations reads a page of a view. Each view has an index that holds its order; the tops of several departments
// are merged (DATABASE.md). from and to bound when windows that are about to shut were opened: the view "expiring".
func (s *Store) ListConversations(ctx context.Context, q chat.ListQuery, from, to time.Time) ([]chat.ConversationRow, error) {
	found, err := s.search(ctx, q.Text)
	if err != nil {
		return nil, err
	}
	sql, args := listSQL(q, found, from, to)
	// Planned for these arguments: what is best for any of them is to read everything.
	rows, err := s.pool.Query(ctx, sql, append([]any{pgx.QueryExecModeCacheDescribe}, args...)...)
	if err != nil {
		return nil, wrap(err)
	}
	return s.withKinds(ctx, rows)
}

// searchContacts is how many contacts a search may find to be listed by them. What more are found by, the list itself is full of: it
// is walked through from its top until a page is full.
const searchContacts = 1000

// search finds the contacts whose names or addresses have a text in them; nil if they are too many, or all.
func (s *Store) search(ctx context.Context, text string) ([]chat.ContactID, error) {
	if text == "" {
		return nil, nil
	}
	rows, err := s.pool.Query(ctx, gen.ContactsNamed, pgx.QueryExecModeCacheDescribe, like(text), int32(searchContacts+1))
	if err != nil {
		return nil, wrap(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[chat.ContactID])
	if err != nil || len(found) > searchContacts {
		return nil, wrap(err)
	}
	return append([]chat.ContactID{}, found...), nil
}

// list is a query in the making. Only constants of this file and $n places go into its text; values are always arguments.
//
// Its page is merged from the tops of one or several sources, of which each has an index that holds its rows in the list's order
// (DATABASE.md): "mine or my departments'" in one condition would walk through everybody's.
type list struct {
	where   []string
	args    []any
	sources []source
	account []string // conditions of an account or a channel, where a source is not by account
}

// source is where a list's rows come from: those of departments, one after another, or of departments on accounts, or those that a
// condition names.
type source struct{ departments, accounts, condition string }

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

// listSQL writes the list's query; found are the contacts that a search found, unless they are too many.
func listSQL(q chat.ListQuery, found []chat.ContactID, from, to time.Time) (string, []any) {
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
		l.sources = append(l.sources, source{departments: in, condition: condition})
	}
	accounts := l.ofAccounts(q)
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
		case everything && accounts == "":
			l.sources = []source{{condition: "true"}}
		default:
			lines("true")
			l.sources[0].accounts = accounts
			if !everything && chat.IsZero(q.Department) {
				l.of(p.AgentID, parts...)
			}
		}
	}
	if !chat.IsZero(q.Agent) {
		l.and("c.agent_id = ?", q.Agent)
	}
	conversations, with := "conversations", ""
	switch {
	case found != nil:
		conversations, with = "found", "WITH found AS MATERIALIZED (SELECT c.* FROM conversations c WHERE c.contact_id = any("+l.arg(found)+"::uuid[])) "
	case q.Text != "": // a question for each row, not a list of all whom it is true of
		l.and(`((SELECT k2.name ILIKE ? FROM contacts k2 WHERE k2.id = c.contact_id)
			OR (SELECT bool_or(i2.profile_name ILIKE ? OR i2.username ILIKE ? OR i2.value ILIKE ?) FROM identities i2 WHERE i2.contact_id = c.contact_id))`, like(q.Text))
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
		conditions, by := append([]string{s.condition}, l.where...), ""
		if s.departments != "" {
			conditions, by = append(conditions, "c.department_id = d.id"), s.departments+" AS d(id)"
		}
		if s.accounts != "" {
			conditions, by = append(conditions, "c.account_id = a.id"), by+" CROSS JOIN "+s.accounts+" AS a(id)"
		} else {
			conditions = append(conditions, l.account...)
		}
		rows := fmt.Sprintf("SELECT c.* FROM %s c WHERE %s", conversations, strings.Join(conditions, " AND "))
		if by != "" {
			rows = fmt.Sprintf("SELECT c.* FROM %s CROSS JOIN LATERAL (%s %s) c", by, rows, top)
		}
		tops = append(tops, "("+rows+" "+top+")")
	}
	return with + fmt.Sprintf("SELECT %s FROM (SELECT c.* FROM (%s) c %s) c"+
		" JOIN contacts k ON k.id = c.contact_id JOIN identities i ON i.id = c.identity_id %s", rowColumns(), strings.Join(tops, " UNION "), top, order), l.args
}

// rowColumns are the columns of a conversation and of its contact by name, as conversationRows reads them: the next version's schema
// may have more.
func rowColumns() string {
	_, columns, _ := strings.Cut(gen.LockConversations, "SELECT ")
	columns, _, _ = strings.Cut(columns, "\nFROM ")
	return columns
}

// inDepartment narrows to the asked department; whose conversations they are is settled elsewhere.
func (l *list) inDepartment(q chat.ListQuery) {
	if !chat.IsZero(q.Department) {
		l.and("c.department_id = ?", q.Department)
	}
}

// ofAccounts narrows to the asked account or channel, and names its accounts; "" for all.
func (l *list) ofAccounts(q chat.ListQuery) string {
	var of []string
	if q.Kind != "" {
		of = append(of, "kind = "+l.arg(q.Kind))
	}
	if !chat.IsZero(q.Account) {
		id := l.arg(q.Account)
		of = append(of, "id = "+id)
		l.account = append(l.account, "c.account_id = "+id)
	}
	if len(of) == 0 {
		return ""
	}
	accounts := "(SELECT id FROM channel_accounts WHERE " + strings.Join(of, " AND ") + ")"
	if q.Kind != "" {
		l.account = append(l.account, "c.account_id IN "+accounts)
	}
	return accounts
}

// like is the pattern of texts with s in them.
func like(s string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s) + "%"
}

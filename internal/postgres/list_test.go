package postgres_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/postgres/postgrestest"
)

// TestAListIsWhatItsWordsSay reads every view with every filter, page by page, and compares it with all conversations, filtered one
// by one and sorted.
func TestAListIsWhatItsWordsSay(t *testing.T) {
	t.Parallel()
	s := postgrestest.New(t)
	id := func(kind int, n string) string {
		return fmt.Sprintf("('%08x-0000-0000-0000-' || lpad(to_hex(%s), 12, '0'))::uuid", kind, n)
	}
	for _, sql := range []string{
		`INSERT INTO departments (id, name) SELECT ` + id(departmentID, "i") + `, 'D' || i FROM generate_series(1, 3) i`,
		`INSERT INTO agents (id, name, email, role) SELECT ` + id(agentID, "i") + `, 'A' || i, 'a' || i || '@example.com', 'agent' FROM generate_series(1, 3) i`,
		`INSERT INTO channel_accounts (id, kind, name, department_id) SELECT ` + id(accountID, "i") + `, CASE WHEN i = 3 THEN 'webchat' ELSE 'whatsapp' END, 'C' || i, ` + id(departmentID, "i") + ` FROM generate_series(1, 3) i`,
		`INSERT INTO contacts (id, name) SELECT ` + id(contactID, "i") + `, CASE WHEN i % 2 = 0 THEN 'Elif ' || i ELSE '' END FROM generate_series(1, 1200) i`,
		`INSERT INTO identities (id, contact_id, thread_id, kind, type, value, profile_name) SELECT ` + id(identityID, "i") + `, ` + id(contactID, "i") + `, ` + id(identityID, "i") + `, 'whatsapp', 'phone', '90555' || i, CASE WHEN i % 2 = 1 THEN '50%_ELİF elif' ELSE '' END FROM generate_series(1, 1200) i`,
		`INSERT INTO conversations (id, account_id, identity_id, contact_id, department_id, agent_id, status, controller, last_message_at, waiting_since, created_at, ended_at)
			SELECT ` + id(conversationID, "i") + `, ` + id(accountID, "1 + i % 3") + `, ` + id(identityID, "i") + `, ` + id(contactID, "i") + `, ` + id(departmentID, "1 + i / 3 % 3") + `,
				CASE WHEN status <> 'waiting' THEN ` + id(agentID, "1 + i / 7 % 3") + ` END, status, 'none', at, CASE WHEN status = 'waiting' THEN at END, at, CASE WHEN status = 'closed' THEN at END
			FROM (SELECT i, (ARRAY['waiting', 'assigned', 'pending', 'closed'])[1 + i / 2 % 4] AS status, now() - make_interval(secs => i / 2) AS at FROM generate_series(1, 1200) i) x`,
	} {
		if _, err := s.Pool().Exec(t.Context(), sql); err != nil {
			t.Fatalf("%v\n%s", err, sql)
		}
	}
	department := func(n int) chat.DepartmentID { return chat.DepartmentID(of(departmentID, n)) }
	agent := func(n int) chat.AgentID { return chat.AgentID(of(agentID, n)) }
	all := make([]chat.ConversationID, 1200)
	for i := range all {
		all[i] = chat.ConversationID(of(conversationID, i+1))
	}
	rows, err := s.ConversationRows(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(rows, func(a, b chat.ConversationRow) int {
		return cmp.Or(b.LastMessageAt.Compare(a.LastMessageAt), strings.Compare(b.ID.String(), a.ID.String()))
	})
	number := func(c chat.ConversationRow) string { // of the contact, as in their name
		n := 0
		if _, err := fmt.Sscanf(c.ContactID.String()[24:], "%x", &n); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(n)
	}
	for _, p := range []chat.Principal{
		{AgentID: agent(1), Role: chat.RoleAdmin},
		{AgentID: agent(2), Role: chat.RoleAgent, Departments: []chat.DepartmentID{department(1), department(3)}},
		{AgentID: agent(3), Role: chat.RoleAgent},
	} {
		for view, shows := range map[chat.View]func(chat.ConversationRow) bool{
			chat.ViewMine:    func(c chat.ConversationRow) bool { return c.AgentID == p.AgentID && c.Status == chat.Assigned },
			chat.ViewQueue:   func(c chat.ConversationRow) bool { return c.Status == chat.Waiting },
			chat.ViewHistory: func(c chat.ConversationRow) bool { return c.Status == chat.Closed },
			chat.ViewAll:     func(chat.ConversationRow) bool { return true },
		} {
			line := func(n int) bool { return view == chat.ViewMine || p.Sees(department(n), chat.AgentID{}) } // one's own are one's own everywhere
			for filter, f := range map[string]struct {
				q    chat.ListQuery
				says func(chat.ConversationRow) bool
			}{
				"":               {},
				" of an account": {chat.ListQuery{Account: chat.AccountID(of(accountID, 2))}, func(c chat.ConversationRow) bool { return c.AccountID == chat.AccountID(of(accountID, 2)) }},
				" of a channel":  {chat.ListQuery{Kind: "whatsapp"}, func(c chat.ConversationRow) bool { return c.AccountID != chat.AccountID(of(accountID, 3)) }},
				" of both":       {chat.ListQuery{Kind: "webchat", Account: chat.AccountID(of(accountID, 2))}, func(chat.ConversationRow) bool { return false }},
				" of a line":     {chat.ListQuery{Department: department(3)}, func(c chat.ConversationRow) bool { return c.DepartmentID == department(3) && line(3) }},
				" of both places": {chat.ListQuery{Department: department(1), Kind: "whatsapp"}, func(c chat.ConversationRow) bool {
					return c.DepartmentID == department(1) && c.AccountID != chat.AccountID(of(accountID, 3)) && line(1)
				}},
				" of one, who": {chat.ListQuery{Agent: agent(1), Account: chat.AccountID(of(accountID, 1))}, func(c chat.ConversationRow) bool {
					return c.AgentID == agent(1) && c.AccountID == chat.AccountID(of(accountID, 1))
				}},
			} {
				texts := []string{""}
				if filter == "" || filter == " of a channel" {
					texts = append(texts, "elif", "LIF 11", "5559", "50%_e", "0%e", "nobody")
				}
				for _, text := range texts {
					q := f.q
					q.Principal, q.View, q.Text, q.Limit = p, view, text, 370
					var want, got []string
					for _, c := range rows {
						n := number(c)
						name := map[bool]string{true: "elif " + n, false: "50%_e elif"}[n[len(n)-1]%2 == 0]
						named := strings.Contains(name, strings.ToLower(text)) || strings.Contains("90555"+n, text)
						queued := view == chat.ViewQueue && !p.SeesAll() && !slices.Contains(p.Departments, c.DepartmentID)
						if shows(c) && named && !queued && p.Sees(c.DepartmentID, c.AgentID) && (f.says == nil || f.says(c)) {
							want = append(want, n)
						}
					}
					for {
						page, err := s.ListConversations(t.Context(), q, time.Time{}, time.Time{})
						if err != nil {
							t.Fatalf("%s%s of %s with %q: %v", view, filter, p.Role, text, err)
						}
						for _, c := range page {
							got = append(got, number(c))
						}
						if len(page) < q.Limit {
							break
						}
						last := page[len(page)-1]
						q.After = chat.ListKey{At: last.LastMessageAt, ID: last.ID}
					}
					if !slices.Equal(got, want) {
						t.Errorf("%s%s of %s (%d departments) with %q: %d conversations, want %d\n%v\n%v", view, filter, p.Role, len(p.Departments), text, len(got), len(want), got, want)
					}
				}
			}
		}
	}
	// The next version's schema has columns that this one, which still runs, does not know.
	if _, err := s.Pool().Exec(t.Context(), "ALTER TABLE conversations ADD COLUMN next integer NOT NULL DEFAULT 7"); err != nil {
		t.Fatal(err)
	}
	page, err := s.ListConversations(t.Context(), chat.ListQuery{Principal: chat.Principal{AgentID: agent(1), Role: chat.RoleAdmin}, View: chat.ViewAll, Limit: 50}, time.Time{}, time.Time{})
	if err != nil || len(page) != 50 {
		t.Errorf("with a column more: %d conversations, %v", len(page), err)
	}
}

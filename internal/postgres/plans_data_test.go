package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/postgres"
	"gatehouse/internal/postgres/gen"

	"github.com/google/uuid"
)

// The history: nearly all of it is in one department, on one account, with one agent. A small department, account and agent have
// a few conversations, the oldest of all, so that whoever looks for them by walking through the others walks through everything.
const (
	conversations = 30_000
	smalls        = 40   // conversations of the small ones: 10 waiting, 10 held, 5 pending, the rest ended
	waits         = 2000 // in the big department's line
	held          = 900  // by agents of the big department, 50 each
	open          = smalls + waits + held
	backlog       = 5000 // events that wait in the big account's lane, and messages that wait to be sent
	long          = 10_000
	page          = 50
)

// Kinds of ids, as the first part of a UUID.
const (
	contactID = iota + 1
	identityID
	conversationID
	messageID
	eventID
	accountID
	departmentID
	agentID
	fileID
)

func of(kind, n int) uuid.UUID {
	return uuid.MustParse(fmt.Sprintf("%08x-0000-0000-0000-%012x", kind, n))
}

func several(kind, from, n int) []uuid.UUID {
	out := make([]uuid.UUID, n)
	for i := range out {
		out[i] = of(kind, from+i)
	}
	return out
}

// places are those of pending events.
func places(from, n int) []int64 {
	out := make([]int64, n)
	for i := range out {
		out[i] = int64(from + i)
	}
	return out
}

func numbers(format string, from, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(format, from+i)
	}
	return out
}

// fill writes the history. Conversation i is with contact i; the last one is long; contact 1 has been here 500 times.
func fill(t *testing.T, s *postgres.Store) {
	t.Helper()
	id := func(kind int, n string) string {
		return fmt.Sprintf("('%08x-0000-0000-0000-' || lpad(to_hex(%s), 12, '0'))::uuid", kind, n)
	}
	for _, sql := range []string{
		`INSERT INTO departments (id, name) SELECT ` + id(departmentID, "i") + `, 'D' || i FROM generate_series(1, 2) i`,
		`INSERT INTO department_lines SELECT id FROM departments`,
		`INSERT INTO agents (id, name, email, role, capacity) SELECT ` + id(agentID, "i") + `, 'A' || i, 'a' || i || '@example.com', 'agent', 50 FROM generate_series(1, 20) i`,
		`INSERT INTO agent_departments SELECT ` + id(agentID, "i") + `, ` + id(departmentID, "CASE WHEN i = 2 THEN 2 ELSE 1 END") + ` FROM generate_series(1, 20) i`,
		`INSERT INTO agent_presence (agent_id, presence, seen_at) SELECT id, 'online', now() + interval '1 hour' FROM agents`,
		`INSERT INTO channel_accounts (id, kind, name, department_id) SELECT ` + id(accountID, "i") + `, CASE WHEN i = 2 THEN 'webchat' ELSE 'whatsapp' END, 'C' || i, ` + id(departmentID, "i") + ` FROM generate_series(1, 2) i`,
		`INSERT INTO lanes SELECT id FROM channel_accounts`,
		`INSERT INTO send_lanes SELECT id FROM channel_accounts`,
		fmt.Sprintf(`INSERT INTO contacts (id, name) SELECT %s, 'Elif ' || i FROM generate_series(1, %d) i`, id(contactID, "i"), conversations),
		fmt.Sprintf(`INSERT INTO identities (id, contact_id, thread_id, kind, type, value) SELECT %s, %s, %s, 'whatsapp', 'phone', '90555' || i FROM generate_series(1, %d) i`,
			id(identityID, "i"), id(contactID, "i"), id(identityID, "i"), conversations),
		fmt.Sprintf(`INSERT INTO conversations (id, account_id, identity_id, contact_id, department_id, agent_id, status, controller, last_seq, last_message_at,
				window_opened_at, waiting_since, created_at, ended_at)
			SELECT %s, %s, %s, %s, %s, CASE WHEN status <> 'waiting' THEN %s END, status, 'none', 2, now() - make_interval(secs => %d - i),
				now() - make_interval(secs => %d - i), CASE WHEN status = 'waiting' THEN now() - make_interval(secs => %d - i) END,
				now() - make_interval(secs => %d - i), CASE WHEN status = 'closed' THEN now() - make_interval(secs => %d - i) END
			FROM (SELECT i, i <= %d AS small, CASE
				WHEN i <= 10 OR i > %d THEN 'waiting' WHEN i <= 20 OR i > %d AND i %% 10 > 0 THEN 'assigned' WHEN i <= 25 OR i > %d THEN 'pending'
				ELSE 'closed' END AS status FROM generate_series(1, %d) i) AS x`,
			id(conversationID, "i"), id(accountID, "CASE WHEN small THEN 2 ELSE 1 END"), id(identityID, "i"), id(contactID, "i"),
			id(departmentID, "CASE WHEN small THEN 2 ELSE 1 END"),
			id(agentID, "CASE WHEN small THEN 2 WHEN status = 'closed' THEN 1 ELSE 3 + i % 18 END"),
			conversations, conversations, conversations, conversations, conversations,
			smalls, conversations-waits, conversations-waits-held, conversations-waits-held, conversations),
		fmt.Sprintf(`INSERT INTO conversations (id, account_id, identity_id, contact_id, department_id, agent_id, status, controller, last_message_at, created_at, ended_at)
			SELECT %s, %s, %s, %s, %s, %s, 'closed', 'none', now() - interval '2 days', now() - interval '2 days', now() - interval '2 days' FROM generate_series(1, 500) i`,
			id(conversationID, fmt.Sprintf("%d + i", conversations)), id(accountID, "2"), id(identityID, "1"), id(contactID, "1"), id(departmentID, "2"), id(agentID, "2")),
		fmt.Sprintf(`INSERT INTO messages (id, conversation_id, account_id, seq, direction, kind, status, source, external_id, created_at, due_at)
			SELECT %s, %s, %s, 1 + i %% 2, CASE WHEN i %% 2 = 0 THEN 'in' ELSE 'out' END, 'text',
				CASE WHEN i %% 2 = 0 THEN 'received' WHEN i < 100 THEN 'sending' WHEN c > 1000 AND c <= 1000 + %d THEN 'pending' ELSE 'read' END, 'agent', 'x' || i,
				now() - make_interval(secs => %d - c), CASE WHEN i %% 2 = 1 AND (i < 100 OR c > 1000 AND c <= 1000 + %d) THEN now() - interval '1 minute' + make_interval(secs => CASE WHEN i < 100 THEN 600 ELSE 0 END) END
			FROM (SELECT i, 1 + i / 2 AS c FROM generate_series(0, %d) i) AS x`,
			id(messageID, "i"), id(conversationID, "c"), id(accountID, fmt.Sprintf("CASE WHEN c <= %d THEN 2 ELSE 1 END", smalls)), backlog, conversations, backlog, 2*conversations-1),
		fmt.Sprintf(`INSERT INTO messages (id, conversation_id, account_id, seq, direction, kind, status, source, external_id, created_at)
			SELECT %s, %s, %s, 2 + i, CASE WHEN i %% 2 = 0 THEN 'in' ELSE 'out' END, 'text', CASE WHEN i %% 2 = 0 THEN 'received' ELSE 'read' END, 'agent', 'y' || i, now() FROM generate_series(1, %d) i`,
			id(messageID, fmt.Sprintf("%d + i", 2*conversations)), id(conversationID, fmt.Sprint(conversations)), id(accountID, "1"), long),
		fmt.Sprintf(`UPDATE conversations SET last_seq = %d WHERE id = '%s'`, long+2, of(conversationID, conversations)),
		`INSERT INTO provider_ids (provider_id, account_id, message_id) SELECT external_id, account_id, id FROM messages`,
		`INSERT INTO conversation_events (conversation_id, seq, kind, at, message_id) SELECT conversation_id, seq, 'message', created_at, id FROM messages`,
		`INSERT INTO assignments (id, conversation_id, agent_id, how, department_id, started_at, ended_at, load_after, capacity)
			SELECT gen_random_uuid(), id, agent_id, 'automatic', department_id, created_at, ended_at, 1, 50 FROM conversations WHERE agent_id IS NOT NULL`,
		`INSERT INTO reactions SELECT id, 'in', '👍', now() FROM messages WHERE direction = 'out'`,
		fmt.Sprintf(`INSERT INTO inbound_events (id, account_id, received_at, body) SELECT %s, %s, now(), '[]' FROM generate_series(1, %d) i`,
			id(eventID, "i"), id(accountID, "CASE WHEN i <= 5 THEN 2 ELSE 1 END"), 4*backlog),
		fmt.Sprintf(`INSERT INTO inbound_pending (account_id, event_id, received_at) SELECT account_id, id, received_at FROM inbound_events ORDER BY id LIMIT %d`, backlog),
		fmt.Sprintf(`INSERT INTO attachments (id, message_id, conversation_id, account_id, state, due_at)
			SELECT %s, id, conversation_id, account_id, CASE WHEN n <= 1000 THEN 'pending' ELSE 'ready' END, now() - interval '1 minute' FROM (SELECT *, row_number() OVER (ORDER BY id) AS n FROM messages) m WHERE direction = 'in' AND n <= 20000`,
			id(fileID, "n")),
		`INSERT INTO parked_updates (id, provider_id, account_id, inbound, received_at, expires_at) SELECT gen_random_uuid(), 'lost' || i, ` + id(accountID, "1") + `, '{}', now(), now() + interval '12 hours' FROM generate_series(1, 5000) i`,
		`INSERT INTO idempotency_keys SELECT 'key' || i, ` + id(agentID, "1") + `, '', ` + id(messageID, "i") + ` FROM generate_series(1, 5000) i`,
		`INSERT INTO visitors SELECT gen_random_uuid(), ` + id(accountID, "2") + `, sha256(('v' || i)::bytea) FROM generate_series(1, 5000) i`,
		`INSERT INTO vital_minutes (minute) SELECT date_trunc('minute', now()) - make_interval(mins => i) FROM generate_series(0, 10000) i`,
		`INSERT INTO account_minutes (account_id, minute, sends) SELECT a.id, m.minute, '{1,1}' FROM channel_accounts a, vital_minutes m`,
	} {
		if _, err := s.Lane().Exec(t.Context(), sql); err != nil {
			t.Fatalf("%v\n%s", err, sql)
		}
	}
}

// laneQuestions are those of a batch of 64 events.
func laneQuestions() []question {
	const n = 64
	big, values, ids := of(accountID, 1), numbers("90555%d", 9000, n), several(messageID, 18000, n)
	threads, rows, external := several(identityID, 9000, n), several(conversationID, 9000, n), numbers("x%d", 18000, n)
	now := time.Now()
	return []question{
		{"the account's lane", gen.LockLane, []any{big}, 1, byAny, true},
		{"the oldest pending events", gen.PendingEvents, []any{big, n}, 3 * n, byAny, true},
		{"whether a lane is due", gen.LaneDue, []any{big}, 16, byAny, true},
		{"ids that are new", gen.ClaimProviderIDs, []any{big, numbers("new%d", 1, n), ids}, 0, byAny, true},
		{"updates that waited", gen.TakeParked, []any{numbers("lost%d", 1000, n), big}, 2 * n, byAny, true},
		{"identities by address", gen.IdentitiesByValue, []any{values, "whatsapp"}, 2 * n, byAny, true},
		{"identities by id", gen.IdentitiesByID, []any{threads}, 2 * n, byAny, true},
		{"conversations of new messages", gen.LockOpenConversations, []any{big, values, "whatsapp"}, 5 * n, byAny, true},
		{"conversations of a mixed batch", gen.LockConversationsOfBatch, []any{values, "whatsapp", big, external, ids}, 12 * n, byAny, true},
		{"conversations by id", gen.LockConversations, []any{rows}, 3 * n, byAny, true},
		{"messages by the provider's id", gen.MessagesByProviderID, []any{external, big}, 2 * n, byAny, true},
		{"messages by our id", gen.MessagesByID, []any{ids, big}, n, byAny, true},
		{"messages that may have been sent", gen.UnconfirmedOutbound, []any{several(conversationID, conversations, 1)}, 210, byAny, true},
		{"messages that may be read now", gen.UnreadOutbound, []any{several(conversationID, conversations, 1)}, 0, byAny, true},
		{"messages that may be read now, of some", gen.UnreadOutbound, []any{several(conversationID, 1, n)}, 50, byAny, true},
		{"ended conversations with one", gen.UnconfirmedConversations, []any{big, threads, rows[:1]}, 6 * n, byAny, true},
		{"the newest conversations of threads", gen.LastConversations, []any{big, threads}, n, byAny, true},
		{"events done", gen.DeletePending, []any{big, places(100, n)}, n, byAny, true},
		{"an event that failed", gen.FailPending, []any{"why", 1.0, big, int64(100)}, 1, byAny, true},
		{"an event that is poison", gen.Quarantine, []any{"why", big, int64(100)}, 2, byAny, true},
		{"assignments that end", gen.EndAssignments, []any{several(conversationID, 28_000, n), times(now, n)}, n, byAny, true},
		{"wishes", gen.KeepWishes, []any{several(contactID, 9000, n), make([]bool, n), times(now, n)}, n, byAny, true},
		{"ids given by the provider", gen.GiveProviderIDs, []any{big, external, ids}, 2 * n, byAny, true},
	}
}

func sendQuestions() []question {
	const n = 64
	rows, ids := several(conversationID, 1001, n), several(messageID, 2001, n)
	now := time.Now()
	return []question{
		{"claims", gen.ClaimSends, []any{90.0, ids}, n, byAny, true},
		{"what waited for the ids of claims", gen.TakeParkedOf, []any{of(accountID, 1), ids, make([]int64, n), numbers("lost%d", 1000, n)}, n, byAny, true},
		{"the account of a conversation", gen.AccountOfConversation, []any{rows[0]}, 3, byAny, true},
		{"the line of a conversation", gen.LockLineOf, []any{rows[0]}, 2, byAny, true},
		{"who answers", gen.PresentAgent, []any{of(agentID, 5)}, 2, byAny, true},
		{"claims that hold", gen.LockClaimed, []any{ids, make([]int64, n)}, n, byAny, true},
		{"the pairs' next times", gen.KeepPairs, []any{rows, times(now, n)}, n, byAny, true},
		{"a pair that pauses", gen.BlockPair, []any{60.0, rows[0]}, 1, byAny, true},
		{"addresses of threads", gen.ThreadAddresses, []any{several(conversationID, 1001, n)}, 2 * n, byAny, true},
		{"files of messages", gen.AttachmentsOf, []any{several(messageID, 4000, n)}, n, byAny, true},
		{"the provider's ids of quoted messages", gen.ExternalIDs, []any{ids}, n, byAny, true},
		{"files to fetch of a small account", gen.ClaimMedia, []any{60.0, 0.0, of(accountID, 2), 8}, 8 + 1100, byAny, false}, // the files of all that wait
	}
}

// pruneQuestions are what is asked every minute of what is old.
func pruneQuestions() []question {
	const most = 1000
	now := time.Now()
	return []question{
		{"ids that are old, when none is", gen.ForgetProviderIDs, []any{now.Add(-time.Hour), most}, 0, byAny, true},
		{"ids that are old", gen.ForgetProviderIDs, []any{now.Add(time.Hour), most}, 4*most + 8, byAny, true}, // read, locked, found and deleted
		{"how far back ids are needed", gen.OldestNeeded, []any{now}, 0, byAny, true},
		{"visitors who are gone", gen.ForgetVisitors, []any{uuid.UUID{}, most}, 3 * most, byAny, true},
		{"updates that waited too long", gen.ExpireParked, []any{most}, 0, byAny, false},
		{"accounts' minutes of last week", gen.ForgetAccountMinutes, []any{most}, 0, byAny, false},
		{"minutes of last week", gen.ForgetMinutes, []any{most}, 0, byAny, false},
		{"keys of yesterday", gen.ForgetIdempotencyKeys, []any{most}, 0, byAny, false},
	}
}

func routeQuestions() []question {
	const n = 64
	big, small := of(departmentID, 1), of(departmentID, 2)
	return []question{
		{"the head of a line, and who had them last", gen.LineHead, []any{big, n}, 2 * n, byAny, true},
		{"the head of a short line, one of whom was here 500 times", gen.LineHead, []any{small, n}, 2 * 10, byAny, true},
		{"those at the head", gen.LockWaiting, []any{several(conversationID, conversations-n, n), big}, 3 * n, byAny, true},
		{"a line's agents with their loads", gen.LineAgents, []any{big, time.Time{}, 1.0}, held + 200, byAny, true},
		{"a line's agents who are known", gen.LineAgents, []any{big, time.Now(), 60.0}, 0, byAny, true},
		{"those of them who were picked", gen.PickedAgents, []any{big, several(agentID, 3, 2)}, 200, byAny, true},
		{"the agents of a line without anybody", gen.LineAgents, []any{of(departmentID, 3), time.Time{}, 1.0}, 0, byAny, true},
		{"an agent's load", gen.AgentWithLoad, []any{several(agentID, 2, 1)}, 20, byAny, true},
		{"an agent's load who has a history", gen.AgentWithLoad, []any{several(agentID, 1, 1)}, 1, byAny, true},
		{"the place in the line", gen.PlaceInLine, []any{of(conversationID, 28_000)}, 1, byAny, true},
		{"what an agent holds", gen.HeldConversations, []any{of(agentID, 5)}, 200, byOwn, false},
		{"the lines of what an agent holds", gen.HeldLines, []any{of(agentID, 5)}, 100, byAny, false},
	}
}

func vitalQuestions() []question {
	return []question{
		{"the minutes of six hours", gen.VitalMinutes, []any{6 * 3600.0}, 361, byAny, false},
		{"the accounts' last hour", gen.AccountMinutes, nil, 2 * 61, byAny, false},
		{"how the accounts do", gen.AccountSigns, nil, 2*backlog + 200 + 2*64, byGeneral, false}, // what waits is counted; while nothing waits, a week of minutes is little
		{"whether the minute is sampled", gen.TrySampling, nil, 1, byAny, false},
	}
}

func readQuestions() []question {
	last, first := of(conversationID, conversations), of(conversationID, 100)
	return []question{
		{"a row", gen.ConversationRow, []any{several(conversationID, 50, 3)}, 9, byAny, false},
		{"a page of a thread", gen.ThreadBefore, []any{last, 5000, page}, page, byOwn, false},
		{"the newest page of a thread", gen.ThreadBefore, []any{last, int64(1) << 60, page}, page, byOwn, false},
		{"what follows in a thread", gen.ThreadAfter, []any{last, 5000, page}, page, byOwn, false},
		{"a short thread", gen.ThreadBefore, []any{first, int64(1) << 60, page}, 2, byAny, false},
		{"a message", gen.MessageByID, []any{of(messageID, 77)}, 1, byAny, false},
		{"messages of events", gen.MessagesIn, []any{several(messageID, 100, page)}, page, byAny, false},
		{"reactions on a page", gen.ReactionsOf, []any{several(messageID, 100, page)}, page, byAny, false},
		{"events since", gen.EventsAfter, []any{several(conversationID, conversations-63, 64), make([]int64, 64), 1}, 64, byAny, false},
		{"events of a page", gen.EventsBetween, []any{last, 5000, 5000 + page, page}, page, byAny, false},
		{"what changed since", gen.ChangedSince, []any{int64(999999999), time.Now(), 1000}, 0, byAny, false},
		{"the newest since", gen.NewestSince, []any{int64(999999999), time.Now(), 1000}, 0, byAny, false},
		{"a contact", gen.ContactByID, []any{of(contactID, 100)}, 1, byAny, false},
		{"a contact's addresses", gen.IdentitiesOfContact, []any{of(contactID, 100)}, 1, byAny, false},
		{"a contact's history", gen.HistoryOfContact, []any{of(contactID, 100), first}, 1, byAny, false},
		{"whether a contact is in scope", gen.ContactVisible, []any{of(contactID, 100), false, of(agentID, 2), several(departmentID, 2, 1)}, 1, byAny, false},
		{"the counts of mine", gen.CountMine, []any{of(agentID, 5)}, 100, byAny, false},
		{"the count of a short line", gen.CountWaiting, []any{false, several(departmentID, 2, 1)}, 10, byOwn, false},
		{"the count of what is open", gen.CountOpen, []any{true, several(departmentID, 2, 1), of(agentID, 5)}, open, byGeneral, false},
		{"the count of what is open, of a department", gen.CountOpen, []any{false, several(departmentID, 2, 1), of(agentID, 2)}, open, byGeneral, false},
		{"the count of windows that are about to shut", gen.CountExpiring, []any{[]string{"whatsapp"}, time.Now(), time.Now(), of(agentID, 5), true, several(departmentID, 2, 1)}, open, byGeneral, false},
		{"what is unread", gen.CountUnread, []any{last, long - 10}, 20, byAny, true},
		{"the newest message of the contact", gen.LastInboundExternal, []any{last}, 2, byAny, true},
		{"a thread's window", gen.ThreadWindow, []any{of(identityID, 100), of(accountID, 1)}, 1, byAny, true},
		{"another open conversation", gen.OtherOpen, []any{of(identityID, 100), of(accountID, 1), first}, 1, byAny, true},
		{"messages of a conversation", gen.MessagesOfConversation, []any{several(messageID, 198, 2), first}, 2, byAny, true},
		{"a request that came before", gen.IdempotentMessage, []any{"key7", of(agentID, 1)}, 2, byAny, true},
		{"a file", gen.AttachmentByID, []any{of(fileID, 5001)}, 2, byAny, false},
		{"uploads", gen.UploadsByID, []any{several(fileID, 5001, 4)}, 4, byAny, true},
		{"uploads that nobody sent", gen.OrphanUploads, nil, 0, byAny, false},
		{"a visitor", gen.VisitorByToken, []any{[]byte("none"), of(accountID, 2)}, 1, byAny, false},
		{"a visitor's identity", gen.IdentityOfVisitor, []any{"90555100", ""}, 1, byAny, false},
		{"a visitor's conversations", gen.VisitorConversations, []any{of(identityID, 100), of(accountID, 1)}, 1, byAny, false},
		{"a visitor's message", gen.VisitorMessageID, []any{"x100", of(accountID, 1)}, 1, byAny, false},
	}
}

// listQuestions are every view with its filters, first and next page. Each row of a page has a contact and an identity.
func listQuestions() []question {
	now := time.Now()
	big, small := chat.DepartmentID(of(departmentID, 1)), chat.DepartmentID(of(departmentID, 2))
	everybody := chat.Principal{AgentID: chat.AgentID(of(agentID, 3)), Role: chat.RoleAdmin}
	both := chat.Principal{AgentID: chat.AgentID(of(agentID, 3)), Role: chat.RoleAgent, Departments: []chat.DepartmentID{big, small}}
	few := chat.Principal{AgentID: chat.AgentID(of(agentID, 2)), Role: chat.RoleAgent, Departments: []chat.DepartmentID{small}}
	var out []question
	for _, who := range []struct {
		name string
		p    chat.Principal
	}{{"an admin", everybody}, {"an agent of both departments", both}, {"an agent of the small department", few}} {
		for _, view := range []chat.View{chat.ViewMine, chat.ViewQueue, chat.ViewPending, chat.ViewExpiring, chat.ViewHistory, chat.ViewAll} {
			for filter, q := range map[string]chat.ListQuery{
				"":                         {},
				" of the big department":   {Department: big},
				" of the small department": {Department: small},
				" of the small account":    {Account: chat.AccountID(of(accountID, 2))},
				" of the small channel":    {Kind: "webchat"},
				" of an agent of few":      {Agent: chat.AgentID(of(agentID, 2))},
				" of an agent of many":     {Agent: chat.AgentID(of(agentID, 1))},
				" in the other order":      {Sort: map[chat.View]chat.Sort{chat.ViewQueue: chat.SortWaiting, chat.ViewExpiring: chat.SortExpiring}[view]},
			} {
				if filter == " in the other order" && q.Sort == "" {
					continue
				}
				q.Principal, q.View, q.Limit = who.p, view, page
				if !served(who.p, q) {
					continue
				}
				for next, after := range map[string]chat.ListKey{"": {}, ", next page": {At: now.Add(-time.Hour), ID: chat.ConversationID(of(conversationID, 1000))}} {
					q.After = after
					sql, args := postgres.ListSQL(q, nil, now.Add(-48*time.Hour), now.Add(time.Hour))
					most := 6 * page // a row of a page has a contact and an identity, and pages of departments are merged
					switch {
					case view == chat.ViewHistory:
						most += open // which are newer than all that ended
					case view == chat.ViewQueue && filter != "", view == chat.ViewExpiring:
						most += waits
					case !who.p.SeesAll() && (!chat.IsZero(q.Account) || q.Kind != ""):
						most += 500 // of what they held themselves, in whatever department, those of one account are picked out
					}
					out = append(out, question{fmt.Sprintf("%s of %s%s%s", view, who.name, filter, next), sql, args, most, byOwn, false})
				}
			}
		}
	}
	return out
}

// served tells whether an index has the list's rows in the list's order. Who asks "all" or "history" for an agent who has worked for
// departments that one does not see reads more than a page.
func served(p chat.Principal, q chat.ListQuery) bool {
	if q.View != chat.ViewAll && q.View != chat.ViewHistory {
		return true
	}
	return p.SeesAll() || len(p.Departments) > 1 || q.Agent != chat.AgentID(of(agentID, 1))
}

// searchQuestions are for a part of a name or number: one that few have, and one that everybody has.
func searchQuestions() []question {
	now := time.Now()
	few := []chat.ContactID{chat.ContactID(of(contactID, 100)), chat.ContactID(of(contactID, 2000)), chat.ContactID(of(contactID, 29_999))}
	out := []question{
		{"a number that one has", gen.ContactsNamed, []any{"%9055529876%", 1001}, 1, byOwn, false},
		{"a name that one has", gen.ContactsNamed, []any{"%lif 29876%", 1001}, 1, byOwn, false},
	}
	for _, p := range []chat.Principal{
		{AgentID: chat.AgentID(of(agentID, 3)), Role: chat.RoleAdmin},
		{AgentID: chat.AgentID(of(agentID, 3)), Role: chat.RoleAgent, Departments: []chat.DepartmentID{chat.DepartmentID(of(departmentID, 1)), chat.DepartmentID(of(departmentID, 2))}},
	} {
		for _, view := range []chat.View{chat.ViewMine, chat.ViewQueue, chat.ViewHistory, chat.ViewAll} {
			for filter, q := range map[string]chat.ListQuery{"": {}, " of the small account": {Account: chat.AccountID(of(accountID, 2))}} {
				q.Principal, q.View, q.Limit, q.Text = p, view, page, "elif"
				sql, args := postgres.ListSQL(q, few, now, now)
				out = append(out, question{fmt.Sprintf("%s of the %s%s with one of few names", view, p.Role, filter), sql, args, 20, byOwn, false})
				most := 3 * 6 * page // each row's contact and identity
				switch {
				case view == chat.ViewHistory:
					most += 3 * open
				case filter != "":
					most += waits
				}
				sql, args = postgres.ListSQL(q, nil, now, now)
				out = append(out, question{fmt.Sprintf("%s of the %s%s with a name that all have", view, p.Role, filter), sql, args, most, byOwn, false})
			}
		}
	}
	return out
}

func times(at time.Time, n int) []time.Time {
	out := make([]time.Time, n)
	for i := range out {
		out[i] = at
	}
	return out
}

package postgres

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/postgres/gen"

	"github.com/jackc/pgx/v5"
)

// ConversationRows reads conversations by id, without any scope: the caller checks who may see them.
func (s *Store) ConversationRows(ctx context.Context, ids []chat.ConversationID) ([]chat.ConversationRow, error) {
	rows, err := s.pool.Query(ctx, gen.ConversationRow, ids)
	if err != nil {
		return nil, wrap(err)
	}
	return s.withKinds(ctx, rows)
}

func (s *Store) withKinds(ctx context.Context, rows pgx.Rows) ([]chat.ConversationRow, error) {
	out, err := conversationRows(rows, "")
	if err != nil || len(out) == 0 {
		return nil, wrap(err)
	}
	kinds, err := s.kinds(ctx, s.pool)
	if err != nil {
		return nil, wrap(err)
	}
	for i := range out {
		out[i].Kind = kinds[out[i].AccountID]
	}
	return out, nil
}

// Conversation reads one that the principal may see; otherwise CodeNotFound.
func (s *Store) Conversation(ctx context.Context, p chat.Principal, id chat.ConversationID) (chat.ConversationRow, error) {
	rows, err := s.ConversationRows(ctx, []chat.ConversationID{id})
	if err != nil {
		return chat.ConversationRow{}, err
	}
	if len(rows) == 0 || !p.Sees(rows[0].DepartmentID, rows[0].AgentID) {
		return chat.ConversationRow{}, chat.Errorf(chat.CodeNotFound, "no such conversation")
	}
	return rows[0], nil
}

// ThreadPage reads messages of a conversation before a number, newest first, or after one, oldest first.
func (s *Store) ThreadPage(ctx context.Context, id chat.ConversationID, before, after int64, limit int) ([]chat.ThreadMessage, error) {
	sql, bound := gen.ThreadAfter, after
	if before > 0 {
		sql, bound = gen.ThreadBefore, before
	}
	// Planned for this thread: the plan for an average one, which is short, reads the whole of a long one.
	rows, err := s.pool.Query(ctx, sql, pgx.QueryExecModeCacheDescribe, id, bound, int32(limit))
	if err != nil {
		return nil, wrap(err)
	}
	var messages []chat.Message
	if err := eachMessage(rows, func(m chat.Message) { messages = append(messages, m) }); err != nil {
		return nil, wrap(err)
	}
	return s.threadMessages(ctx, s.pool, messages)
}

// Message reads one message with its files and reactions, without any scope.
func (s *Store) Message(ctx context.Context, id chat.MessageID) (chat.ThreadMessage, error) {
	rows, err := s.pool.Query(ctx, gen.MessageByID, id)
	if err != nil {
		return chat.ThreadMessage{}, wrap(err)
	}
	var messages []chat.Message
	if err := eachMessage(rows, func(m chat.Message) { messages = append(messages, m) }); err != nil {
		return chat.ThreadMessage{}, wrap(err)
	}
	if len(messages) == 0 {
		return chat.ThreadMessage{}, chat.Errorf(chat.CodeNotFound, "no such message")
	}
	full, err := s.threadMessages(ctx, s.pool, messages)
	if err != nil {
		return chat.ThreadMessage{}, err
	}
	return full[0], nil
}

// threadMessages adds files and reactions. A message that was taken back shows neither.
func (s *Store) threadMessages(ctx context.Context, tx db, messages []chat.Message) ([]chat.ThreadMessage, error) {
	out := make([]chat.ThreadMessage, len(messages))
	all := make([]*chat.ThreadMessage, len(messages))
	for i, m := range messages {
		out[i].Message = m
		all[i] = &out[i]
	}
	return out, adorn(ctx, tx, all)
}

// Adorn fills in the files of messages and the reactions on them, as they stand.
func (s *Store) Adorn(ctx context.Context, messages []*chat.ThreadMessage) error {
	return adorn(ctx, s.deed, messages) // with what was done, it is told
}

func adorn(ctx context.Context, tx db, messages []*chat.ThreadMessage) error {
	at := map[chat.MessageID][]*chat.ThreadMessage{} // one message may stand in several events
	var ids, filed []chat.MessageID
	for _, m := range messages {
		m.Content.Media, m.Reactions = nil, nil
		if !m.DeletedAt.IsZero() {
			continue
		}
		if at[m.ID] == nil {
			ids = append(ids, m.ID)
			if m.Kind.HasFiles() {
				filed = append(filed, m.ID)
			}
		}
		at[m.ID] = append(at[m.ID], m)
	}
	var b pgx.Batch
	if len(filed) > 0 {
		b.Queue(gen.AttachmentsOf, filed).Query(func(rows pgx.Rows) error {
			return eachAttachment(rows, func(id chat.MessageID, m chat.Media, _ string, _ time.Time) {
				for _, t := range at[id] {
					t.Content.Media = append(t.Content.Media, m)
				}
			})
		})
	}
	if len(ids) > 0 {
		b.Queue(gen.ReactionsOf, ids).Query(func(rows pgx.Rows) error {
			var r chat.Reaction
			_, err := pgx.ForEachRow(rows, []any{&r.MessageID, &r.Direction, &r.Emoji}, func() error {
				for _, t := range at[r.MessageID] {
					t.Reactions = append(t.Reactions, r)
				}
				return nil
			})
			return err
		})
	}
	if b.Len() == 0 {
		return nil
	}
	return wrap(tx.SendBatch(ctx, &b).Close())
}

// EventsAfter reads events of conversations after a number each, at most so many of each, in order, with the messages that they are
// about as they stand.
func (s *Store) EventsAfter(ctx context.Context, seqs map[chat.ConversationID]int64, most int) (map[chat.ConversationID][]chat.ThreadEvent, error) {
	ids, after := make([]chat.ConversationID, 0, len(seqs)), make([]int64, 0, len(seqs))
	for id, seq := range seqs {
		ids, after = append(ids, id), append(after, seq)
	}
	rows, err := s.pool.Query(ctx, gen.EventsAfter, ids, after, int32(most))
	if err != nil {
		return nil, wrap(err)
	}
	all, err := s.threadEvents(ctx, rows)
	if err != nil {
		return nil, err
	}
	out := make(map[chat.ConversationID][]chat.ThreadEvent, len(seqs))
	for _, e := range all {
		out[e.ConversationID] = append(out[e.ConversationID], e)
	}
	return out, nil
}

// EventsBetween reads the events of a page of a thread that are not a message's own, newest first.
func (s *Store) EventsBetween(ctx context.Context, id chat.ConversationID, low, high int64, limit int) ([]chat.ThreadEvent, error) {
	rows, err := s.pool.Query(ctx, gen.EventsBetween, id, low, high, int32(limit))
	if err != nil {
		return nil, wrap(err)
	}
	return s.threadEvents(ctx, rows)
}

func (s *Store) threadEvents(ctx context.Context, rows pgx.Rows) ([]chat.ThreadEvent, error) {
	defer rows.Close()
	var (
		out []chat.ThreadEvent
		ids []chat.MessageID
	)
	for rows.Next() {
		var (
			e       chat.ThreadEvent
			actor   *chat.AgentID
			message *chat.MessageID
			data    json.RawMessage
		)
		if err := rows.Scan(&e.ConversationID, &e.Seq, &e.Kind, &e.At, &actor, &message, &data); err != nil {
			return nil, wrap(err)
		}
		e.Actor, e.MessageID, e.At = id(actor), id(message), e.At.UTC()
		if len(data) > 0 {
			e.Data = data
		}
		if message != nil {
			ids = append(ids, *message)
		}
		out = append(out, e)
	}
	if err := rows.Err(); err != nil || len(ids) == 0 {
		return out, wrap(err)
	}
	found, err := s.pool.Query(ctx, gen.MessagesIn, ids)
	if err != nil {
		return nil, wrap(err)
	}
	var messages []chat.Message
	if err := eachMessage(found, func(m chat.Message) { messages = append(messages, m) }); err != nil {
		return nil, wrap(err)
	}
	full, err := s.threadMessages(ctx, s.pool, messages)
	if err != nil {
		return nil, err
	}
	at := map[chat.MessageID]*chat.ThreadMessage{}
	for i := range full {
		at[full[i].ID] = &full[i]
	}
	for i := range out {
		out[i].Message = at[out[i].MessageID]
	}
	return out, nil
}

// Contact reads a contact with its identities, without any scope.
func (s *Store) Contact(ctx context.Context, contact chat.ContactID) (chat.Contact, []chat.Identity, error) {
	g, err := s.q.ContactByID(ctx, contact)
	if err != nil {
		return chat.Contact{}, nil, wrap(err)
	}
	rows, err := s.q.IdentitiesOfContact(ctx, contact)
	if err != nil {
		return chat.Contact{}, nil, wrap(err)
	}
	c := g.Contact
	var ids []chat.Identity
	for _, r := range rows {
		i := r.Identity
		ids = append(ids, chat.Identity{
			ID: i.ID, ContactID: i.ContactID, Thread: i.ThreadID, ProfileName: i.ProfileName, Username: i.Username,
			Address: chat.Address{Kind: chat.ChannelKind(i.Kind), Scope: i.Scope, Type: chat.AddressType(i.Type), Value: i.Value},
		})
	}
	return chat.Contact{ID: c.ID, Name: c.Name, Language: c.Language, OptedOut: at(c.OptedOutAt), CreatedAt: c.CreatedAt.UTC()}, ids, nil
}

// ContactVisible tells whether one of a contact's conversations lies within the principal's scope.
func (s *Store) ContactVisible(ctx context.Context, p chat.Principal, contact chat.ContactID) (bool, error) {
	ok, err := s.q.ContactVisible(ctx, gen.ContactVisibleParams{ContactID: contact, SeesAll: p.SeesAll(), AgentID: uid(p.AgentID), Departments: departmentIDs(p)})
	return ok, wrap(err)
}

func departmentIDs(p chat.Principal) []uid {
	return column(p.Departments, func(d *chat.DepartmentID) uid { return uid(*d) })
}

// UpdateContact changes what an agent may edit; nil leaves it.
func (s *Store) UpdateContact(ctx context.Context, contact chat.ContactID, name, language *string) error {
	return wrap(s.q.UpdateContact(ctx, name, language, contact))
}

// HistoryOfContact reads a contact's other conversations, newest first, without any scope.
func (s *Store) HistoryOfContact(ctx context.Context, contact chat.ContactID, except chat.ConversationID) ([]chat.HistoryRow, error) {
	rows, err := s.q.HistoryOfContact(ctx, contact, except)
	if err != nil {
		return nil, wrap(err)
	}
	var out []chat.HistoryRow
	for _, r := range rows {
		h := chat.HistoryRow{
			ID: r.ID, AccountID: r.AccountID, Kind: chat.ChannelKind(r.Kind), Status: chat.ConversationStatus(r.Status),
			LastMessageAt: r.LastMessageAt.UTC(), EndedAt: at(r.EndedAt), AgentID: id(r.AgentID), DepartmentID: r.DepartmentID,
		}
		if r.Label != nil {
			h.EndReason = *r.Label
		}
		if err := json.Unmarshal(r.Preview, &h.Preview); err != nil {
			return nil, err
		}
		out = append(out, h)
	}
	return out, nil
}

// Horizon is this moment in the record: what commits after it shows in ChangedSince.
func (s *Store) Horizon(ctx context.Context) (chat.Horizon, error) {
	h, err := s.q.Horizon(ctx)
	return chat.Horizon{Xid: h.Xid, At: h.At.UTC(), Now: s.desk(h.At), Copy: h.Copy}, wrap(err)
}

// NewestSince tells, for each conversation with events that committed after a moment, the newest one's seq. more says that there
// are more events than most, and so some conversations that are not named.
func (s *Store) NewestSince(ctx context.Context, h chat.Horizon, most int) (newest map[chat.ConversationID]int64, more bool, err error) {
	rows, err := s.q.NewestSince(ctx, h.Xid, h.At, int32(most))
	if err != nil {
		return nil, false, wrap(err)
	}
	events := int64(0)
	newest = make(map[chat.ConversationID]int64, len(rows))
	for _, r := range rows {
		newest[r.ConversationID] = r.Seq
		events += r.Events
	}
	return newest, events >= int64(most), nil
}

// ChangedSince names the conversations with events that committed after a moment. more says that they are not all: there are
// more than limit, or too many events to look at each.
func (s *Store) ChangedSince(ctx context.Context, h chat.Horizon, limit int) (ids []chat.ConversationID, more bool, err error) {
	events := 20 * limit
	all, err := s.q.ChangedSince(ctx, h.Xid, h.At, int32(events))
	if err != nil {
		return nil, false, wrap(err)
	}
	seen := make(map[chat.ConversationID]struct{}, limit)
	for _, id := range all {
		seen[id] = struct{}{}
	}
	return slices.Collect(maps.Keys(seen)), len(seen) > limit || len(all) == events, nil
}

// Counts are the numbers beside a principal's views; from and to bound when windows that are about to shut were opened.
func (s *Store) Counts(ctx context.Context, p chat.Principal, kinds []chat.ChannelKind, from, to time.Time) (chat.Counts, error) {
	c := chat.Counts{Departments: map[chat.DepartmentID]int{}}
	each := func(f func(chat.DepartmentID, int)) func(pgx.Rows) error {
		return func(rows pgx.Rows) error {
			var d chat.DepartmentID
			var n int
			_, err := pgx.ForEachRow(rows, []any{&d, &n}, func() error { f(d, n); return nil })
			return err
		}
	}
	var b pgx.Batch
	b.Queue(gen.CountMine, p.AgentID).QueryRow(func(r pgx.Row) error { return r.Scan(&c.Mine, &c.Pending, &c.Unread) })
	b.Queue(gen.CountWaiting, p.SeesAll(), departmentIDs(p)).Query(each(func(_ chat.DepartmentID, n int) { c.Queue += n }))
	b.Queue(gen.CountOpen, p.SeesAll(), departmentIDs(p), p.AgentID).Query(each(func(d chat.DepartmentID, n int) {
		c.Departments[d] = n
		c.All += n
	}))
	b.Queue(gen.CountExpiring, kinds, from, to, p.AgentID, p.SeesAll(), departmentIDs(p)).QueryRow(func(r pgx.Row) error { return r.Scan(&c.Expiring) })
	return c, wrap(s.pool.SendBatch(ctx, &b).Close())
}
